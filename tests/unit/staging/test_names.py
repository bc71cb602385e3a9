import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from trenddrop.core.ids import normalized_name
from trenddrop.staging.names import normalized_names


@settings(max_examples=200, deadline=None)
@given(
    names=st.lists(
        st.one_of(st.text(max_size=8), st.from_regex(r"[#A-Za-z 한글漢字ﬁßİΣ。？]{0,6}", fullmatch=True)),
        max_size=40,
        unique=True,
    )
)
def test_a_column_of_names_is_normalized_as_each_name_is(names: list[str]) -> None:
    found = dict(normalized_names(pl.Series(names, dtype=pl.String)).rows())
    assert found == {name: normalized_name(name) for name in names if normalized_name(name)}
