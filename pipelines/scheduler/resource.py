"""The workspace as a Dagster resource."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from trenddrop.core.errors import UserError
from trenddrop.core.settings import load_settings
from trenddrop.flow import Workspace, open_workspace
from trenddrop.flow.latency import recorded_job


class WorkspaceResource(dg.ConfigurableResource):
    """Opens one installation for one step."""

    home: str | None = None  # default: $TRENDDROP_HOME or ./var

    @contextmanager
    def open(self, job: str | None = None) -> Iterator[Workspace]:
        """Open the warehouse; with a ``job``, record what its stages take.

        What a user must mend fails at once, without retries.
        """
        settings = load_settings(home=Path(self.home) if self.home else None)
        try:
            with open_workspace(settings) as workspace:
                if job is None:
                    yield workspace
                    return
                with recorded_job(workspace, job):
                    yield workspace
        except UserError as error:
            raise dg.Failure(" ".join(str(error).split()), allow_retries=False) from error
