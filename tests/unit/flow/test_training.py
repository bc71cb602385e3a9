"""What a model version reads stays what it was trained on."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from trenddrop.flow.stages import FEATURE_SERVICE
from trenddrop.flow.training import service_of
from trenddrop.registry import ModelVersion


@pytest.mark.parametrize(
    ("params", "service"), [({"feature_service": "an_older_one"}, "an_older_one"), ({}, FEATURE_SERVICE)]
)
def test_a_version_reads_the_service_that_its_run_recorded(params: dict[str, str], service: str):
    store = cast(Any, SimpleNamespace(params=lambda run_id: params if run_id == "run" else {"feature_service": "x"}))
    assert service_of(store, ModelVersion("viral", "3", "mark", "run")) == service
