"""The log of served vectors: sampled, buffered, written behind the request's back, and never lost in silence."""

import logging
import threading
import time
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from trenddrop.feature_store.consistency import decoded
from trenddrop.feature_store.served import ServedLog, append_served
from trenddrop.warehouse import Warehouse

MOMENT = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
STAMP = pl.Datetime("us", "UTC")


def frame(n: int, /, **values: object) -> pl.DataFrame:
    rows = {"hashtag_id": [f"tiktok:h{i}" for i in range(n)], "feature_timestamp": [MOMENT.replace(minute=0)] * n}
    return pl.DataFrame(rows | {"x": np.arange(n) / 3} | values, schema_overrides={"feature_timestamp": STAMP})


def log(write, *, share=1.0, **options) -> ServedLog:
    return ServedLog(write, share=share, rng=np.random.default_rng(3), **options)


def test_every_value_survives_the_log_bit_for_bit(any_wh: Warehouse):
    rng = np.random.default_rng(5)
    floats = rng.integers(0, 2**64, 400, dtype=np.uint64).view(np.float64)
    floats = floats[np.isfinite(floats)]
    n = len(floats)
    served = frame(
        n,
        x=floats,
        n=rng.integers(-(2**63), 2**63 - 1, n),
        flag=[None if i % 3 == 0 else i % 2 == 0 for i in range(n)],
        text=["\u0000\"'\\ 🇻🇳" if i % 2 else None for i in range(n)],
    )
    one = log(lambda rows: append_served(any_wh, rows))
    one.record(served, feature_service="s", moment=MOMENT)
    one.close()
    rows = pl.from_arrow(any_wh.table("served_features").to_pyarrow())
    assert isinstance(rows, pl.DataFrame)
    features = ["x", "n", "flag", "text"]
    back = decoded(rows, {name: served.schema[name] for name in features})
    order = served.sort("hashtag_id")
    assert back.sort("hashtag_id").select("hashtag_id", *features).equals(order.select("hashtag_id", *features))
    assert set(rows["served_at"]) == {MOMENT}
    assert set(rows["feature_timestamp"]) == {MOMENT.replace(minute=0)}
    assert rows["served_id"].n_unique() == n


def test_the_request_waits_for_nothing_while_a_write_hangs():
    release, batches = threading.Event(), []

    def write(rows: pl.DataFrame) -> None:
        release.wait(10)
        batches.append(rows)

    one = log(write, flush_s=0.01)
    one.record(frame(1), feature_service="s", moment=MOMENT)
    time.sleep(0.1)  # the thread hangs in its first write by now
    begin = time.perf_counter()
    for _ in range(100):
        one.record(frame(1), feature_service="s", moment=MOMENT)
    assert time.perf_counter() - begin < 1
    assert batches == []
    release.set()
    one.close()
    assert sum(rows.height for rows in batches) == 101


def test_what_is_recorded_is_written_without_a_call():
    written = threading.Event()
    one = log(lambda rows: written.set(), flush_s=0.01)
    one.record(frame(2), feature_service="s", moment=MOMENT)
    assert written.wait(10)
    one.close()


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.1, 800, 1_200), (1.0, 10_000, 10_000)])
def test_a_share_of_the_vectors_is_kept(share: float, low: int, high: int):
    batches: list[pl.DataFrame] = []
    one = log(batches.append, share=share)
    for _ in range(100):
        one.record(frame(100), feature_service="s", moment=MOMENT)
    one.close()
    assert low <= sum(rows.height for rows in batches) <= high


def test_a_failed_write_waits_for_the_next(caplog: pytest.LogCaptureFixture):
    batches, faults = [], iter([OSError("disk full")])

    def write(rows: pl.DataFrame) -> None:
        for fault in faults:
            raise fault
        batches.append(rows)

    one = log(write, flush_s=60)
    one.record(frame(3), feature_service="s", moment=MOMENT)
    with pytest.raises(OSError, match="disk full"):
        one.flush()
    one.record(frame(2), feature_service="s", moment=MOMENT)
    assert one.flush() == 5
    assert one.flush() == 0
    one.close()
    assert [rows.height for rows in batches] == [5]
    assert caplog.records == []


def test_a_full_log_drops_the_new_and_says_so(caplog: pytest.LogCaptureFixture):
    batches: list[pl.DataFrame] = []
    one = log(batches.append, capacity=5, flush_s=60)
    for _ in range(3):
        one.record(frame(2), feature_service="s", moment=MOMENT)
    with caplog.at_level(logging.WARNING):
        one.close()
    assert sum(rows.height for rows in batches) == 4
    assert "2 served feature vectors were not written" in caplog.text
