"""OAuth 2 server: grants, clients, tokens; serves emulated banks and our own API, and knows neither."""
