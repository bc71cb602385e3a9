"""Raw records into typed, deduplicated observations; batches; dead letters."""

from trenddrop.staging.ingestion import ingest
from trenddrop.staging.writing import IngestSummary

__all__ = ["IngestSummary", "ingest"]
