"""Where intermediate results are kept while a large expression is computed piece by piece."""

from typing import Protocol

import ibis.expr.types as ir

from trenddrop.warehouse import Warehouse, has_rows


class Workspace(Protocol):
    """Keeps intermediate results."""

    def hold(self, rows: ir.Table) -> ir.Table:
        """Return a table with these rows, computed at most once."""
        ...

    def is_empty(self, rows: ir.Table) -> bool:
        """Return whether it is known that there are no such rows; it may always be unknown."""
        ...


class Unheld:
    """Keeps nothing: everything becomes one expression."""

    def hold(self, rows: ir.Table) -> ir.Table:
        """Return the expression itself."""
        return rows

    def is_empty(self, rows: ir.Table) -> bool:
        """Return false: nothing is known before it is computed."""
        return False


class Staged:
    """Keeps results in temporary tables of a warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def hold(self, rows: ir.Table) -> ir.Table:
        """Return a temporary table."""
        return self._warehouse.stage(rows)

    def is_empty(self, rows: ir.Table) -> bool:
        """Return whether there are no such rows."""
        return not has_rows(rows)
