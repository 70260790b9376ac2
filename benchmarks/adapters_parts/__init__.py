"""The parts of `benchmarks/adapters.py`, one per framework."""
