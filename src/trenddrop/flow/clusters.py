"""The clusters of the hashtags on a workspace: embed what is new, fit what is due, assign what became known."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field

from trenddrop.core.settings import Config, config_folders, find_yaml, parse_config, read_yaml
from trenddrop.core.time import as_utc
from trenddrop.embeddings import Embedder, PackagedMiniLM, embed_hashtags, unembedded_hashtags
from trenddrop.features import ClusterSummary, update_clusterings
from trenddrop.features.cluster_history import WEEK
from trenddrop.flow.stages import newest_event
from trenddrop.flow.workspace import Workspace
from trenddrop.warehouse import count_rows


class ThemeRules(Config):
    """Which clusterings a run fits by itself: ``configs/themes.yaml``."""

    every_d: float = Field(gt=0)
    least_hashtags: int = Field(ge=2)
    most_new_hashtags: int = Field(ge=0)


@dataclass(frozen=True, slots=True)
class RunThemes:
    """What a run did about the themes, and why it left them as they are where it did nothing."""

    summary: ClusterSummary | None = None
    left_out: str | None = None

    def document(self) -> dict[str, object]:
        """Return it as the summary of a run shows it."""
        newest = self.summary.newest if self.summary else None
        return {
            "clusterings": self.summary.clusterings if self.summary else 0,
            "assignments": self.summary.assignments if self.summary else 0,
            "fitted_at": newest.fitted_at if newest else None,
            "left_out": self.left_out,
        }


def fit_clusters(
    workspace: Workspace,
    *,
    embedder: Embedder | None = None,
    until: datetime | None = None,
    every: timedelta = WEEK,
    seed: int = 0,
) -> ClusterSummary:
    """Bring the clusterings up to ``until`` (default: the newest hour of the metrics); build the features after it.

    Each clustering is fitted once, on what was visible at its moment, so a history is filled in as it would have
    grown. Running it twice changes nothing. Without it, the semantic features are null.
    """
    model = embedder or PackagedMiniLM()
    with workspace.stage("clusters") as stage:
        moment = until or newest_event(workspace) or workspace.clock()
        embed_hashtags(workspace.warehouse, model, progress=workspace.progress)
        summary = update_clusterings(
            workspace.warehouse,
            model=model.name,
            until=as_utc(moment),
            every=every,
            seed=seed,
            progress=workspace.progress,
        )
        stage.rows = summary.assignments
    return summary


def fit_clusters_of_run(workspace: Workspace, *, embedder: Embedder | None = None) -> RunThemes:
    """Fit what is due as ``fit_clusters`` does, where ``configs/themes.yaml`` says that it is worth a run's time."""
    rules = load_theme_rules(extra=workspace.settings.configs)
    model = embedder or PackagedMiniLM()
    wh = workspace.warehouse
    seen = count_rows(wh.table("hashtag_metrics").select("hashtag_id").distinct())
    if seen < rules.least_hashtags:
        return RunThemes(left_out=f"{seen:,} hashtags, fewer than {rules.least_hashtags:,}")
    new = count_rows(unembedded_hashtags(wh, model.name))
    if new > rules.most_new_hashtags:
        way_out = "'trenddrop features cluster' and then 'trenddrop features build' add their themes"
        return RunThemes(left_out=f"{new:,} new hashtags, more than {rules.most_new_hashtags:,}; {way_out}")
    return RunThemes(fit_clusters(workspace, embedder=model, every=timedelta(days=rules.every_d)))


def load_theme_rules(*, extra: Path | None = None) -> ThemeRules:
    """Read ``themes.yaml`` of the ``extra`` configs folder, or the built-in one."""
    path = find_yaml("configs", "themes", folders=config_folders(extra))
    return parse_config(ThemeRules, read_yaml(path), origin=str(path))
