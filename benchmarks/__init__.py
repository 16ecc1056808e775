"""Benchmarks: whole order lives against a workflow that does nothing, as ratios taken in one run."""
