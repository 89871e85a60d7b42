"""Berlin Group NextGenPSD2 XS2A 1.3: consents, accounts, balances, transactions, card accounts."""
