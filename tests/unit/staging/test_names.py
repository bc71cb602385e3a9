from typing import Any

import ibis
import pytest

from trenddrop.core.ids import normalized_name
from trenddrop.sources.names import plain_name
from trenddrop.staging.engine import ParsingEngine
from trenddrop.staging.names import with_hashtag_ids
from trenddrop.warehouse import Warehouse


@pytest.mark.parametrize(
    "names", [["Tea", "tea", "# Tea "], ["ＴＥＡ", "tea", "straße", "Straße"], ["①", "＃", "calm"], []]
)
def test_every_row_gets_the_id_of_its_name_and_empty_names_go(wh: Warehouse, names: list[str]) -> None:
    engine = ParsingEngine(wh)
    table = ibis.memtable({"name": names, "n": range(len(names))}, schema={"name": "string", "n": "int64"})
    table = engine.hold(table.mutate(plain=plain_name(table.name)))
    rows: list[dict[str, Any]] = with_hashtag_ids(table, platform="x", engine=engine).to_pyarrow().to_pylist()
    assert sorted((row["n"], row["written"], row["name"], row["hashtag_id"]) for row in rows) == [
        (number, name, normalized_name(name), f"x:{normalized_name(name)}")
        for number, name in enumerate(names)
        if normalized_name(name)
    ]
    engine.close()
