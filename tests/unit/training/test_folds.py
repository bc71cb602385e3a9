from datetime import UTC, datetime, timedelta

import pytest

from trenddrop.core.errors import InputError
from trenddrop.training.folds import make_folds

START = datetime(2025, 6, 1, tzinfo=UTC)


def starts(**length):
    return [f"{fold.start:%m-%d}" for fold in make_folds(START, START + timedelta(**length))]


def test_months_weeks_or_one_block_by_the_length_of_the_test_period():
    assert starts(days=91) == ["06-01", "07-01", "08-01"]
    assert starts(days=27) == ["06-01", "06-08", "06-15", "06-22"]
    assert starts(days=6) == ["06-01"]
    assert starts(hours=0) == ["06-01"]


def test_a_short_rest_belongs_to_the_block_before():
    assert starts(days=16) == ["06-01", "06-08"]
    assert starts(days=64) == ["06-01", "07-01"]


@pytest.mark.parametrize("days", [0, 5, 17, 60, 100])
def test_folds_cover_the_test_period_without_overlap(days):
    last = START + timedelta(days=days)
    folds = make_folds(START, last)
    assert folds[0].start == START
    assert folds[-1].end > last
    assert all(one.end == following.start for one, following in zip(folds, folds[1:], strict=False))


def test_a_test_period_after_the_data_says_what_to_do():
    with pytest.raises(InputError, match="earlier --test-from"):
        make_folds(START, START - timedelta(hours=1))
