"""One folder per dialect; none knows another."""
