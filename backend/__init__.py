"""Open Finance Data Store: the store, the banks it speaks to, and the ways in."""
