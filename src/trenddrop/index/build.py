"""The trends' vectors go from the warehouse into an index."""

from datetime import datetime

import numpy as np
import polars as pl

from trenddrop.index.vector_index import VectorIndex
from trenddrop.warehouse import Warehouse

METADATA_COLUMNS = ("platform", "trend_type", "title", "hashtag_id", "source")


def index_trends(wh: Warehouse, index: VectorIndex, *, since: datetime | None = None) -> int:
    """Add the vector of every trend topic that is embedded with the index's model; return how many.

    With ``since``, only the topics that were fetched from then on.

    The metadata of a vector are the topic's platform, type, title, hashtag id and source; a null is "".
    """
    vectors = wh.table("trend_embeddings")
    topics = wh.table("trend_topics")
    if since is not None:
        topics = topics.filter(topics.fetched_at >= since)
    joined = (
        vectors.filter(vectors.model == index.model)
        .join(topics, vectors.trend_id == topics.id)
        .select("trend_id", "vector", *METADATA_COLUMNS)
        .order_by("trend_id")
    )
    rows = pl.from_arrow(joined.to_pyarrow())
    assert isinstance(rows, pl.DataFrame)  # a table never becomes a series
    if rows.is_empty():
        return 0
    matrix = rows["vector"].list.to_array(index.dimensions).to_numpy().astype(np.float32)
    words = rows.select(pl.col(METADATA_COLUMNS).fill_null("")).to_dicts()
    index.add(rows["trend_id"].to_list(), matrix, words)
    return rows.height
