"""UK Open Banking Read/Write 3.1: consents, accounts, balances, transactions, products, standing orders."""
