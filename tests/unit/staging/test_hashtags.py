"""What is known of a hashtag: its own records say it, and videos that carry it only where no record of its own does."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trenddrop.core.settings import Privacy
from trenddrop.sources import Source, load_source
from trenddrop.staging import ingest
from trenddrop.warehouse import Warehouse

START = 1_735_725_600
MAPPING = """
kind: series
platform: tiktok
system: lists
hashtag: tag
time: {field: at, format: epoch_s}
counters: {view_count: views}
text: {title: title, category: category, description: description}
region: region
"""
TEXTS = ("title", "category", "description", "geographic_region")
Record = dict[str, Any]
Batch = tuple[str, list[Record]]


def page(tag: str, at: int, description: str | None = None) -> Record:
    challenge = {"id": tag, "title": tag, "desc": description}
    return {"challenge": challenge, "stats": {"viewCount": 5}, "fetchTime": START + at}


def video(tag: str, at: int) -> Record:
    return {"id": "1", "playCount": 1, "hashtags": [{"name": tag}], "fetchTime": START + at}


def reading(tag: str, at: int, **texts: str | None) -> Record:
    return {"tag": tag, "at": START + at, "views": 7} | dict.fromkeys(("title", "category", "description")) | texts


def take(wh: Warehouse, folder: Path, *batches: Batch) -> None:
    """Take each batch in by itself, by the source of that kind: ``records`` of pages and videos, or ``lists``."""
    (folder / "lists.yaml").write_text(MAPPING)
    sources: dict[str, Source] = {
        "records": load_source("tiktok_records"),
        "lists": load_source(str(folder / "lists.yaml")),
    }
    for number, (kind, records) in enumerate(batches):
        path = folder / f"{number}.jsonl"
        path.write_text("\n".join(json.dumps({"region": None} | one if kind == "lists" else one) for one in records))
        ingest(wh, sources[kind], [path], privacy=Privacy(), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))


def told(wh: Warehouse) -> dict[str, list[str | None]]:
    """Return the texts of each hashtag by its name."""
    return {name: texts for name, *texts in _rows(wh, "name", *TEXTS)}


def _rows(wh: Warehouse, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in wh.table("hashtags").select(*columns).to_pyarrow().to_pylist()]


def test_a_later_video_with_a_hashtag_leaves_what_the_hashtags_own_record_said(
    any_wh: Warehouse, tmp_path: Path
) -> None:
    own = reading("Tea", 0, title="Tea time", category="drinks", description="Of leaves", region="GB")
    take(any_wh, tmp_path, ("lists", [own]), ("records", [video("TEA", 60)]))
    assert told(any_wh) == {"tea": ["Tea time", "drinks", "Of leaves", "GB"]}
    ((last,),) = _rows(any_wh, "last_updated_at")
    assert last.timestamp() == START + 60


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_hashtag_that_was_only_mentioned_takes_what_an_older_record_of_its_own_says(
    wh: Warehouse, tmp_path: Path, is_reversed: bool
) -> None:
    batches: list[Batch] = [("records", [video("TEA", 60)]), ("records", [page("Tea", 0, "Of leaves")])]
    take(wh, tmp_path, *(batches[::-1] if is_reversed else batches))
    assert told(wh) == {"tea": ["Tea", None, "Of leaves", None]}


def test_a_record_without_a_title_is_titled_as_it_writes_the_name(wh: Warehouse, tmp_path: Path) -> None:
    take(wh, tmp_path, ("lists", [reading("tEa", 5, category="drinks")]), ("records", [video("TEA", 60)]))
    assert told(wh) == {"tea": ["tEa", "drinks", None, None]}


def scenario(rng: random.Random) -> list[tuple[str, Record]]:
    """Return sightings of many hashtags by kind of source; several share a moment."""
    found: list[tuple[str, Record]] = []
    for number in range(40):
        for seen in range(rng.randrange(1, 7)):
            tag = rng.choice([f"tag{number}", f"Tag{number}", f"TAG{number}"])
            at = rng.randrange(4)
            text = [rng.choice([None, f"{name} {seen}"]) for name in TEXTS]
            kind = rng.choice(["video", "page", "reading"])
            if kind == "video":
                found.append(("records", video(tag, at) | {"id": f"{number}-{seen}"}))
            elif kind == "page":
                found.append(("records", page(tag, at, text[0])))
            else:
                texts = dict(zip(("title", "category", "description", "region"), text, strict=True))
                found.append(("lists", reading(tag, at, **texts)))
    return list({json.dumps(one): one for one in found}.values())


def expected(sightings: list[tuple[str, Record]]) -> dict[str, list[str | None]]:
    """Return the texts of each hashtag, written as plain loops: those of its newest own records, else of mentions."""
    by_name: dict[str, list[tuple[bool, int, tuple[str | None, ...]]]] = {}
    for kind, one in sightings:
        if kind == "lists":
            texts = (one["title"] or one["tag"], one["category"], one["description"], one["region"])
            said = (one["tag"], True, one["at"], texts)
        elif "challenge" in one:
            tag = one["challenge"]["title"]
            said = (tag, True, one["fetchTime"], (tag, None, one["challenge"]["desc"], None))
        else:
            tag = one["hashtags"][0]["name"]
            said = (tag, False, one["fetchTime"], (tag, None, None, None))
        by_name.setdefault(said[0].lower(), []).append(said[1:])
    found = {}
    for name, sayings in by_name.items():
        newest = max(saying[:2] for saying in sayings)
        columns = zip(*(texts for *when, texts in sayings if tuple(when) == newest), strict=True)
        found[name] = [max((text for text in column if text is not None), default=None) for column in columns]
    return found


@pytest.mark.parametrize("parts", [1, 2])
def test_texts_depend_on_the_set_of_sightings_alone(any_wh: Warehouse, tmp_path: Path, parts: int) -> None:
    rng = random.Random(parts)
    sightings = scenario(rng)
    shuffled = rng.sample(sightings, len(sightings))
    batches = [
        (kind, [one for of, one in shuffled[part::parts] if of == kind])
        for part in range(parts)
        for kind in rng.sample(["records", "lists"], 2)
    ]
    take(any_wh, tmp_path, *batches)
    assert told(any_wh) == expected(sightings)
