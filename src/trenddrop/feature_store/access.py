"""Which warehouse Feast reads: the one that the caller has open, or one opened for the occasion."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trenddrop.core.settings import load_settings
from trenddrop.core.time import utc_now
from trenddrop.warehouse import Warehouse, open_warehouse


@dataclass(frozen=True, slots=True)
class Lent:
    """A warehouse that the caller has open, and the snapshot to read it at."""

    warehouse: Warehouse
    snapshot: str | None = None


_LENT: ContextVar[Lent | None] = ContextVar("trenddrop_lent_warehouse", default=None)
_READ_MOMENT: ContextVar[Callable[[], datetime]] = ContextVar("trenddrop_read_moment", default=utc_now)


@contextmanager
def lend(warehouse: Warehouse, *, snapshot: str | None = None) -> Iterator[None]:
    """Let Feast read an open warehouse, so that both see the same rows and nothing is opened twice."""
    token = _LENT.set(Lent(warehouse, snapshot))
    try:
        yield
    finally:
        _LENT.reset(token)


def lent() -> Lent | None:
    """Return the warehouse that is lent at the moment."""
    return _LENT.get()


@contextmanager
def reading(home: str, lender: Lent | None = None) -> Iterator[Warehouse]:
    """Yield the lent warehouse, or open the one under ``home`` with its own settings and close it again."""
    lender = lender or lent()
    if lender is not None:
        yield lender.warehouse
        return
    warehouse = open_warehouse(load_settings(home=Path(home)))
    try:
        yield warehouse
    finally:
        warehouse.close()


@contextmanager
def reading_at(moment: datetime) -> Iterator[None]:
    """Let online reads through Feast judge the age of a value at this moment instead of now."""
    token = _READ_MOMENT.set(lambda: moment)
    try:
        yield
    finally:
        _READ_MOMENT.reset(token)


def read_moment() -> datetime:
    """Return the moment at which online values must still be alive."""
    return _READ_MOMENT.get()()
