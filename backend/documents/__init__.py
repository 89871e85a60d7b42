"""What the store holds: plain models of the facts, and the Beanie documents they are stored as."""
