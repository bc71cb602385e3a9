"""How sure a prediction is, and what it says of the peak: interval of the probability, time to peak, peak views."""

from trenddrop.warehouse.migrations.runner import Migration
from trenddrop.warehouse.migrations.steps import AddColumn

COLUMNS = (
    "probability_low",
    "probability_high",
    "hours_to_peak_low",
    "hours_to_peak",
    "hours_to_peak_high",
    "peak_views_low",
    "peak_views",
    "peak_views_high",
)

PREDICTION_OUTCOMES = Migration(
    version=8,
    name="prediction_outcomes",
    description="The interval of a probability, and quantiles of the time to the peak and of its views.",
    up=tuple(AddColumn("predictions", column, "float64") for column in COLUMNS),
)
