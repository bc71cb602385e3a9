"""Thin jobs for a scheduler: ``python -m pipelines.ingest configs/jobs/ingest.yaml``. Safe to kill and to rerun."""
