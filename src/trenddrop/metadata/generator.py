"""The default generator: everything it writes was said in the video, by a trend or by a template."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from trenddrop.core.errors import ConfigError
from trenddrop.core.ids import content_id
from trenddrop.core.time import Clock
from trenddrop.embeddings import Embedder, split_words
from trenddrop.embeddings.embedder import Vectors
from trenddrop.matching import Match, MatchingConfig, Video
from trenddrop.metadata.agent import Agent
from trenddrop.metadata.hashtags import Choice, candidates, draw, portfolio
from trenddrop.metadata.limits import SEPARATOR, FieldLimits, Limit, PlatformLimits, fits, limits_of
from trenddrop.metadata.quality import originality_score, quality_score
from trenddrop.metadata.summary import Outline, outline, summary_sentences, title_sentence
from trenddrop.metadata.text import ELLIPSIS, clean, cut, joined_sentences

MODEL = "extractive"
PROVIDER = "trenddrop"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is published with one video on one platform."""

    platform: str
    title: str
    description: str
    hashtags: tuple[str, ...]  # each with its sign
    cta: str
    trend_ids: tuple[str, ...]  # the trends whose hashtags were used

    def text(self) -> str:
        """Return what is compared with earlier texts; hashtags and calls to action are meant to repeat."""
        return f"{self.title} {self.description}"

    def post(self, limits: PlatformLimits) -> str:
        """Return the text as it is published: the platform's parts, joined by blank lines."""
        parts = {
            "title": self.title,
            "description": self.description,
            "cta": self.cta,
            "hashtags": " ".join(self.hashtags),
        }
        return SEPARATOR.join(parts[part] for part in limits.layout if parts[part])


@dataclass(frozen=True, slots=True)
class Generation:
    """One run of the generator for one platform, with all that is needed to judge it later."""

    id: str
    video_id: str
    agent_id: str
    metadata: Metadata
    post: str
    inputs: Mapping[str, Any]
    propensities: Mapping[str, Any]
    quality_score: float
    originality_score: float | None  # None where there was nothing to compare with
    duration_ms: float
    created_at: datetime
    model: str = MODEL
    provider: str = PROVIDER
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier text that the output should not repeat, unless it was written for the same video."""

    video_id: str
    text: str


@dataclass(frozen=True, slots=True)
class GenerationSetup:
    """What stays the same from video to video."""

    agent: Agent
    platforms: Mapping[str, PlatformLimits]
    matching: MatchingConfig
    embedder: Embedder
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class _Task:
    """One video on one platform."""

    video: Video
    platform: str
    limits: PlatformLimits
    agent: Agent
    rng: np.random.Generator | None

    def clean(self, text: str) -> str:
        return clean(text, forbidden=self.limits.forbidden)


class _Memory:
    """An embedder that embeds each text once."""

    def __init__(self, embedder: Embedder) -> None:
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self._embedder = embedder
        self._vectors: dict[str, Vectors] = {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors.update(zip(new, self._embedder.encode(new), strict=True))
        return np.array([self._vectors[text] for text in texts], dtype=np.float32).reshape(-1, self.dimensions)


def generate(
    video: Video,
    matches: Sequence[Match],
    platforms: Sequence[str],
    setup: GenerationSetup,
    *,
    clock: Clock,
    rng: np.random.Generator | None = None,
) -> list[Generation]:
    """Write the metadata of a video for each platform; every limit of ``setup.platforms`` holds for any text.

    Raises NotFoundError for a platform without limits and ConfigError for an agent whose temperature needs an ``rng``.
    """
    agent = setup.agent
    if agent.temperature > 0 and rng is None:
        raise ConfigError(f"agent {agent.agent_id}: temperature {agent.temperature} needs a random generator")
    setup = replace(setup, embedder=_Memory(setup.embedder))  # the platforms read much the same texts
    tasks = [
        _Task(video, platform, limits_of(platform, setup.platforms), agent, rng)
        for platform in dict.fromkeys(platforms)
    ]
    return [_generate_one(task, matches, setup, clock=clock) for task in tasks]


def draws(video: Video, agent: Agent) -> np.random.Generator:
    """Return the chance with which an agent writes for a video: other for each video, the same when asked again."""
    return np.random.default_rng(int(content_id("draws", video.identity, agent.agent_id), 16))


def _generate_one(task: _Task, matches: Sequence[Match], setup: GenerationSetup, *, clock: Clock) -> Generation:
    start = clock()
    video, limits, agent = task.video, task.limits, task.agent
    text = outline(video, setup.embedder, forbidden=limits.forbidden)
    center = text.center if text is not None else setup.embedder.encode([video.text()])[0]
    tags = candidates(video, matches, task.platform, setup.matching)
    choices = portfolio(tags, center, limits.hashtags, agent, embedder=setup.embedder, rng=task.rng)
    cta, cta_propensity = _call_to_action(task, choices)
    metadata = _compose(task, _title(task, text, choices), cta, text, choices)
    used = [choice for choice in choices if choice.hashtag in metadata.hashtags]
    quality = quality_score(metadata, center, used, limits, embedder=setup.embedder)
    earlier = [reference.text for reference in setup.references if reference.video_id != video.identity]
    created_at = clock()
    return Generation(
        id=content_id("generation", video.identity, task.platform, agent.agent_id, created_at.isoformat()),
        video_id=video.identity,
        agent_id=agent.agent_id,
        metadata=metadata,
        post=metadata.post(limits),
        inputs=_inputs(video, matches, agent),
        propensities={
            "hashtags": {item.hashtag: item.propensity for item in used},
            "cta": {metadata.cta: cta_propensity},
        },
        quality_score=quality,
        originality_score=originality_score(metadata.text(), earlier),
        duration_ms=(created_at - start).total_seconds() * 1000,
        created_at=created_at,
    )


def _title(task: _Task, text: Outline | None, choices: Sequence[Choice]) -> str:
    """Return the first that fits of: the best sentence, the words of the hashtags, the agent's own title."""
    names = [item.hashtag for item in choices[:3]] or list(task.video.hashtags[:3])
    options = (
        title_sentence(text) if text is not None else "",
        " · ".join(filter(None, map(split_words, names))),
    )
    for option in options:
        shortened = cut(task.clean(option), task.limits.title.limits)
        if clean(shortened.rstrip(ELLIPSIS)):
            return shortened
    return task.clean(task.agent.title(task.video.language))


def _call_to_action(task: _Task, choices: Sequence[Choice]) -> tuple[str, float]:
    """Return a filled template that fits, and the probability with which it was chosen.

    Without chance the video's id decides, so that the videos of an account do not all end alike.
    """
    topic = split_words(choices[0].hashtag) if choices else None
    templates = task.agent.templates(task.platform, task.video.language)
    filled = [text.format(topic=topic) for text in templates if topic or "{topic}" not in text]
    able = [text for text in dict.fromkeys(map(task.clean, filled)) if task.limits.cta.fits(text)]
    if task.agent.temperature > 0 and task.rng is not None:
        row, propensity = draw(np.zeros(len(able)), temperature=1.0, rng=task.rng)
        return able[row], propensity
    return able[int(content_id(task.video.identity, task.platform), 16) % len(able)], 1.0


def _compose(task: _Task, title: str, cta: str, text: Outline | None, choices: Sequence[Choice]) -> Metadata:
    """Put the parts together: title and call to action stand, hashtags and then the description fill the room."""
    limits = task.limits

    def composed(tags: Sequence[Choice], description: str) -> Metadata:
        names = tuple(item.hashtag for item in tags)
        trend_ids = tuple(item.trend_id for item in tags if item.trend_id is not None)
        return Metadata(task.platform, title, description, names, cta, trend_ids)

    shortest = cut(title, limits.description.limits)  # what the description falls back to
    tags: list[Choice] = []
    for choice in choices:
        if fits(composed([*tags, choice], shortest).post(limits), limits.post.limits):
            tags.append(choice)
    room = _room(limits.description, limits.post, composed(tags, "").post(limits))
    body = _description(text, title, count=task.agent.summary_sentences)
    return composed(tags, cut(body, room) or shortest)


def _description(text: Outline | None, title: str, *, count: int) -> str:
    """Return the summary without the sentence that is already the title, unless there is no other."""
    if text is None:
        return ""
    chosen = summary_sentences(text, count + 1)
    others = [sentence for sentence in chosen if sentence != title][:count]
    return joined_sentences(others or chosen)


def _room(field: FieldLimits, post: FieldLimits, rest: str) -> list[Limit]:
    """Return the limits of a field that shares the published text with ``rest``."""
    used = rest + SEPARATOR if rest else ""
    return [*field.limits, *(limit.less(used) for limit in post.limits)]


def _inputs(video: Video, matches: Sequence[Match], agent: Agent) -> dict[str, Any]:
    return {
        "video": video.model_dump(mode="json"),
        "matches": [asdict(item) for item in matches],
        "agent": agent.agent_id,
        "tone": agent.tone,
    }


def to_json(value: object) -> str:
    """Return the value as JSON with sorted keys, for a text column."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
