"""Bank payload to documents: keep the bytes, map, set aside what does not fit, write only what changed."""
