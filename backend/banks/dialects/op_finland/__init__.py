"""OP Financial Group's account information API, and the corporate one beside it."""
