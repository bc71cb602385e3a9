"""The stages in their order: what the command line, the scheduled jobs and the notebooks run."""

from trenddrop.flow.workspace import StageRecord, Workspace, open_workspace

__all__ = ["StageRecord", "Workspace", "open_workspace"]
