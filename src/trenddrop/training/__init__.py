"""Purged splits, backtests and the record of a run."""

from trenddrop.training.record import RunContext
from trenddrop.training.split import default_test_from, split_by_time
from trenddrop.training.tracker import LoggedRun, RunRecord, Tracker
from trenddrop.training.train import TrainResult, train

__all__ = [
    "LoggedRun",
    "RunContext",
    "RunRecord",
    "Tracker",
    "TrainResult",
    "default_test_from",
    "split_by_time",
    "train",
]
