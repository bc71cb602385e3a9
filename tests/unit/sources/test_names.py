from collections.abc import Callable, Sequence

import ibis
import ibis.expr.types as ir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trenddrop.core.ids import normalized_name
from trenddrop.sources.names import plain_name

Hold = Callable[[ir.Table], ir.Table]


def plain_names(hold: Hold, names: Sequence[str]) -> dict[str, str | None]:
    table = ibis.memtable({"written": list(names)}, schema={"written": "string"})
    rows = hold(table.mutate(name=plain_name(table.written))).to_pyarrow().to_pylist()
    return {row["written"]: row["name"] for row in rows}


def test_every_plain_character_is_normalized_as_alone(hold: Hold) -> None:
    characters = [chr(code) for code in range(0x3100) if not 0xD800 <= code < 0xE000 and code]
    found = plain_names(hold, characters + [f"{one}A{one}" for one in characters])
    wrong = {name: plain for name, plain in found.items() if plain is not None and plain != normalized_name(name)}
    assert wrong == {}
    assert found["Ж"] == "ж"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.from_regex(r"[# A-Za-zéĐ한글漢字がЁ。]{0,6}", fullmatch=True), min_size=1, unique=True))
def test_a_plain_name_is_the_normalized_name(hold: Hold, names: list[str]) -> None:
    assert plain_names(hold, names) == {name: normalized_name(name) for name in names}


def test_a_name_that_is_not_simple_is_left_to_the_slow_way(hold: Hold) -> None:
    assert plain_names(hold, ["ＡＢＣ", "straße", "e\u0301", "İ", "①"]) == dict.fromkeys(
        ["ＡＢＣ", "e\u0301", "İ", "①"]
    ) | {"straße": None}
