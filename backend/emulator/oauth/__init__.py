"""Emulated banks' authorization servers: consents, journeys, and the pages a customer meets."""
