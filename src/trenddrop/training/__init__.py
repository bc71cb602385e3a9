"""Purged splits, backtests and the record of a run."""
