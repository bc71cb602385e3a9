"""How good and how original generated metadata is, without asking anybody."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trenddrop.embeddings import Embedder
from trenddrop.embeddings.embedder import Vectors
from trenddrop.metadata.hashtags import Choice
from trenddrop.metadata.limits import PlatformLimits

if TYPE_CHECKING:
    from trenddrop.metadata.generator import Metadata

SHINGLE = 8  # code points; works for scripts that put no space between words


def quality_score(
    metadata: "Metadata", center: Vectors, choices: Sequence[Choice], limits: PlatformLimits, *, embedder: Embedder
) -> float:
    """Return the mean of four parts in [0, 1].

    Faithfulness: cosine of title and description to the video. Relevance: mean cosine of the hashtags to the video.
    Use: chosen hashtags of at most five that the platform takes. Substance: the description says more than the title.
    """
    vector = embedder.encode([f"{metadata.title}. {metadata.description}"])[0]
    faithfulness = float(np.clip(vector @ center, 0.0, 1.0))
    relevance = float(np.clip(np.mean([item.relevance for item in choices]), 0.0, 1.0)) if choices else 0.0
    wanted = min(5, limits.hashtags.most)
    use = min(1.0, len(choices) / wanted) if wanted else 1.0
    substance = float(len(metadata.description) > len(metadata.title) and metadata.description != metadata.title)
    return (faithfulness + relevance + use + substance) / 4


def originality_score(text: str, references: Sequence[str]) -> float | None:
    """Return 1 minus the greatest share of the text's 8-character shingles that one reference holds.

    None without references.

    >>> originality_score("a morning run", ["a morning run", "nothing alike"])
    0.0
    >>> originality_score("a morning run", ["quite different"])
    1.0
    """
    if not references:
        return None
    own = shingles(text)
    if not own:
        return 1.0
    return 1.0 - max(len(own & shingles(reference)) / len(own) for reference in references)


def shingles(text: str) -> frozenset[str]:
    """Return every run of 8 characters of the case-folded text, or the whole of a shorter one."""
    folded = " ".join(text.casefold().split())
    runs = range(max(1, len(folded) - SHINGLE + 1))
    return frozenset(folded[start : start + SHINGLE] for start in runs) - {""}
