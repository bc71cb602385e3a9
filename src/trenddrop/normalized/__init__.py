"""Observations into hourly metrics, latest states and trends; one module per entity or event table."""

from trenddrop.normalized.hashtag_metrics import hashtag_metrics
from trenddrop.normalized.normalization import NormalizeSummary, normalize

__all__ = ["NormalizeSummary", "hashtag_metrics", "normalize"]
