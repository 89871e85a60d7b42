"""The outside world, runnable: banks with a ledger, an authorization server and an API. Knows only the kernel."""
