"""Texts become vectors: what is embedded, with which model, and where the vectors are kept."""

from trenddrop.embeddings.embedder import Embedder
from trenddrop.embeddings.hashtags import embed_hashtags, unembedded_hashtags
from trenddrop.embeddings.minilm import PackagedMiniLM
from trenddrop.embeddings.store import VideoText, embed_trends, embed_videos
from trenddrop.embeddings.text import split_words, text_hash, trend_text, video_text

__all__ = [
    "Embedder",
    "PackagedMiniLM",
    "VideoText",
    "embed_hashtags",
    "embed_trends",
    "embed_videos",
    "split_words",
    "text_hash",
    "trend_text",
    "unembedded_hashtags",
    "video_text",
]
