"""The jobs as Dagster sees them: assets, checks, schedules and a sensor. What they do is said in ``pipelines``."""
