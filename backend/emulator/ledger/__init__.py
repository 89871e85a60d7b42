"""The banks' books: four services on an append-only, hash-chained double-entry journal. Knows only the kernel."""
