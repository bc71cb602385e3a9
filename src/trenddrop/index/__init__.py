"""Nearest neighbours among vectors: one interface, one module per engine."""

from trenddrop.index.build import index_trends
from trenddrop.index.faiss import ExactIndex
from trenddrop.index.saved import only_change
from trenddrop.index.vector_index import Filter, Hit, Metadata, VectorIndex

__all__ = ["ExactIndex", "Filter", "Hit", "Metadata", "VectorIndex", "index_trends", "only_change"]
