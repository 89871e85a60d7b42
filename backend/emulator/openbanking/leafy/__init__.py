"""The leafy banks' own API: the JSON of the first open-finance store, with a consent and pages around it."""
