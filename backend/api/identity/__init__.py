"""People, their passwords and tokens, and the record of what was done."""
