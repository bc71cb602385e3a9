"""Labels that people (or a model that people checked) gave: imported from files, they win over automatic ones.

They stand beside the automatic labels of the same key, so a rebuild of those neither loses nor changes them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import polars as pl

from trenddrop.core.errors import InputError
from trenddrop.core.ids import hashtag_id
from trenddrop.labels.definition import LabelDefinition
from trenddrop.schemas.viral_labels import AUTOMATIC, VIRAL_LABELS
from trenddrop.staging.unions import nullable, union_rows
from trenddrop.warehouse import Warehouse, sync

METHODS = ("manual", "semi_supervised")  # the first wins
_KEYS = ("hashtag_id", "label_timestamp", "prediction_window_hours", "viral_definition_name")
_REQUIRED = ("label_timestamp", "prediction_window_hours", "is_viral")
_OPTIONAL = ("actual_peak_timestamp", "peak_view_count", "growth_rate_percent", "confidence_score", "labeling_method")
_NAMES = ("hashtag_id", "hashtag", "platform")
_SHOWN = 5  # problems in a message
_TRUE, _FALSE = ("true", "1", "yes", "1.0"), ("false", "0", "no", "0.0")
_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": lambda path: pl.read_csv(path, infer_schema=False),
    ".jsonl": lambda path: pl.read_ndjson(path, infer_schema_length=None),
    ".ndjson": lambda path: pl.read_ndjson(path, infer_schema_length=None),
    ".parquet": pl.read_parquet,
}


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """Labels in the file, those that follow for other horizons, and how many of all are new or differ."""

    rows: int
    implied: int
    written: int


def decided_labels(labels: ir.Table) -> ir.Table:
    """Return one label per key: the manual one, else the semi-supervised one, else the automatic one."""
    labels = nullable(labels)
    decided = labels.filter(labels.labeling_method == METHODS[0])
    for method in (*METHODS[1:], AUTOMATIC):
        better = labels.filter(labels.labeling_method.isin((*METHODS, AUTOMATIC)[: _place(method)]))
        rest = labels.filter(labels.labeling_method == method).anti_join(better, list(_KEYS))
        decided = union_rows(decided, rest.select(*labels.columns))
    return decided


def _place(method: str) -> int:
    return (*METHODS, AUTOMATIC).index(method)


def import_labels(
    wh: Warehouse, path: Path, definition: LabelDefinition, *, platform: str | None = None, method: str = METHODS[0]
) -> ImportSummary:
    """Take the labels of a CSV, JSON lines or Parquet file in; the same file again changes nothing.

    Columns: ``hashtag_id`` (or ``hashtag``, with ``platform`` or the argument), ``label_timestamp`` (UTC, on the hour),
    ``prediction_window_hours``, ``is_viral`` (empty: unknown), and if known ``actual_peak_timestamp``,
    ``peak_view_count``, ``growth_rate_percent``, ``confidence_score`` (default 1) and ``labeling_method``. A positive
    implies the longer horizons, a negative the shorter ones, where the file does not say them itself.
    Raises InputError, naming the rows, where any of them cannot be used; then none is imported.
    """
    rows = _checked(_read(path), path, definition, platform=platform, method=method)
    labels = pl.concat([rows, _implied(rows, definition)])
    labels = labels.with_columns(
        viral_definition_name=pl.lit(definition.name),
        platform=pl.col("hashtag_id").str.split(":").list.first(),
        matured_at=pl.col("label_timestamp") + pl.duration(hours="prediction_window_hours"),
        confidence_score=pl.col("confidence_score").fill_null(1.0),
    )
    staged = wh.stage(labels.select(*VIRAL_LABELS.columns))
    stored = wh.table(VIRAL_LABELS.name).semi_join(staged, list(VIRAL_LABELS.key))
    written = sync(wh, VIRAL_LABELS, staged, stored)
    return ImportSummary(rows.height, labels.height - rows.height, written)


def _read(path: Path) -> pl.DataFrame:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: {path.suffix or 'no ending'} is none of {', '.join(_READERS)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return reader(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot be read: {' '.join(str(error).split())[:200]}") from error


def _checked(
    frame: pl.DataFrame, path: Path, definition: LabelDefinition, *, platform: str | None, method: str
) -> pl.DataFrame:
    has_names = "hashtag_id" in frame.columns or (
        "hashtag" in frame.columns and (platform is not None or "platform" in frame.columns)
    )
    missing = sorted(set(_REQUIRED) - set(frame.columns)) + ([] if has_names else ["hashtag_id"])
    unknown = sorted(set(frame.columns) - {*_NAMES, *_REQUIRED, *_OPTIONAL})
    if missing or unknown:
        problems = [f"missing columns {missing}"] * bool(missing) + [f"unknown columns {unknown}"] * bool(unknown)
        raise InputError(f"{path}: {'; '.join(problems)}; got {frame.columns}")
    texts = frame.with_columns(pl.lit(None, pl.String).alias(n) for n in _OPTIONAL if n not in frame.columns)
    rows = texts.select(
        hashtag_id=_hashtag_ids(frame, platform),
        label_timestamp=_moments(texts, "label_timestamp"),
        prediction_window_hours=pl.col("prediction_window_hours").cast(pl.Int64, strict=False),
        is_viral=_truths("is_viral"),
        actual_peak_timestamp=_moments(texts, "actual_peak_timestamp"),
        peak_view_count=pl.col("peak_view_count").cast(pl.Float64, strict=False),
        growth_rate_percent=pl.col("growth_rate_percent").cast(pl.Float64, strict=False),
        confidence_score=pl.col("confidence_score").cast(pl.Float64, strict=False),
        labeling_method=pl.col("labeling_method").cast(pl.String).fill_null(method),
    )
    if problems := _problems(rows, texts, definition):
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(f"{path}: nothing imported: {'; '.join(problems[:_SHOWN])}{more}")
    return rows.unique(maintain_order=True)


def _hashtag_ids(frame: pl.DataFrame, platform: str | None) -> pl.Series:
    if "hashtag_id" in frame.columns:
        pairs = frame["hashtag_id"].cast(pl.String).str.splitn(":", 2).struct.unnest()
        pairs.columns = ["platform", "name"]
    else:
        of_row = pl.col("platform").cast(pl.String) if "platform" in frame.columns else pl.lit(platform)
        pairs = frame.select(platform=of_row, name=pl.col("hashtag").cast(pl.String))
    known = pairs.unique().drop_nulls().rows()
    ids = {(place, name): hashtag_id(place, name) for place, name in known if place and name.strip(" #")}
    return pl.Series([ids.get(pair) for pair in pairs.rows()], dtype=pl.String)


def _moments(frame: pl.DataFrame, column: str) -> pl.Expr:
    dtype, moment = frame.schema[column], pl.col(column)
    if isinstance(dtype, pl.Datetime):
        moment = moment.dt.replace_time_zone("UTC") if dtype.time_zone is None else moment.dt.convert_time_zone("UTC")
        return moment.dt.cast_time_unit("us")
    text = moment.cast(pl.String).str.strip_chars().str.replace(" ", "T", literal=True)
    is_zoned = text.str.contains(r"(Z|[+-]\d{2}:?\d{2})$")
    text = pl.when(is_zoned).then(text).otherwise(text + "Z")
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})Z$", "${1}T00:00Z")
    text = text.str.replace(r"T(\d{2}:\d{2})(Z|[+-])", "T$1:00$2")
    return text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)


def _truths(column: str) -> pl.Expr:
    text = pl.col(column).cast(pl.String).str.to_lowercase().str.strip_chars()
    return pl.when(text.is_in(_TRUE)).then(True).when(text.is_in(_FALSE)).then(False)


def _problems(rows: pl.DataFrame, texts: pl.DataFrame, definition: LabelDefinition) -> list[str]:
    """Return what is wrong, in the order of the rows; the first row is row 1."""
    hours, moment = pl.col("prediction_window_hours"), pl.col("label_timestamp")
    key = ("hashtag_id", "label_timestamp", "prediction_window_hours", "labeling_method")
    said = ("is_viral", *_OPTIONAL[:-1])
    written = {f"{name}_text": texts[name].cast(pl.String).str.strip_chars() for name in (*_REQUIRED, *_OPTIONAL)}
    table = rows.with_columns(**written).with_row_index("row", offset=1)
    positive = pl.when(pl.col("is_viral")).then(hours).min().over("hashtag_id", "label_timestamp", "labeling_method")
    horizons = ", ".join(str(h) for h in definition.horizons)
    unread = {name: pl.col(name).is_null() & (pl.col(f"{name}_text").fill_null("") != "") for name in said}
    tests = {
        "hashtag_id: not platform:name": pl.col("hashtag_id").is_null(),
        "label_timestamp: no moment like 2026-01-02T03:00:00Z": moment.is_null(),
        "label_timestamp: not on the hour": moment != moment.dt.truncate("1h"),
        f"prediction_window_hours: none of {horizons}": ~hours.is_in(list(definition.horizons)).fill_null(False),
        f"labeling_method: none of {', '.join(METHODS)}": ~pl.col("labeling_method").is_in(list(METHODS)),
        "confidence_score: not from 0 to 1": ~pl.col("confidence_score").is_between(0, 1),
        "the same label differs from another row of the file": pl.struct(said).n_unique().over(key) > 1,
        "negative, but a shorter horizon of the same hour is positive": ~pl.col("is_viral") & (positive < hours),
        **{f"{name}: cannot be read": test for name, test in unread.items()},
    }
    found = pl.concat(
        table.filter(test.fill_null(False)).select("row", problem=pl.lit(what)) for what, test in tests.items()
    )
    return [f"row {row}: {what}" for row, what in found.sort("row", maintain_order=True).rows()]


def _implied(rows: pl.DataFrame, definition: LabelDefinition) -> pl.DataFrame:
    horizons = pl.DataFrame({"horizon": definition.horizons}, schema={"horizon": pl.Int64})
    told = rows.filter(pl.col("is_viral").is_not_null()).join(horizons, how="cross")
    hours = pl.col("prediction_window_hours")
    is_longer = pl.col("is_viral") & (pl.col("horizon") > hours)
    is_shorter = ~pl.col("is_viral") & (pl.col("horizon") < hours)
    told = told.filter(is_longer | is_shorter).with_columns(prediction_window_hours="horizon").drop("horizon")
    key = ["hashtag_id", "label_timestamp", "prediction_window_hours", "labeling_method"]
    told = told.join(rows, on=key, how="anti")
    of_horizon = [pl.lit(None, rows.schema[name]).alias(name) for name in _OPTIONAL[:3]]  # these do not follow
    return told.unique(key, keep="first", maintain_order=True).with_columns(of_horizon).select(rows.columns)
