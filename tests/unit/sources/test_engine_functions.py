from collections.abc import Callable

import ibis
import ibis.expr.types as ir
import pytest

from trenddrop.core import ids
from trenddrop.sources.engine_functions import keyed_hash


@pytest.mark.parametrize("key", ["k", "trenddrop", "x" * 100, "ключ"])
def test_the_keyed_hash_of_a_column_is_that_of_its_values(hold: Callable[[ir.Table], ir.Table], key: str) -> None:
    names = ["ann", "", "名前 🦩", "u_1"]
    table = ibis.memtable({"name": names})
    hashed = hold(table.mutate(hashed=keyed_hash(table.name, key=key))).to_pyarrow().to_pylist()
    assert {row["name"]: row["hashed"] for row in hashed} == {name: ids.keyed_hash(name, key=key) for name in names}
