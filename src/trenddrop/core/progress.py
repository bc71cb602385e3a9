"""How long work says how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a stage; the command line draws it as a bar."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` steps of the stage are finished."""
        ...


class Silent:
    """Progress that nobody watches."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """Do nothing."""


SILENT = Silent()
