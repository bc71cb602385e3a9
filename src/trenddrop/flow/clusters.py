"""The clusters of the hashtags on a workspace: embed what is new, fit what is due, assign what became known."""

from datetime import datetime, timedelta

from trenddrop.core.time import as_utc
from trenddrop.embeddings import Embedder, PackagedMiniLM, embed_hashtags
from trenddrop.features import ClusterSummary, update_clusterings
from trenddrop.features.cluster_history import WEEK
from trenddrop.flow.stages import newest_event
from trenddrop.flow.workspace import Workspace


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
