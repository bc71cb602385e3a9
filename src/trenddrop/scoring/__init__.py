"""Features and a model version to scores and rows of ``predictions``."""

from trenddrop.scoring.open_windows import open_scores
from trenddrop.scoring.predictions import Issue, prediction_rows, write_predictions
from trenddrop.scoring.score import score

__all__ = ["Issue", "open_scores", "prediction_rows", "score", "write_predictions"]
