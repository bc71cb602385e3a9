"""Who and what lives in the simulated world: hashtags, creators and sounds, with their ready-made JSON pieces."""

import json
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl

from trenddrop.core.ids import hashtag_id, normalized_name
from trenddrop.sources.simulation.config import SimulationConfig
from trenddrop.sources.simulation.streams import CREATORS, SOUNDS, stream

Ints = npt.NDArray[np.int64]


def escaped(texts: list[str]) -> pl.Series:
    """Return texts as they stand inside a JSON string."""
    return pl.Series([json.dumps(text, ensure_ascii=False)[1:-1] for text in texts], dtype=pl.String)


@dataclass(frozen=True, slots=True)
class Population:
    """Fixed attributes; every Series is indexed by the number of its hashtag, creator, sound or text."""

    hashtag_ids: pl.Series
    hashtag_json: pl.Series  # {"id":...,"name":...,"title":...}
    challenge_json: pl.Series  # the record of one hashtag, up to its counters
    tag_text: pl.Series  # " #name"
    tag_word: pl.Series  # how captions speak of it
    generic_json: pl.Series
    generic_text: pl.Series
    openings: pl.Series
    details: pl.Series
    closings: pl.Series
    opening_start: Ints  # per theme: where its openings begin; one element more than themes
    detail_start: Ints
    creator_name: pl.Series
    author_json: pl.Series  # the author up to the counters
    region: pl.Series  # per creator
    followers: Ints
    growth: npt.NDArray[np.float64]  # of followers, a day
    sound_json: pl.Series  # sounds, then one original sound per creator


def build_population(config: SimulationConfig) -> Population:
    """Draw the fixed attributes of everything in the world."""
    names = hashtag_names(config)
    themes = list(config.themes.values())
    words = [_word(config, number) for number in range(config.hashtags)]
    descriptions = [
        f"{themes[number % len(themes)].openings[number % len(themes[number % len(themes)].openings)]} {word} "
        f"{themes[number % len(themes)].details[0]}"
        for number, word in enumerate(words)
    ]
    frame = pl.DataFrame(
        {
            "id": pl.Series(10_000_019 + 37 * np.arange(config.hashtags)).cast(pl.String),
            "name": escaped(names),
            "desc": escaped(descriptions),
        }
    )
    generic = pl.DataFrame({"id": [str(number + 7) for number in range(len(config.generic_tags))]})
    generic = generic.with_columns(escaped(list(config.generic_tags)).alias("name"))
    tag = pl.concat_str(pl.lit('{"id":"'), "id", pl.lit('","name":"'), "name", pl.lit('","title":""}'))
    challenge = pl.concat_str(
        pl.lit('{"challenge":{"id":"'), "id", pl.lit('","title":"'), "name", pl.lit('","desc":"'), "desc", pl.lit('"}')
    )
    creators = _creators(config)
    return Population(
        hashtag_ids=pl.Series([hashtag_id("tiktok", name) for name in names], dtype=pl.String),
        hashtag_json=frame.select(tag.alias("json"))["json"],
        challenge_json=frame.select(challenge.alias("json"))["json"],
        tag_text=frame.select(pl.concat_str(pl.lit(" #"), "name").alias("text"))["text"],
        tag_word=escaped(words),
        generic_json=generic.select(tag.alias("json"))["json"],
        generic_text=generic.select(pl.concat_str(pl.lit(" #"), "name").alias("text"))["text"],
        openings=escaped(list(chain(*(theme.openings for theme in themes)))),
        details=escaped(list(chain(*(theme.details for theme in themes)))),
        closings=escaped(list(config.closings)),
        opening_start=np.cumsum([0, *(len(theme.openings) for theme in themes)]),
        detail_start=np.cumsum([0, *(len(theme.details) for theme in themes)]),
        creator_name=creators["name"],
        author_json=creators["author"],
        region=creators["region"],
        followers=creators["followers"].to_numpy(),
        growth=creators["growth"].to_numpy(),
        sound_json=pl.concat([_sounds(config), creators["original"]]),
    )


def hashtag_names(config: SimulationConfig) -> list[str]:
    """Return one distinct name per hashtag: a word of its theme, a suffix, and a number once those run out."""
    themes = list(config.themes.values())
    names = []
    for number in range(config.hashtags):
        theme, rest = themes[number % len(themes)], number // len(themes)
        around, place = divmod(rest, len(theme.words))
        again, suffix = divmod(around, len(config.suffixes))
        word = normalized_name(theme.words[place]).replace(" ", "")
        names.append(f"{word}{config.suffixes[suffix]}{again + 1 if again else ''}")
    return names


def _word(config: SimulationConfig, number: int) -> str:
    themes = list(config.themes.values())
    words = themes[number % len(themes)].words
    return words[(number // len(themes)) % len(words)]


def _creators(config: SimulationConfig) -> pl.DataFrame:
    """Return one row per creator; followers are log-normal, so a few creators have most of them."""
    rng = stream(config.seed, CREATORS)
    n = config.creators
    shares = np.array(list(config.regions.values()))
    region = rng.choice(len(shares), n, p=shares / shares.sum())
    first = escaped(list(config.first_names))
    themes = escaped(list(config.themes))
    number = np.arange(n)
    frame = pl.DataFrame(
        {
            "first": first.gather(pl.Series(rng.integers(0, len(first), n))),
            "theme": themes.gather(pl.Series(number % len(themes))),
            "number": pl.Series(number).cast(pl.String),
            "id": pl.Series(6_500_000_000_000_000_000 + number * 1_000_003).cast(pl.String),
            "verified": pl.Series(np.where(rng.random(n) < 0.01, "true", "false")),
            "region": escaped(list(config.regions)).gather(pl.Series(region)),
            "followers": np.minimum(rng.lognormal(np.log(4000.0), 2.0, n), 1.5e8).astype(np.int64) + 1,
            "growth": rng.gamma(1.5, 0.002, n),
        }
    ).with_columns(pl.concat_str("first", pl.lit("."), "theme", pl.lit("."), "number").alias("name"))
    author = pl.concat_str(
        pl.lit('"authorMeta":{"id":"'), "id", pl.lit('","name":"'), "name", pl.lit('","nickName":"'), "first",
        pl.lit(" does "), "theme", pl.lit('","verified":'), "verified",
        pl.lit(',"region":"'), "region", pl.lit('"'),
    )  # fmt: skip
    original = pl.concat_str(
        pl.lit('"musicMeta":{"musicId":"'), "id", pl.lit('","musicName":"original sound","musicAuthor":"'),
        "name", pl.lit('","musicOriginal":true}'),
    )  # fmt: skip
    return frame.with_columns(author.alias("author"), original.alias("original"))


def _sounds(config: SimulationConfig) -> pl.Series:
    """Return the music piece of each catalogue sound."""
    rng = stream(config.seed, SOUNDS)
    n = config.sounds
    words, nouns, artists = (escaped(list(texts)) for texts in (config.song_words, config.song_nouns, config.artists))
    frame = pl.DataFrame(
        {
            "id": pl.Series(6_900_000_000_000_000_000 + np.arange(n) * 7_919).cast(pl.String),
            "word": words.gather(pl.Series(rng.integers(0, len(words), n))),
            "noun": nouns.gather(pl.Series(rng.integers(0, len(nouns), n))),
            "artist": artists.gather(pl.Series(rng.integers(0, len(artists), n))),
        }
    )
    piece = pl.concat_str(
        pl.lit('"musicMeta":{"musicId":"'), "id", pl.lit('","musicName":"'), "word", pl.lit(" "), "noun",
        pl.lit('","musicAuthor":"'), "artist", pl.lit('","musicOriginal":false}'),
    )  # fmt: skip
    return frame.select(piece.alias("json"))["json"]
