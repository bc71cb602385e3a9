"""Ibis to DuckDB SQL without the pass that fuses nested selects; it takes longer than DuckDB needs to do the same."""

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler


class NestingDuckDBCompiler(DuckDBCompiler):
    """The compiler of the Ibis backend; each step of an expression stays a select of its own."""

    __slots__ = ()

    def translate(self, op: ops.Node, *, params: Mapping[ir.Value, Any]) -> sge.Expression:
        """Return the query of an expression."""
        fuses = ibis.options.sql.fuse_selects
        ibis.options.sql.fuse_selects = False
        try:
            return super().translate(op, params=params)
        finally:
            ibis.options.sql.fuse_selects = fuses
