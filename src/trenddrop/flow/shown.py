"""The newest features of one hashtag, creator, video or sound, and the hours before them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from trenddrop.core.errors import NotFoundError
from trenddrop.core.ids import normalized_name
from trenddrop.core.names import did_you_mean, near_matches
from trenddrop.core.time import HOUR
from trenddrop.features import FEATURE_SETS, FeatureSet
from trenddrop.flow.workspace import Workspace

HASHTAG = "hashtag"
HISTORY: Mapping[str, tuple[str, ...]] = {  # what tells most of an entity, by preference: not every source has all
    HASHTAG: ("views_1h", "velocity", "momentum_score", "score", "score_rank", "score_velocity", "view_total"),
    "creator": ("creator_followers", "creator_videos_24h", "creator_engagement_7d", "creator_likes"),
    "video": ("video_views", "video_views_per_hour", "video_engagement_efficiency", "video_likes"),
    "sound": ("sound_usage", "sound_videos_24h", "sound_views_per_video_7d", "sound_engagement_7d"),
}
SERIES = 3  # of HISTORY, those that have values

_NEAR_AMONG = 200_000  # ids that a mistyped one is compared with


@dataclass(frozen=True, slots=True)
class Shown:
    """The features of one entity: its newest row, and the hours before it."""

    feature_set: FeatureSet
    identity: str
    newest: dict[str, Any]
    history: pl.DataFrame  # feature_timestamp and up to SERIES features, one row per hour, null where there is none

    @property
    def series(self) -> list[str]:
        """Return the features of the history."""
        return self.history.columns[1:]


def show_entity(workspace: Workspace, name: str, *, entity: str = HASHTAG, hours: int = 48) -> Shown:
    """Return the newest features of an entity and its last ``hours`` hours.

    Raises NotFoundError with the nearest ids where there is none, or several platforms have it.
    """
    feature_set = feature_set_named(entity)
    features, key = workspace.warehouse.table(feature_set.schema.name), f"{entity}_id"
    identity = entity_named(workspace, name, entity=entity)
    rows = features.filter(features[key] == identity)
    newest = rows.order_by(rows.feature_timestamp.desc()).limit(1).to_polars()
    if newest.is_empty():
        raise NotFoundError(f"{entity} {identity}: has no features yet; run 'trenddrop features build' first")
    moment = newest["feature_timestamp"].item()
    recent = rows.filter(rows.feature_timestamp > moment - hours * HOUR).select("feature_timestamp", *HISTORY[entity])
    known = recent.to_polars().cast({"feature_timestamp": pl.Datetime("us", "UTC")})
    moments = pl.DataFrame(
        {"feature_timestamp": [moment - back * HOUR for back in range(hours - 1, -1, -1)]},
        schema={"feature_timestamp": pl.Datetime("us", "UTC")},
    )
    history = moments.join(known, on="feature_timestamp", how="left", maintain_order="left")
    return Shown(
        feature_set, identity, newest.row(0, named=True), history.select("feature_timestamp", *_telling(history))
    )


def _telling(history: pl.DataFrame) -> list[str]:
    """Return the first features of a history that have values, or its first ones where none has."""
    names = history.columns[1:]
    return ([name for name in names if history[name].count()] or names)[:SERIES]


def feature_set_named(entity: str) -> FeatureSet:
    """Return the features of that kind of entity. Raises NotFoundError with the kinds there are."""
    for feature_set in FEATURE_SETS:
        if feature_set.entity == entity:
            return feature_set
    known = [feature_set.entity for feature_set in FEATURE_SETS]
    raise NotFoundError(f"entity {entity!r}: not known; choose {' or '.join(known)}{did_you_mean(entity, known)}")


def entity_named(workspace: Workspace, given: str, *, entity: str = HASHTAG) -> str:
    """Return the id of an entity given as ``platform:name``, or as a name that one platform has."""
    key = f"{entity}_id"
    ids = workspace.warehouse.table(f"{entity}s").select(key)
    platform, _, name = given.rpartition(":")
    name = normalized_name(name) if entity == HASHTAG else name
    found = sorted(
        ids.filter(ids[key] == f"{platform}:{name}" if platform else ids[key].endswith(f":{name}")).to_polars()[key]
    )
    if not platform:
        found = [identity for identity in found if identity.split(":", 1)[1] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(f"{entity} {given!r}: several platforms have it; choose {' or '.join(found)}")
    known = ids.order_by(key).limit(_NEAR_AMONG).to_polars()[key].to_list()
    if not known:
        raise NotFoundError(f"{entity} {given!r}: there are none yet; run 'trenddrop ingest' first")
    by_name = {identity.split(":", 1)[1]: identity for identity in reversed(known)}
    near = [by_name[close] for close in near_matches(name, by_name)]
    hint = f"did you mean {' or '.join(near)}?" if near else "an id is platform:name, as in " + known[0]
    raise NotFoundError(f"{entity} {given!r}: not known; {hint}")
