"""The usual views of a hashtag, and what is to come against them, as features."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import AddColumn

COLUMNS = ("mean_views_72h", "views_to_mean_72h", "new_video_views_to_mean_72h", "video_views_to_mean_72h")

USUAL_VIEWS = Migration(
    version=12,
    name="usual_views",
    description="Mean hourly views of three days; views of the hour and of the seen videos against them.",
    up=tuple(AddColumn("hashtag_features", column, "float64") for column in COLUMNS),
)
