"""Who was champion, since when and why: events kept as tags of the versions that they made champion, and the way back.

An event is written before the alias moves. A process that is killed between the two leaves an event whose version is
not the champion; whoever changes the champion next finishes or replaces it.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import orjson

from trenddrop.core.errors import NotFoundError
from trenddrop.registry.registry import ModelRegistry, ModelVersion

EVENT = "trenddrop.champion."  # and the number of the event
Kind = Literal["promotion", "rollback"]


@dataclass(frozen=True, slots=True)
class Change:
    """When, by whom and why a champion is changed."""

    at: datetime
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class ChampionEvent:
    """One version became champion in place of another (None: there was none)."""

    number: int  # counts from 1 over all versions of the name
    kind: Kind
    version: str
    before: str | None
    at: str  # ISO 8601, UTC
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a rollback did: nothing where the champion was taken back already."""

    name: str
    champion: str
    before: str
    is_changed: bool
    event: ChampionEvent


def champion_events(registry: ModelRegistry, name: str) -> list[ChampionEvent]:
    """Return every change of the champion that is recorded, the oldest first."""
    tags = [tag for one in registry.versions(name) for tag in one.tags.items()]
    found = [ChampionEvent(**orjson.loads(text)) for key, text in tags if key.startswith(EVENT)]
    return sorted(found, key=lambda event: event.number)


def install(registry: ModelRegistry, name: str, version: str, kind: Kind, change: Change) -> ChampionEvent:
    """Record that the version becomes champion, then let the alias point at it."""
    champion = registry.aliased(name, "champion")
    before = champion.version if champion else None
    events = champion_events(registry, name)
    is_unfinished = bool(events) and events[-1].version == version != before
    number = events[-1].number + (not is_unfinished) if events else 1
    event = ChampionEvent(number, kind, version, before, change.at.isoformat(), change.by, change.why)
    registry.tag(name, version, f"{EVENT}{number}", orjson.dumps(asdict(event)).decode())
    registry.point(name, "champion", version)
    return event


def roll_back(registry: ModelRegistry, name: str, change: Change, *, to: str | None = None) -> Rollback:
    """Let the version that was champion before be it again, or the version ``to``.

    Asking twice takes one step back, not two: after a rollback, only ``to`` goes further. Raises NotFoundError where
    there is no champion, none before it, or no such version.
    """
    champion = registry.aliased(name, "champion")
    if champion is None:
        known = ", ".join(registry.names()) or "none"
        raise NotFoundError(f"model {name}: has no champion, so there is nothing to take back; models: {known}")
    last = _standing(champion_events(registry, name), champion)
    if last is not None and last.version == champion.version and last.kind == "rollback" and to in (None, last.version):
        return Rollback(name, champion.version, last.before or "", is_changed=False, event=last)
    versions = registry.versions(name)
    target = to or _champion_before(champion, last, versions)
    if target not in {one.version for one in versions}:
        raise NotFoundError(f"model {name}: no version {target}; known: {_listed(versions)}")
    if target == champion.version:
        raise NotFoundError(f"model {name}: version {target} is the champion already; others: {_listed(versions)}")
    event = install(registry, name, target, "rollback", change)
    return Rollback(name, target, champion.version, is_changed=True, event=event)


def rolled_back(registry: ModelRegistry, name: str, version: str) -> str:
    """Return in words how the version was taken back, or nothing where it was not, or came again since."""
    for event in reversed(champion_events(registry, name)):
        if event.version == version:
            return ""
        if event.before == version and event.kind == "rollback":
            why = f": {event.why}" if event.why else ""
            return f"was rolled back on {event.at[:16]} by {event.by}{why}"
    return ""


def _standing(events: list[ChampionEvent], champion: ModelVersion) -> ChampionEvent | None:
    """Return the newest event but for promotions that did not come to their end."""
    for event in reversed(events):
        if event.kind == "rollback" or event.version == champion.version or event.before != champion.version:
            return event
    return None


def _champion_before(champion: ModelVersion, last: ChampionEvent | None, versions: list[ModelVersion]) -> str:
    """Return the version to go back to; after a killed rollback, or a champion set by hand, the last one recorded."""
    before = None if last is None else last.before if last.version == champion.version else last.version
    if before is None:
        others = [one for one in versions if one.version != champion.version]
        way_out = f"choose one with --to: {_listed(others)}" if others else "there is no other version; train one"
        raise NotFoundError(
            f"model {champion.name}: nothing to go back to: no champion before version {champion.version} is recorded; "
            f"{way_out}"
        )
    return before


def _listed(versions: list[ModelVersion]) -> str:
    return ", ".join(one.version for one in versions) or "none"
