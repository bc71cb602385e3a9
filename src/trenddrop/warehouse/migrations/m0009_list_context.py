"""The category of a hashtag as each observation says it, and the list around a hashtag as features."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import AddColumn

COLUMNS = {
    "score_to_above": "float64",
    "score_to_third_above": "float64",
    "score_to_below": "float64",
    "score_to_third_below": "float64",
    "topic_category": "string",
    "category_list_size": "int64",
    "category_top_10": "int64",
}

LIST_CONTEXT = Migration(
    version=9,
    name="list_context",
    description="The category of an observation, and features of a hashtag's neighbours on its platform's list.",
    up=(
        AddColumn("hashtag_observations", "category", "string"),
        *(AddColumn("hashtag_features", column, dtype) for column, dtype in COLUMNS.items()),
    ),
)
