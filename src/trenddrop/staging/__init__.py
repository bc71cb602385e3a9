"""Raw records into typed, deduplicated observations; batches; dead letters."""

from trenddrop.staging.ingest import IngestSummary, ingest

__all__ = ["IngestSummary", "ingest"]
