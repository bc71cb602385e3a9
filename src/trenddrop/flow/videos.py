"""The video branch: index the trends, match videos to them, write their metadata."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from trenddrop.core.errors import InputError, NotFoundError
from trenddrop.core.settings import Settings
from trenddrop.embeddings import PackagedMiniLM, embed_trends
from trenddrop.flow.stages import newest_event
from trenddrop.flow.workspace import Workspace
from trenddrop.index import ExactIndex, index_trends, only_change
from trenddrop.matching import Match, Video, latest_scores, load_matching, match, write_matches
from trenddrop.metadata import (
    Generation,
    GenerationSetup,
    draws,
    earlier_texts,
    generate,
    load_agent,
    load_platforms,
    write_generations,
)
from trenddrop.scoring import open_scores

RECENT = timedelta(days=3)  # trends not seen for longer are not worth a post


@dataclass(slots=True)
class VideoBranch:
    """The models and the index, read once and used for many videos."""

    workspace: Workspace
    embedder: PackagedMiniLM = field(default_factory=PackagedMiniLM)
    _index: ExactIndex | None = None

    def index_folder(self) -> Path:
        """Return where the index is kept."""
        return index_folder(self.workspace.settings)

    def build_index(self, *, is_everything: bool = False) -> int:
        """Embed the trends seen in the last days (or all) and write the index; return how many it holds."""
        ws = self.workspace
        newest = newest_event(ws)
        since = None if is_everything or newest is None else newest - RECENT
        with ws.stage("index") as stage:
            embed_trends(ws.warehouse, self.embedder, clock=ws.clock, since=since, progress=ws.progress)
            index = ExactIndex(self.embedder.name, self.embedder.dimensions)
            with only_change(self.index_folder()):
                stage.rows = index_trends(ws.warehouse, index, since=since)
                index.save(self.index_folder())
        self._index = index
        return stage.rows

    def index(self) -> ExactIndex:
        """Return the index; NotFoundError says how to make one."""
        if self._index is None:
            if not self.index_folder().is_dir():
                raise NotFoundError(f"index: none in {self.index_folder()}; run 'trenddrop index' first")
            self._index = ExactIndex.load(self.index_folder())
        return self._index

    def match(self, video: Video, *, platform: str | None = None) -> list[Match]:
        """Match one video, by what the newest predictions say of windows that are open, and keep the matches."""
        ws = self.workspace
        config = load_matching(extra=ws.settings.configs)
        scores = open_scores(latest_scores(ws.warehouse))
        found = match(video, self.index(), scores, config, embedder=self.embedder, platform=platform)
        write_matches(ws.warehouse, video.identity, found, clock=ws.clock)
        return found

    def generate(
        self, video: Video, platforms: Sequence[str], *, agent: str = "default", matches: Sequence[Match] | None = None
    ) -> list[Generation]:
        """Write one video's metadata for each platform and keep the generations."""
        ws = self.workspace
        extra = ws.settings.configs
        limits = load_platforms(extra=extra)
        setup = GenerationSetup(
            agent=load_agent(agent, platforms=limits, extra=extra),
            platforms=limits,
            matching=load_matching(extra=extra),
            embedder=self.embedder,
            references=earlier_texts(ws.warehouse),
        )
        found = self.match(video) if matches is None else matches
        generations = generate(video, found, platforms, setup, clock=ws.clock, rng=draws(video, setup.agent))
        write_generations(ws.warehouse, generations)
        return generations


def index_folder(settings: Settings) -> Path:
    """Return where the index of trends is kept."""
    return settings.home / "index" / "trends"


def read_videos(path: Path) -> list[Video]:
    """Read videos from a JSON file (one object or a list) or from JSON lines."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give a .json or .jsonl file of videos") from error
    try:
        try:
            documents = orjson.loads(content)
        except orjson.JSONDecodeError:
            documents = [orjson.loads(line) for line in content.splitlines() if line.strip()]
        return TypeAdapter(list[Video]).validate_python(documents if isinstance(documents, list) else [documents])
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path}: is neither JSON nor JSON lines: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"video {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise InputError(f"{path}: {problems}") from error
