"""The model card: what a model is for, what it was made of and how good it is, written from the run's own figures."""

import json
from datetime import datetime

import jinja2

from trenddrop.core.ids import content_id
from trenddrop.modeling import fingerprint
from trenddrop.modeling.spec import models_folder
from trenddrop.training.record import LABEL, RECIPE, Run

CARD = "model_card.md.j2"


def model_card(run: Run) -> str:
    """Return the model card as Markdown, from ``models/model_card.md.j2``; what the run does not know is "unknown"."""
    template = (models_folder() / CARD).read_text(encoding="utf-8")
    environment = jinja2.Environment(  # noqa: S701 - Markdown, not HTML
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"figure": _figure, "bounds": _bounds, "count": _count, "words": _words}
    return environment.from_string(template).render(
        run=run,
        spec=run.spec,
        model=run.model,
        metrics=run.metrics,
        details=run.details,
        intervals=run.intervals,
        outcomes=run.outcomes,
        split=run.split,
        context=run.context,
        fingerprint=fingerprint(run.model),
        recipe=RECIPE,
        label=LABEL,
        feature_views=_feature_views(run.context.feature_pins),
        first_row=_moment(run.split.train["event_timestamp"].min()),
        last_row=_moment(run.split.test["event_timestamp"].max()),
    )


def _feature_views(pins: str) -> dict[str, str]:
    """Return what identifies each feature view that the run read."""
    views = json.loads(pins).get("views", {}) if pins else {}
    return {name: content_id(json.dumps(view, sort_keys=True)) for name, view in sorted(views.items())}


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"


def _bounds(value: tuple[float, float] | None) -> str:
    return "unknown" if value is None else f"{value[0]:.4f} to {value[1]:.4f}"


def _count(value: int) -> str:
    return f"{value:,}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _moment(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else "unknown"
