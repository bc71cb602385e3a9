"""Generations are logged, and what they wrote is kept, in one transaction."""

from collections.abc import Sequence

import ibis
import polars as pl
from polars._typing import PolarsDataType

from trenddrop.core.ids import content_id
from trenddrop.metadata.generator import Generation, Reference, to_json
from trenddrop.warehouse import Warehouse

COMPARED = 150  # rows: the texts of some fifty videos, as a video is mostly written for three platforms
_UTC = pl.Datetime("us", "UTC")


def write_generations(wh: Warehouse, generations: Sequence[Generation]) -> int:
    """Append rows to ``generations`` and ``platform_metadata`` and return how many generations there were."""
    if not generations:
        return 0
    log, metadata = generation_rows(generations), metadata_rows(generations)

    def write() -> int:
        wh.append("platform_metadata", metadata)
        return wh.append("generations", log)

    return wh.transact(write)


def earlier_texts(wh: Warehouse) -> tuple[Reference, ...]:
    """Return the newest texts that were written, each once for its video."""
    posts = wh.table("platform_metadata").order_by(ibis.desc("generated_at"), "id").limit(COMPARED)
    rows = posts.select("video_id", text=posts.title + " " + posts.description).to_polars()
    return tuple(Reference(*row) for row in rows.unique(maintain_order=True).rows())


def metadata_id(generation_id: str) -> str:
    """Return the id of the ``platform_metadata`` row that a generation made."""
    return content_id("metadata", generation_id)


def generation_rows(generations: Sequence[Generation]) -> pl.DataFrame:
    """Return the rows of ``generations``: what went in, what came out, what it cost."""
    rows = [
        {
            "id": item.id,
            "agent_id": item.agent_id,
            "platform": item.metadata.platform,
            "prompt": "",  # nothing was asked of a language model
            "input": to_json(dict(item.inputs)),
            "output": to_json(
                {
                    "title": item.metadata.title,
                    "description": item.metadata.description,
                    "hashtags": item.metadata.hashtags,
                    "cta": item.metadata.cta,
                    "trend_ids": item.metadata.trend_ids,
                    "post": item.post,
                }
            ),
            "model": item.model,
            "provider": item.provider,
            "input_tokens": item.input_tokens,
            "output_tokens": item.output_tokens,
            "cost": item.cost,
            "duration_ms": item.duration_ms,
            "status": "completed",
            "error": None,
            "quality_score": item.quality_score,
            "originality_score": item.originality_score,
            "propensities": to_json(dict(item.propensities)),
            "created_at": item.created_at,
        }
        for item in generations
    ]
    types: dict[str, PolarsDataType] = {"error": pl.String, "originality_score": pl.Float64, "created_at": _UTC}
    return pl.DataFrame(rows, schema_overrides=types)


def metadata_rows(generations: Sequence[Generation]) -> pl.DataFrame:
    """Return the rows of ``platform_metadata``."""
    rows = [
        {
            "id": metadata_id(item.id),
            "video_id": item.video_id,
            "platform": item.metadata.platform,
            "title": item.metadata.title,
            "description": item.metadata.description,
            "hashtags": list(item.metadata.hashtags),
            "cta": item.metadata.cta,
            "thumbnail_url": None,
            "trend_matches": list(item.metadata.trend_ids),
            "generated_at": item.created_at,
            "is_edited_by_user": False,
            "generation_id": item.id,
        }
        for item in generations
    ]
    texts = pl.List(pl.String)
    types: dict[str, PolarsDataType] = {
        "hashtags": texts,
        "trend_matches": texts,
        "thumbnail_url": pl.String,
        "generated_at": _UTC,
    }
    return pl.DataFrame(rows, schema_overrides=types)
