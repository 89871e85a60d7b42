"""An authorization server by the standards, for any issuer: it knows nothing of banks, pages or consents."""
