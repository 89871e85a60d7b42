"""The four services: accounts, banking, ledger and query. Each writes its own collections and hears by message."""
