"""MongoDB for every room: connecting, running the embedded server, preparing a database."""
