"""The people of the emulated world: who banks where, and what their lives leave on their accounts."""
