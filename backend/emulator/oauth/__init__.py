"""Emulated banks' authorization servers: the protocol, consents, and the pages a customer meets."""
