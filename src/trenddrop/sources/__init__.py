"""One module per source system: its documents become records of hashtags, videos, creators and sounds."""

from datetime import datetime
from pathlib import Path

from trenddrop.core.errors import ConfigError
from trenddrop.core.settings import find_config, parse_config, read_yaml
from trenddrop.sources.mapping import Mapping
from trenddrop.sources.series import SeriesSource
from trenddrop.sources.source import Parsed, Source
from trenddrop.sources.tiktok_export import TikTokExport, TikTokExportConfig
from trenddrop.sources.tiktok_records import TikTokRecords, TikTokRecordsConfig


def load_source(name: str, *, extra: Path | None = None, fetched_at: datetime | None = None) -> Source:
    """Return the source of this name, or of this mapping file.

    ``extra`` is a folder of configs that is searched first; ``fetched_at`` is the fetch time of records that have none
    (of the source ``tiktok_records``).

    Raises:
        NotFoundError: there is no such source; the message lists those that there are.
        ConfigError: the file has keys or values that do not fit.

    """
    path = find_config("sources", name, extra=extra)
    values = read_yaml(path)
    kind = values.get("kind")
    if kind == "series":
        return SeriesSource(path.stem, str(path), parse_config(Mapping, values, origin=str(path)))
    if kind == "tiktok_records":
        return TikTokRecords(path.stem, parse_config(TikTokRecordsConfig, values, origin=str(path)), fetched_at)
    if kind == "tiktok_export":
        return TikTokExport(path.stem, parse_config(TikTokExportConfig, values, origin=str(path)))
    raise ConfigError(f"{path}: kind: {kind!r} is none of series, tiktok_records, tiktok_export")


__all__ = ["Parsed", "Source", "load_source"]
