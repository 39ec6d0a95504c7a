"""Benchmarks that need no downloads."""
