"""Machine clients: programs a person registers, and the token endpoint where they get their tokens."""
