"""The rhythm in which the views of a hashtag rise, as features."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import AddColumn

COLUMNS = ("hours_since_rise", "hours_between_rises", "hours_between_earlier_rises")

RISES = Migration(
    version=10,
    name="rises",
    description="Hours since the views of a hashtag last rose, and between the rises before.",
    up=tuple(AddColumn("hashtag_features", column, "float64") for column in COLUMNS),
)
