"""A client of ClickHouse with the settings that TrendDrop's promises rest on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from trenddrop.core.errors import ConfigError, EngineError, SchemaError
from trenddrop.core.settings import ClickHouseSettings

SESSION = {
    "aggregate_functions_null_for_empty": 1,  # the maximum of nothing is null, never 0 (counts stay 0)
    "join_use_nulls": 1,  # a row without a partner is null, never 0
    "insert_null_as_default": 0,  # INSERT ... SELECT of a null into a non-null column fails instead of writing 0
    "enable_extended_results_for_datetime_functions": 1,  # the start of a day may lie before 1970 or after 2106
    "session_timezone": "UTC",
    "mutations_sync": 2,  # ALTER ... DELETE returns when it is done
    "allow_nondeterministic_mutations": 1,  # compaction deletes by subquery
    "max_partitions_per_insert_block": 0,  # a backfill covers many months
    "max_query_size": 1 << 24,  # compiled feature expressions are long
}
WRONG_ROWS = {6, 27, 38, 41, 53, 70, 72, 349, 407}  # codes of values that do not fit their column
TABLE_EXISTS = 57


def connect(settings: ClickHouseSettings, *, path: Path | None = None) -> Any:
    """Return a client whose database exists; raise EngineError when the server cannot be reached.

    chdb allows one data path per process: clients of one path (or all in memory) share one engine, so two
    warehouses in one process differ in their database.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,100}", settings.database):
        raise ConfigError(f"clickhouse.database {settings.database!r}: use letters, digits and _")
    with translated(f"ClickHouse at {settings.interface}://{settings.host}:{settings.port}"):
        if settings.interface == "chdb":
            client = clickhouse_connect.get_client(
                interface="chdb", path=str(path) if path else None, settings=dict(SESSION)
            )
        else:
            client = clickhouse_connect.get_client(
                interface=settings.interface,
                host=settings.host,
                port=settings.port,
                username=settings.username,
                password=settings.password,
                settings=dict(SESSION),
                autogenerate_session_id=False,  # a session would allow one query at a time
            )
        client.command(f"CREATE DATABASE IF NOT EXISTS {settings.database}")
        client.database = settings.database
    return client


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn the driver's errors into one line of EngineError, or SchemaError where the rows are wrong."""
    try:
        yield
    except (ClickHouseError, OSError) as error:
        text = " ".join(str(error).split())[:500]
        if getattr(error, "code", None) in WRONG_ROWS:
            raise SchemaError(f"{where}: rows do not fit their columns: {text}") from error
        raise EngineError(f"{where}: {text}") from error


def quoted(text: str) -> str:
    r"""Return a ClickHouse string literal.

    >>> print(quoted("it's"))
    'it\'s'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"
