"""UTC instants and hours: the only notion of time in TrendDrop."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from trenddrop.core.errors import ConfigError

Clock = Callable[[], datetime]

HOUR = timedelta(hours=1)
HORIZONS_HOURS = (6, 12, 24, 48)


def utc_now() -> datetime:
    """Return the current instant; the clock that the command line hands down."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """Return the same instant in UTC; a naive datetime is taken as UTC.

    >>> as_utc(datetime(2026, 1, 2, 3)).isoformat()
    '2026-01-02T03:00:00+00:00'
    """
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def hour_end(moment: datetime) -> datetime:
    """Return the end of the hour (H-1h, H] that holds the moment.

    >>> hour_end(datetime(2026, 1, 2, 3, 0, 1)).isoformat()
    '2026-01-02T04:00:00+00:00'
    >>> hour_end(datetime(2026, 1, 2, 3)).isoformat()
    '2026-01-02T03:00:00+00:00'
    """
    moment = as_utc(moment)
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + HOUR


def parse_moment(text: str) -> datetime:
    """Read an ISO date or datetime as UTC.

    >>> parse_moment("2025-06-01").isoformat()
    '2025-06-01T00:00:00+00:00'
    """
    try:
        return as_utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise ConfigError(f"{text!r} is not a date; write it as 2025-06-01 or 2025-06-01T12:00:00") from error
