"""The videos of a hashtag that were seen in the last day, as features."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import AddColumn

COUNTS = ("seen_videos_24h", "new_videos_24h")
MEASURES = (
    "new_video_views_24h",
    "new_video_views_per_hour",
    "old_video_views_per_hour",
    "new_video_age_hours",
    "seen_video_age_hours",
)

ARRIVALS = Migration(
    version=11,
    name="arrivals",
    description="Videos of a hashtag seen in the last day, those seen for the first time, their rates and ages.",
    up=(
        *(AddColumn("hashtag_features", column, "int64") for column in COUNTS),
        *(AddColumn("hashtag_features", column, "float64") for column in MEASURES),
    ),
)
