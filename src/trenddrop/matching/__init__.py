"""Which trends fit a video, and how likely each of them is to go viral."""

from trenddrop.matching.config import MatchingConfig, load_matching
from trenddrop.matching.matches import Match, is_generic, match
from trenddrop.matching.scores import latest_scores
from trenddrop.matching.store import write_matches
from trenddrop.matching.video import Video

__all__ = [
    "Match",
    "MatchingConfig",
    "Video",
    "is_generic",
    "latest_scores",
    "load_matching",
    "match",
    "write_matches",
]
