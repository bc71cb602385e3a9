"""The benchmarks of the feature store run on small data, and the results that they compare are equal."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def bench(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TRENDDROP_BENCH_SCALE", "0.001")
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # its dataclasses ask for it
    spec.loader.exec_module(module)
    return module


def test_late_data_is_joined_as_all_pairs_would_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pit = bench("pit", monkeypatch)
    monkeypatch.setattr(pit, "CASES", [case for case in pit.CASES if case.name == "bare_asof_late_data"])
    result = pit.run(tmp_path, pairs=1)
    assert result["equal"] is True
    assert result["ratios"]["bare_asof_late_data"] > 0


def test_materialised_values_are_those_of_feast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    result = bench("materialize", monkeypatch).run(tmp_path, pairs=1)
    assert result["equal"] is True
    assert result["ours"]["entities"] == result["peers"]["feast_default"]["entities"] == 10
