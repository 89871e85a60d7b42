"""The HTTP API: raw data, insights, people and their tokens; `app.create_app` puts it together."""
