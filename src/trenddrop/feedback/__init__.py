"""What published posts earned; it comes back as raw input of the next run."""

from trenddrop.feedback.record import FeedbackRecord, FeedbackSummary, record_feedback

__all__ = ["FeedbackRecord", "FeedbackSummary", "record_feedback"]
