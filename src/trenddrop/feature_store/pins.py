"""What a training run read, pinned: the definition of each feature view and the snapshot of the warehouse.

A frame is repeatable bit for bit when three things are as they were: the rows (a snapshot of the warehouse never
changes), the views of the feature service (schema, keys, time to live, source) and the definitions of the features
behind them. ``pin`` records them, with a hash of the frame that was read; ``differences`` says what has changed since.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl
from google.protobuf.json_format import MessageToDict

from trenddrop.core.errors import SchemaError


@dataclass(frozen=True, slots=True)
class Pins:
    """A feature service as a run read it; ``views`` maps each view to what identifies it."""

    feature_service: str
    snapshot_id: str
    views: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    frame_sha256: str = ""

    def fingerprint(self) -> str:
        """Return a hash of the service and its views; snapshot and frame stand beside it.

        >>> Pins("service", "1").fingerprint() == Pins("service", "2").fingerprint()
        True
        """
        return _hash({"feature_service": self.feature_service, "views": self.views})

    def as_json(self) -> str:
        """Return the document that a training run keeps."""
        return json.dumps(asdict(self) | {"fingerprint": self.fingerprint()}, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Pins":
        """Read the document of a run; raise SchemaError when it is damaged or was changed by hand."""
        try:
            read = json.loads(text)
            pins = cls(read["feature_service"], read["snapshot_id"], read["views"], read["frame_sha256"])
            fingerprint = read["fingerprint"]
        except (ValueError, KeyError, TypeError) as error:
            raise SchemaError(f"feature pins: the document of the run cannot be read ({error}); train anew") from error
        if pins.fingerprint() != fingerprint:
            raise SchemaError("feature pins: the document of the run does not match its own fingerprint; train anew")
        return pins


def pin(store: Any, service: Any, *, snapshot: str) -> Pins:
    """Return what identifies the views of a feature service as they are applied now."""
    views = {}
    for projection in service.feature_view_projections:
        view = store.get_feature_view(projection.name, allow_registry_cache=True)
        views[projection.name_to_use()] = _described(view, projection)
    return Pins(service.name, snapshot, views)


def differences(pinned: Pins, now: Pins) -> list[str]:
    """Return in words what has changed in the views since; nothing when a repeated frame is the same.

    >>> differences(Pins("s", "1", {"growth": {"ttl_s": 60}}), Pins("s", "9", {"growth": {"ttl_s": 90}}))
    ['growth: ttl_s was 60, is 90']
    """
    found = [f"{view}: is gone" for view in pinned.views if view not in now.views]
    found += [f"{view}: is new" for view in now.views if view not in pinned.views]
    for view, was in pinned.views.items():
        found += _changed(view, was, now.views.get(view, was))
    return found


def require_unchanged(pinned: Pins, now: Pins) -> None:
    """Raise SchemaError, with all that has changed, when the pinned views are not those of now."""
    if changed := differences(pinned, now):
        raise SchemaError(
            f"feature service {pinned.feature_service}: cannot repeat the run at snapshot {pinned.snapshot_id}, its "
            f"views have changed since: {'; '.join(changed)}; check out the commit of the run, or train anew"
        )


def require_same_frame(pinned: Pins, frame: pl.DataFrame) -> None:
    """Raise SchemaError when the frame is not, bit for bit, the one that was pinned."""
    if (found := frame_sha256(frame)) != pinned.frame_sha256:
        raise SchemaError(
            f"feature service {pinned.feature_service}: the frame at snapshot {pinned.snapshot_id} has hash "
            f"{found[:12]}, the run had {pinned.frame_sha256[:12]}; give the entity rows of the run, in their order"
        )


def frame_sha256(frame: pl.DataFrame) -> str:
    """Return a hash of names, types, order and every bit of the values.

    >>> frame_sha256(pl.DataFrame({"a": [0, None]})) == frame_sha256(pl.DataFrame({"a": [None, 0]}))
    False
    """
    digest = hashlib.sha256()
    for column in frame:
        digest.update(f"{column.name}:{column.dtype}:{len(column)};".encode())
        digest.update(column.is_null().to_numpy().tobytes())
        values = column.drop_nulls()
        if values.dtype == pl.String:
            digest.update(values.str.len_bytes().to_numpy().tobytes())
            digest.update("".join(values.to_list()).encode())
        else:
            digest.update(values.to_physical().to_numpy().tobytes())
    return digest.hexdigest()


def _described(view: Any, projection: Any) -> dict[str, Any]:
    source = MessageToDict(view.batch_source.to_proto(), preserving_proto_field_name=True)
    for told in ("description", "tags", "owner", "meta"):  # words and dates that change no value
        source.pop(told, None)
    if "custom_options" in source:  # MessageToDict would write base64
        source["custom_options"] = view.batch_source.to_proto().custom_options.configuration.decode()
    return {
        "features": {one.name: _feature(one) for one in projection.features},
        "keys": {key.name: str(key.dtype) for key in view.entity_columns},
        "renamed_keys": dict(projection.join_key_map),
        "source": source,
        "ttl_s": view.ttl.total_seconds() if view.ttl else 0.0,
    }


def _feature(one: Any) -> str:
    """Return a feature's type and the version of its definition, such as ``Float64 v1``."""
    version = one.tags.get("version")
    return f"{one.dtype} v{version}" if version else str(one.dtype)


def _changed(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for part in sorted({*was, *now}):
        before, after = was.get(part), now.get(part)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += _changed(f"{name}.{part}", before, after)
        elif before != after:
            found.append(f"{name}: {part} was {_words(before)}, is {_words(after)}")
    return found


def _words(value: Any) -> str:
    return "absent" if value is None else str(value)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
