"""Side-by-side measurements against named peers and against the raw driver; `python -m benchmarks` runs them."""
