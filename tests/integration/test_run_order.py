import pytest

from trenddrop.core.settings import Settings
from trenddrop.flow import open_workspace, stages
from trenddrop.flow.backtest import run_backtest
from trenddrop.flow.run import RunRequest, run
from trenddrop.warehouse import has_rows


class Built(Exception):
    """The features would be built now."""


@pytest.mark.parametrize("work", [run, run_backtest])
def test_labels_are_built_before_the_features_that_read_what_became_of_predictions(work, world, tmp_path, monkeypatch):
    """In the other order a run's residuals would be those of the run before, and the next build would change them."""

    def build(workspace, *_):
        raise Built(has_rows(workspace.warehouse.table("viral_labels")))

    monkeypatch.setattr(stages, "build_all_features", build)
    request = RunRequest(source="tiktok_records", inputs=world.files, model=str(world.recipe))
    with open_workspace(Settings(home=tmp_path / "home", threads=2)) as workspace, pytest.raises(Built) as stopped:
        work(workspace, request)
    assert stopped.value.args == (True,)
