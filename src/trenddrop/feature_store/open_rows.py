"""Which wide rows an installation has: SQLite under its home, or the Redis that its settings name."""

from pathlib import Path

from trenddrop.core.errors import ConfigError
from trenddrop.feature_store.sqlite_rows import SqliteRows
from trenddrop.feature_store.wide_rows import WideRows

SQLITE = "sqlite"


def open_rows(url: str | None, home: Path, *, is_expiring: bool = True) -> WideRows:
    """Open the Redis of the url; without one, or for ``sqlite``, the file under the home.

    The Redis client is imported only when it is needed: the embedded default does without it.
    """
    if url is None or url == SQLITE:
        return SqliteRows(str(home.resolve() / "feast" / "online.sqlite"))
    try:
        from trenddrop.feature_store.redis_rows import RedisRows
    except ModuleNotFoundError as error:
        raise ConfigError(f"online_store: {error.name} is not installed; pip install 'trenddrop[redis]'") from error
    return RedisRows(url, is_expiring=is_expiring)
