import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import polars as pl
import pytest

from trenddrop.core.errors import SchemaError
from trenddrop.quality import Check, FeatureAlert, FeatureQuality, Histogram
from trenddrop.report import Plot, ReportContent, VideoContent, html_report

NOW = datetime(2026, 1, 19, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n picture"
REASONS = json.dumps([
    {"feature": "velocity", "value": 2.0, "contribution": 0.7, "text": "growth of the last hour: 2 (raises it)"},
    {"feature": "hour", "value": 4, "contribution": -0.1, "text": "hour of day: 4 (lowers it)"},
])  # fmt: skip


class Structure(HTMLParser):
    """Collects what a browser would load, and whether every element is closed in order."""

    VOID = frozenset({"meta", "img", "br", "hr", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def trends(**columns) -> pl.DataFrame:
    base = {
        "hashtag_id": ["tiktok:sourdough", "weibo:高考"],
        "probability_6h": [0.05, 0.01],
        "probability_12h": [0.12, None],
        "probability_24h": [0.31, 0.2],
        "probability_48h": [0.62, 0.4],
        "reasons": [REASONS, None],
    }
    return pl.DataFrame(base | columns)


def page(**content) -> str:
    filled = {"title": "A run", "generated_at": NOW, "is_simulated": False} | content
    return html_report(ReportContent(**filled))


def parsed(text: str) -> Structure:
    structure = Structure()
    structure.feed(text)
    assert structure.open == []
    return structure


def backtest() -> dict:
    return {
        24: {
            "rows": 1000, "positives": 30, "prevalence": 0.03, "average_precision": 0.41, "interval": (0.35, 0.47),
            "baselines": {"velocity_rank": 0.2}, "baseline_intervals": {"velocity_rank": (0.15, 0.26)},
            "ece": 0.012, "brier_skill": None,
        },
        6: {"rows": 1000, "positives": 0, "prevalence": None, "average_precision": None, "baselines": {}},
    }  # fmt: skip


def features() -> list[FeatureQuality]:
    base = {"table": "hashtag_features", "platform": "tiktok", "evaluated_at": NOW, "is_nullable": True}
    return [
        FeatureQuality(
            "velocity", total=100, nulls=25, minimum=-1.0, maximum=7.5, kl=0.4321, psi=0.0, score=0.61,
            histogram=Histogram((0.0, 2.5), (60, 15, 0), (20, 40, 40)), **base,
        ),
        FeatureQuality("regions", total=10, nulls=0, histogram=Histogram(("<b>", "(other)"), (9, 1), (1, 1)), **base),
        FeatureQuality("views_1h", total=10, nulls=0, minimum=1.0, maximum=2.0, score=1.0, **base),
        FeatureQuality("score", total=10, nulls=10, score=0.0, **base),
    ]  # fmt: skip


def test_each_feature_is_drawn_against_its_baseline_and_missing_ones_are_named():
    alert = FeatureAlert("velocity", "hashtag_features", "tiktok", "kl", 0.43, "high", NOW)
    text = page(features=features(), feature_alerts=[alert])
    structure = parsed(text)
    assert structure.tags.count("svg") == 2
    assert structure.tags.count("rect") == 2 * (3 + 2)
    for part in ("null 25.0 %", "KL 0.432", "PSI 0.000", "score 0.610", "2.5 to highest", "&lt;b&gt;", "7.5",
                 "Without any value: score.", "Too few values in the baseline", "drift from the baseline"):  # fmt: skip
        assert part in text, part
    assert text.count('<span class="sev sev-high">high</span>') == 2  # in the list and at the feature
    heights = [float(height) for height in re.findall(r'<rect class="now"[^>]* height="([0-9.]+)"', text)]
    assert heights[:3] == [64.0, 16.0, 0.0]  # 60 of 75, 15 of 75 and none


def full() -> str:
    return page(
        is_simulated=True,
        headline={"raw records": 94708, "average precision": 0.4321},
        trends=trends(),
        history=Plot("A trend", PNG),
        plots=[Plot("Reliability", PNG, "near the diagonal")],
        backtest=backtest(),
        videos=[
            VideoContent(
                "v1",
                "Bread",
                matches=[{"title": "#sourdough", "similarity": 0.7, "probabilities": {"probability_48h": 0.62}}],
                metadata=[
                    {"platform": "tiktok", "title": "T", "description": "D", "hashtags": ("#a", "#b"), "cta": "C"}
                ],
            ),
            VideoContent("v2", ""),
        ],
        checks=[Check("r", "videos", "missing_fields", "a video has a caption", 10, 4, 0.4, "high", NOW, None)],
        stages=[{"name": "ingest", "seconds": 1.25, "rows": 94708, "sla_met": True}],
        provenance={"snapshot": "7"},
    )


def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere():
    text = full()
    structure = parsed(text)
    assert "script" not in structure.tags
    assert all(link.startswith("data:image/png;base64,") for link in structure.links)
    assert not re.search(r"https?://|@import|url\(", text)


def test_simulated_data_carry_a_banner_and_real_data_do_not():
    assert "Simulated data: not evidence of skill" in page(is_simulated=True)
    assert "not evidence of skill" not in page(is_simulated=False)


def test_every_part_is_on_the_page():
    text = full()
    for part in ("94,708", "sourdough", "62.0 %", "growth of the last hour: 2", "▲", "▼", "0.410", "[0.350, 0.470]",
                 "velocity rank", "0.200", "[0.150, 0.260]", "0.030", "near the diagonal", "#a #b", "No trend fits",
                 "a video has a caption", "40.00 %", "high", "ingest", "1.2", "met", "snapshot", "1.2 %"):  # fmt: skip
        assert part in text, part


def test_what_is_unknown_is_a_dash_and_never_a_zero():
    text = full()
    cells = re.findall(r'<th scope="row">TrendDrop</th>\s*<td>(.*?)</td>\s*<td>(.*?)</td>', text)
    assert len(cells) == 1
    assert "–" in cells[0][0]  # 6 h, which stands first, has no positives
    assert "0.410" in cells[0][1]


@pytest.mark.parametrize("wild", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a & b"])
def test_text_from_the_platforms_is_escaped(wild):
    text = page(
        title=wild,
        trends=trends(hashtag_id=[f"tiktok:{wild}", "weibo:x"], reasons=[json.dumps([{"text": wild}]), wild]),
        videos=[VideoContent("v", wild, wild, [{"title": wild, "similarity": 0.5}], [
            {"platform": "tiktok", "title": wild, "description": wild, "hashtags": [wild], "cta": wild}
        ])],
        provenance={wild: wild},
    )  # fmt: skip
    assert wild not in text
    assert "script" not in parsed(text).tags
    assert "img" not in parsed(text).tags


def test_a_bare_run_makes_a_page_without_empty_sections():
    text = page()
    assert "<h2>" not in text
    assert parsed(text).links == []


def test_bars_share_one_scale():
    text = page(trends=trends())
    assert "A full bar is 70 %" in text
    assert "width:88.6%" in text  # 0.62 of 0.7


def test_trends_without_their_id_are_refused():
    with pytest.raises(SchemaError, match="hashtag_id"):
        page(trends=pl.DataFrame({"name": ["x"]}))


def test_equal_content_makes_equal_pages():
    assert full() == full()


def test_an_interval_is_drawn_below_its_bar_and_what_it_claims_is_told():
    trends = pl.DataFrame(
        {
            "hashtag_id": ["tiktok:a", "tiktok:b"],
            "probability_24h": [0.4, 0.1],
            "low_24h": [0.2, None],
            "high_24h": [0.6, None],
        }
    )
    figures = backtest()
    figures[24]["probability_interval"] = {"level": 0.85, "coverage": 0.861}
    text = page(trends=trends, backtest=figures)
    parsed(text)
    assert text.count("<i style=") == 1
    assert '<i style="left:50.0%;width:50.0%">' in text  # of a full bar of 0.4
    assert "<small>20 % to 60 %</small>" in text
    assert "on 85 % of days" in text
    assert "86.1 %" in text
    assert "of days, the share" not in page(trends=trends)


def test_the_peak_is_told_in_words_with_its_band_and_judged_beside_the_simpler_ways():
    trends = pl.DataFrame(
        {
            "hashtag_id": ["tiktok:a"],
            "probability_24h": [0.4],
            **{"hours_to_peak_low": [1.0], "hours_to_peak": [7.4], "hours_to_peak_high": [20.2]},
            **{"peak_views_low": [900.0], "peak_views": [1500.0], "peak_views_high": [None]},
        },
        schema_overrides={"peak_views_high": pl.Float64},
    )
    judged = {
        "hours_to_peak": {
            "loss": 0.412,
            "best_baseline": "hour_of_day",
            "baselines": {"hour_of_day": 0.515},
            "skill": 0.2,
            "skill_interval": (0.15, 0.25),
            "coverage": 0.812,
            "coverage_interval": None,
        }
    }
    text = page(trends=trends, backtest=backtest(), outcomes=judged)
    parsed(text)
    assert "Expected peak: in <b>7 h</b> <small>(1 to 20)</small></p>" in text  # without an upper end no views
    for part in ("hours to peak", "hour of day", "0.412", "0.515", "20 %", "[15 %, 25 %]", "81.2 %"):
        assert part in text


def test_alerts_and_slices_stand_among_the_further_figures():
    figures = backtest()
    figures[24] |= {"event_recall": 0.5, "slices": {"unseen_hashtags": {"average_precision": 0.3712}}}
    figures[24] |= {"alert_intervals": {"event_recall": (0.41, 0.58)}}
    text = page(backtest=figures)
    assert "events that an alert announced" in text
    assert "50.0 %<small>[41.0 %, 58.0 %]</small>" in text
    assert "0.371" in text
    assert "less than 24 h old" not in text


def test_what_the_rows_do_not_allow_stands_below_the_figures():
    figures = backtest()
    figures[24] |= {"limits": ("only 12 of 90 known outcomes are positive: every figure rests on them",)}
    text = page(backtest=figures)
    parsed(text)
    assert "<li>Within 24 h: only 12 of 90 known outcomes are positive: every figure rests on them.</li>" in text
    assert "do not allow" not in page(backtest=backtest())
