"""The sensitivity of a definition: one number at a time, measured against the definition itself."""

import polars as pl
import pyarrow as pa
import pytest

from trenddrop.core.errors import InputError, NotFoundError
from trenddrop.labels import LabelDefinition, build_labels
from trenddrop.labels.sensitivity import BASE, sensitivity, variants
from trenddrop.labels.sensitivity_plot import write_plot
from trenddrop.schemas import TABLES

DEFINITION = LabelDefinition.model_validate(
    {
        "name": "t",
        "kind": "top_rank",
        "horizons": (6, 12),
        "parameters": {"k": 2, "refractory_hours": 0, "max_gap_share": 0.25},
    }
)
SCORES = {"a": [9] * 40, "b": [8] * 40, "c": [1] * 20 + [9.5] + [1] * 19, "d": [2] * 40}


@pytest.fixture
def weibo(wh, metric):
    rows = [
        metric(at, tag=tag, platform="weibo", view_count=1.0, score=float(score))
        for tag, scores in SCORES.items()
        for at, score in enumerate(scores)
    ]
    wh.append("hashtag_metrics", pa.Table.from_pylist(rows, schema=TABLES["hashtag_metrics"].ibis().to_pyarrow()))
    return wh


def test_the_report_tells_what_a_number_does(weibo):
    report = sensitivity(weibo, DEFINITION, platform="weibo", parameters=["k"])
    at = {(row["parameter"], row["value"], row["horizon"]): row for row in report.to_dicts()}
    base, own, narrow, wide = (at[key] for key in [(BASE, None, 6), ("k", 2.0, 6), ("k", 1.0, 6), ("k", 3.0, 6)])
    summary = build_labels(weibo, DEFINITION, platform="weibo")
    assert summary.positives == base["positives"] + at[BASE, None, 12]["positives"]
    assert own == base | {"parameter": "k", "value": 2.0}
    assert base["is_base"]
    assert not narrow["is_base"]
    assert (base["positives"], base["events"], base["jaccard"]) == (6 + 1, 2, 1.0)  # c rises; b falls out for an hour
    assert base["prevalence"] == pytest.approx(7 / base["known"])
    assert (narrow["positives"], narrow["jaccard"]) == (7, 6 / 8)  # c again, and a instead of b
    assert at["k", 4.0, 6]["rows"] == 0
    assert at["k", 4.0, 6]["prevalence"] is None
    assert (wide["positives"], wide["jaccard"]) == (7, 6 / 8)  # c again, and d instead of b


def test_every_number_is_moved_as_far_as_it_is_valid():
    definition = LabelDefinition.model_validate(
        {"name": "o", "kind": "onset", "parameters": {"top_share": 0.6, "view_constant": 5}}
    )
    moved = {}
    for one in variants(definition):
        moved.setdefault(one.parameter, []).append(one.value)
    assert moved[BASE] == [None]
    assert moved["top_share"] == [0.3, 0.45, 0.9]
    assert moved["rate_hours"] == [5, 9, 12]  # 3 is less than min_rate_hours
    assert moved["max_hole_hours"] == [1, 2, 4]
    assert "video_constant" not in moved
    assert "training_days" not in moved
    with pytest.raises(NotFoundError, match="no parameter 'magic' to move; known: max_gap_share"):
        list(variants(definition, parameters=["magic"]))


def test_the_plot_is_a_picture_or_a_page(weibo, tmp_path):
    report = sensitivity(weibo, DEFINITION, platform="weibo", parameters=["k"])
    write_plot(report, tmp_path / "k.png", title="k")
    assert (tmp_path / "k.png").read_bytes().startswith(b"\x89PNG")
    write_plot(report, tmp_path / "k.html", title="<k>")
    page = (tmp_path / "k.html").read_text()
    assert "&lt;k&gt;" in page
    assert page.count("<tr>") == 1 + report.height
    with pytest.raises(InputError, match=r"\.png or \.html"):
        write_plot(report, tmp_path / "k.pdf", title="k")
    with pytest.raises(InputError, match="no folder"):
        write_plot(pl.DataFrame(), tmp_path / "none" / "k.png", title="k")
