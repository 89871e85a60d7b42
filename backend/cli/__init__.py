"""The command line: `openfinance …`."""
