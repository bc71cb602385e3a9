"""The report's page: what the template shows, and the template."""

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from trenddrop.core.time import as_utc
from trenddrop.report.content import Plot, ReportContent, VideoContent
from trenddrop.report.feature_plots import HEIGHT, WIDTH, feature_plots, missing_features

DASH = "–"
SEVERITIES = ("critical", "high", "medium", "low")
MODEL_ROW, PREVALENCE_ROW = "TrendDrop", "prevalence (a random order)"


def html_report(content: ReportContent) -> str:
    """Return the run as one self-contained page: styles inline, pictures as data, no script, no request.

    All text is escaped, whatever captions and hashtags hold. A section without content is left out.
    """
    environment = Environment(
        loader=PackageLoader("trenddrop.report", "."),
        autoescape=select_autoescape(enabled_extensions=("html", "jinja"), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": share, "moment": moment}
    return environment.get_template("report.html.jinja").render(
        content=content,
        tiles=list(content.headline.items()),
        trends=trend_rows(content),
        full_bar=bar_scale(content),
        interval_level=_interval_level(content),
        history=None if content.history is None else _picture(content.history),
        plots=[_picture(plot) for plot in content.plots],
        backtest=backtest_rows(content),
        limits=data_limits(content),
        further=further_rows(content),
        horizons=sorted(content.backtest),
        outcomes=list(content.outcomes.items()),
        videos=[_video(video) for video in content.videos],
        features=feature_plots(content.features, content.feature_alerts),
        missing=missing_features(content.features),
        plot_size=(WIDTH, HEIGHT),
        checks=sorted(content.checks, key=lambda check: (SEVERITIES.index(check.severity), -check.failure_rate)),
    )


def number(value: object) -> str:
    """Return a figure for people.

    >>> number(574116), number(0.25), number(None), number("weibo")
    ('574,116', '0.25', '–', 'weibo')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def share(value: float | None, digits: int = 1) -> str:
    """Return a share in percent.

    >>> share(0.1234), share(0.00004), share(0.0), share(None)
    ('12.3 %', '<0.1 %', '0.0 %', '–')
    """
    if value is None or not math.isfinite(value):
        return DASH
    smallest = 10 ** -(digits + 2)
    return f"<{smallest * 100:.{digits}f} %" if 0 < value < smallest else f"{100 * value:.{digits}f} %"


def moment(value: datetime) -> str:
    """Return an instant for people, in UTC."""
    return f"{as_utc(value):%Y-%m-%d %H:%M} UTC"


def bar_scale(content: ReportContent) -> float:
    """Return the probability at which a bar is full: the next tenth above the greatest one shown."""
    columns = [f"probability_{h}h" for h in content.horizons if f"probability_{h}h" in content.trends.columns]
    values = [value for column in columns for value in content.trends[column] if value is not None]
    return min(1.0, max(0.1, math.ceil(max(values, default=0.0) * 10) / 10))


def trend_rows(content: ReportContent) -> list[dict[str, Any]]:
    """Return what is shown of each trend: name, platform, bars and reasons."""
    full = bar_scale(content)
    rows = []
    for row in content.trends.iter_rows(named=True):
        platform, _, name = str(row["hashtag_id"]).partition(":")
        bars = [
            {
                "horizon": h,
                "share": row[f"probability_{h}h"],
                "width": 100 * (row[f"probability_{h}h"] or 0.0) / full,
                "interval": _interval(row, h, full),
            }
            for h in content.horizons
            if f"probability_{h}h" in row
        ]
        title = row.get("title")
        told = {"name": title or name, "platform": platform, "peak": _peak(row)}
        rows.append(told | {"bars": bars, "reasons": _reasons(row.get("reasons"))})
    return rows


def backtest_rows(content: ReportContent) -> list[dict[str, Any]]:
    """Return one row per scorer, a cell per horizon: average precision, its interval, whether it is the best."""
    if not content.backtest:
        return []
    horizons = sorted(content.backtest)
    names = list(
        dict.fromkeys(name for horizon in horizons for name in content.backtest[horizon].get("baselines") or {})
    )
    scorers: dict[str, dict[int, tuple[float | None, Any]]] = {MODEL_ROW: {}, **{name: {} for name in names}}
    scorers[PREVALENCE_ROW] = {}
    for horizon in horizons:
        figures = content.backtest[horizon]
        scorers[MODEL_ROW][horizon] = (figures.get("average_precision"), figures.get("interval"))
        scorers[PREVALENCE_ROW][horizon] = (figures.get("prevalence"), None)
        for name in names:
            intervals = figures.get("baseline_intervals") or {}
            scorers[name][horizon] = ((figures.get("baselines") or {}).get(name), intervals.get(name))
    best = {h: max((cells[h][0] or 0.0 for cells in scorers.values()), default=0.0) for h in horizons}
    return [
        {
            "name": name.replace("_", " "),
            "is_model": name == MODEL_ROW,
            "cells": [
                {
                    "value": cells[h][0],
                    "interval": cells[h][1],
                    "is_best": cells[h][0] is not None and cells[h][0] == best[h],
                }
                for h in horizons
            ],
        }
        for name, cells in scorers.items()
    ]


def _peak(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what is expected of the greatest hour, in words with its band; nothing where nothing was predicted."""
    found = []
    for target, show, unit in (("hours_to_peak", _whole, "h"), ("peak_views", number, "views")):
        low, middle, high = (row.get(f"{target}{end}") for end in ("_low", "", "_high"))
        if low is not None and middle is not None and high is not None:
            found.append({"middle": f"{show(middle)} {unit}", "band": f"{show(low)} to {show(high)}"})
    return found


def _whole(value: float) -> str:
    return f"{value:.0f}"


def _interval_level(content: ReportContent) -> float | None:
    """Return the share of days on which the intervals that are shown shall hold."""
    levels = [(one.get("probability_interval") or {}).get("level") for one in content.backtest.values()]
    is_shown = any(name.startswith("low_") for name in content.trends.columns)
    return next((level for level in levels if level is not None and is_shown), None)


def _interval(row: Mapping[str, Any], horizon: int, full: float) -> dict[str, float] | None:
    """Return the ends of a probability's interval and where its line is drawn on the bar."""
    low, high = row.get(f"low_{horizon}h"), row.get(f"high_{horizon}h")
    if low is None or high is None:
        return None
    left, right = 100 * min(low / full, 1.0), 100 * min(high / full, 1.0)
    return {"low": low, "high": high, "left": left, "width": right - left}


SLICES = ("onset_only", "unseen_hashtags", "under_24h_old")
FURTHER: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("rows", "test rows", number),
    ("positives", "of them viral", number),
    ("ratio_to_best_baseline", "average precision / the best baseline's", number),
    ("precision_at_20", "precision among the 20 likeliest of an hour", share),
    ("oracle_precision_at_20", "the same, of a perfect order", share),
    ("brier_skill", "Brier skill (0: as good as the prevalence)", number),
    ("calibration_slope", "calibration slope (1: right)", number),
    ("ece", "expected calibration error", share),
    ("interval_coverage", "later days on which the interval of a probability held", share),
    ("event_recall", "events that an alert announced", share),
    ("lead_time_to_onset_h", "hours from the first alert to the onset, median", number),
    ("lead_time_to_peak_h", "hours from the first alert to the peak, median", number),
    ("false_alerts_per_1000_topic_days", "false alerts in 1,000 topic-days", number),
    ("onset_only", "average precision, hashtags that had not just gone viral", number),
    ("unseen_hashtags", "average precision, hashtags unseen in training", number),
    ("under_24h_old", "average precision, hashtags less than 24 h old", number),
)


def further_rows(content: ReportContent) -> list[dict[str, Any]]:
    """Return the figures beside average precision, one row each, without those that no horizon has.

    A cell is the figure and its interval as texts, the latter empty where there is none.
    """
    rows = []
    for key, label, show in FURTHER:
        found = [_further(content.backtest[horizon], key) for horizon in sorted(content.backtest)]
        if any(value is not None for value, _ in found):
            cells = [(show(value), f"[{show(ends[0])}, {show(ends[1])}]" if ends else "") for value, ends in found]
            rows.append({"label": label, "cells": cells})
    return rows


def _further(figures: Mapping[str, Any], key: str) -> tuple[Any, Any]:
    """Return a figure and its interval."""
    if key == "interval_coverage":
        held = figures.get("probability_interval") or {}
        return held.get("coverage"), held.get("coverage_interval")
    if key in SLICES:
        part = (figures.get("slices") or {}).get(key) or {}
        return part.get("average_precision"), part.get("interval")
    if key == "ratio_to_best_baseline":
        return figures.get(key), (figures.get("ratio_intervals") or {}).get(figures.get("best_baseline"))
    intervals = (figures.get("intervals") or {}) | (figures.get("alert_intervals") or {})
    return figures.get(key), intervals.get(key)


def data_limits(content: ReportContent) -> list[str]:
    """Return in words what the test rows do not allow, each with its horizon."""
    found = content.backtest
    return [
        f"Within {horizon} h: {limit}." for horizon in sorted(found) for limit in found[horizon].get("limits") or ()
    ]


def _reasons(text: str | None) -> list[dict[str, Any]]:
    """Return the reasons; a JSON text that is not a list of them is shown as none."""
    try:
        parsed = json.loads(text) if text else []
    except json.JSONDecodeError:
        parsed = []
    found: list[dict[str, Any]] = []
    for reason in parsed if isinstance(parsed, list) else []:
        told = reason if isinstance(reason, dict) else {"text": str(reason)}
        words = str(told.get("text") or told.get("feature") or "")
        raises = float(told.get("contribution") or 0.0) >= 0
        found.append({"text": words.removesuffix(" (raises it)").removesuffix(" (lowers it)"), "raises": raises})
    return found


def _picture(plot: Plot) -> dict[str, str]:
    data = base64.b64encode(plot.png).decode("ascii")
    return {"title": plot.title, "caption": plot.caption, "source": f"data:image/png;base64,{data}"}


def _video(video: VideoContent) -> dict[str, Any]:
    matches = [
        {
            "title": match["title"],
            "similarity": match["similarity"],
            "width": 100 * min(max(float(match["similarity"]), 0.0), 1.0),
            "probability": _longest(match.get("probabilities") or {}),
        }
        for match in video.matches
    ]
    return {"video": video, "matches": matches, "metadata": list(video.metadata)}


def _longest(probabilities: Mapping[str, float | None]) -> tuple[int, float] | None:
    """Return the longest horizon that has a probability."""
    known = {
        int(name.removeprefix("probability_").removesuffix("h")): value
        for name, value in probabilities.items()
        if value is not None
    }
    return (max(known), known[max(known)]) if known else None
