"""The API of a Finnish bank in the manner of OP: authorizations, accounts, transactions, cards."""
