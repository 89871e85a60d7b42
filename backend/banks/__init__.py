"""How banks speak: a bank is a row in data/banks, a dialect is a folder here. No database, no sending."""
