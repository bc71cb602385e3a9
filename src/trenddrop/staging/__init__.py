"""Raw records into typed, deduplicated observations; batches; dead letters."""

from trenddrop.staging.ingestion import IngestSummary, ingest

__all__ = ["IngestSummary", "ingest"]
