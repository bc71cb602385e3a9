import polars as pl
import pytest

from trenddrop.core.errors import SchemaError
from trenddrop.feature_store.pins import (
    Pins,
    differences,
    frame_sha256,
    require_same_frame,
    require_unchanged,
)

GROWTH = {"features": {"velocity": "Float64 v1"}, "keys": {"hashtag_id": "String"}, "ttl_s": 86400.0}
PINNED = Pins("service", "7", {"growth": GROWTH}, "abc")


def changed(**parts: object) -> Pins:
    return Pins("service", "9", {"growth": GROWTH | parts})


def test_a_document_is_read_back():
    assert Pins.from_json(PINNED.as_json()) == PINNED


def test_a_document_that_was_changed_is_refused():
    with pytest.raises(SchemaError, match="does not match its own fingerprint"):
        Pins.from_json(PINNED.as_json().replace("86400.0", "3600.0"))
    with pytest.raises(SchemaError, match="cannot be read"):
        Pins.from_json('{"feature_service": "service"}')


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (changed(), []),
        (changed(ttl_s=60.0), ["growth: ttl_s was 86400.0, is 60.0"]),
        (changed(features={"velocity": "Float64 v2"}), ["growth.features: velocity was Float64 v1, is Float64 v2"]),
        (changed(features={}), ["growth.features: velocity was Float64 v1, is absent"]),
        (Pins("service", "7", {"reach": GROWTH}), ["growth: is gone", "reach: is new"]),
    ],
)
def test_every_difference_is_named(now: Pins, words: list[str]):
    assert differences(PINNED, now) == words
    assert (now.fingerprint() == PINNED.fingerprint()) is (not words)


def test_a_run_of_changed_views_cannot_be_repeated():
    with pytest.raises(SchemaError, match=r"service: cannot repeat the run at snapshot 7.*ttl_s was 86400.0, is 1.0"):
        require_unchanged(PINNED, changed(ttl_s=1.0))


@pytest.mark.parametrize(
    "other",
    [
        {"a": [0.0, 1.0], "s": ["x", "yz"]},  # 0 is not null
        {"a": [None, 1.0 + 1e-16 + 3e-16], "s": ["x", "yz"]},  # one bit
        {"a": [None, 1.0], "s": ["xy", "z"]},
        {"b": [None, 1.0], "s": ["x", "yz"]},
        {"a": [None, 1], "s": ["x", "yz"]},
        {"s": ["x", "yz"], "a": [None, 1.0]},
    ],
)
def test_the_hash_of_a_frame_tells_every_bit(other: dict[str, list[object]]):
    frame = pl.DataFrame({"a": [None, 1.0], "s": ["x", "yz"]})
    assert frame_sha256(frame) == frame_sha256(frame.clone())
    assert frame_sha256(frame) != frame_sha256(pl.DataFrame(other))
    with pytest.raises(SchemaError, match="the entity rows of the run"):
        require_same_frame(PINNED, frame)
