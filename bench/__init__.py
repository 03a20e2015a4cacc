"""Benchmarks: each module has `run() -> dict`, with rates and the ratios that judge them."""
