"""Raw records as text: what a scraper writes of videos and of hashtags, built column-wise."""

from datetime import datetime

import numpy as np
import polars as pl

from trenddrop.sources.simulation.config import SimulationConfig
from trenddrop.sources.simulation.dynamics import Hour
from trenddrop.sources.simulation.population import Population
from trenddrop.sources.simulation.streams import FETCHES, stream


def observe_hashtags(hour: Hour, config: SimulationConfig, *, starts_at: datetime) -> pl.DataFrame:
    """Return the hourly fetches of the hashtags alive in the hour, save for the missed ones.

    A fetch falls in the hour's first twelve minutes and sees the share of the hour's gain that has passed.
    """
    rng = stream(config.seed, FETCHES, hour.index)
    n = config.hashtags
    second = 30 + (np.arange(n) * 613) % 570 + rng.integers(0, 120, n)
    seen = hour.alive & (rng.random(n) >= config.gap_rate)
    passed = second / 3600.0
    columns = {name: hour.before[name] + (passed * gained).astype(np.int64) for name, gained in hour.gained.items()}
    fetched = int(starts_at.timestamp()) + hour.index * 3600 + second
    frame = pl.DataFrame({"hashtag": np.arange(n, dtype=np.int32), "fetched": fetched.astype(np.int64)} | columns)
    return frame.filter(pl.Series(seen))


def hashtag_lines(frame: pl.DataFrame, population: Population) -> pl.Series:
    """Return one JSON line per observed hashtag.

    Beside the view and video counts that the platform's page shows, ``stats`` holds the summed likes, comments
    and shares of the hashtag's videos, as trackers add them.
    """
    line = pl.concat_str(
        "challenge",
        pl.lit(',"stats":{"viewCount":'), "views", pl.lit(',"videoCount":'), "videos",
        pl.lit(',"diggCount":'), "likes", pl.lit(',"commentCount":'), "comments",
        pl.lit(',"shareCount":'), "shares", pl.lit('},"fetchTime":'), "fetched", pl.lit("}"),
    )  # fmt: skip
    challenge = population.challenge_json.gather(frame["hashtag"]).alias("challenge")
    return frame.with_columns(challenge).select(line.alias("line"))["line"]


def video_lines(frame: pl.DataFrame, population: Population, *, starts_at: datetime) -> pl.Series:
    """Return one JSON line per observed video, in the shape that video scrapers write."""
    days = (frame["fetched"].to_numpy() - int(starts_at.timestamp())) / 86_400.0
    creator = frame["creator"].to_numpy()
    followers = population.followers[creator] * (1.0 + population.growth[creator] * np.maximum(days + 10.0, 0.0))
    fans = followers.astype(np.int64)
    pieces = {
        "author": population.author_json.gather(frame["creator"]),
        "name": population.creator_name.gather(frame["creator"]),
        "region": population.region.gather(frame["creator"]),
        "music": population.sound_json.gather(frame["sound"]),
        "opening_text": population.openings.gather(frame["opening"]),
        "word": population.tag_word.gather(frame["primary"]),
        "detail_text": population.details.gather(frame["detail"]),
        "closing_text": population.closings.gather(frame["closing"]),
        "primary_text": population.tag_text.gather(frame["primary"]),
        "primary_json": population.hashtag_json.gather(frame["primary"]),
        "fans": pl.Series(fans),
        "following": pl.Series(50 + creator * 37 % 900),
        "hearts": pl.Series(fans * (3 + creator * 13 % 20)),
        "published": pl.Series(20 + creator * 7 % 400 + np.floor(np.maximum(days, 0.0)).astype(np.int64)),
    }
    for tag, text, json in (
        ("second_tag", population.tag_text, population.hashtag_json),
        ("third_tag", population.tag_text, population.hashtag_json),
        ("generic", population.generic_text, population.generic_json),
    ):
        place = frame[tag].set(frame[tag] < 0, None)
        pieces[f"{tag}_text"] = text.gather(place).fill_null("")
        pieces[f"{tag}_json"] = ("," + json.gather(place)).fill_null("")
    line = pl.concat_str(
        pl.lit('{"id":"'), "id", pl.lit('","text":"'),
        "opening_text", pl.lit(" "), "word", pl.lit(" "), "detail_text", pl.lit(", "), "closing_text",
        "primary_text", "second_tag_text", "third_tag_text", "generic_text",
        pl.lit('","createTime":'), "created", pl.lit(","),
        "author", pl.lit(',"fans":'), "fans", pl.lit(',"following":'), "following", pl.lit(',"heart":'), "hearts",
        pl.lit(',"video":'), "published", pl.lit("},"), "music",
        pl.lit(',"webVideoUrl":"https://www.tiktok.com/@'), "name", pl.lit("/video/"), "id",
        pl.lit('","videoMeta":{"height":1024,"width":576,"duration":'), "duration",
        pl.lit('},"diggCount":'), "likes_total", pl.lit(',"shareCount":'), "shares_total",
        pl.lit(',"playCount":'), "plays", pl.lit(',"commentCount":'), "comments_total",
        pl.lit(',"downloaded":false,"mentions":[],"hashtags":['),
        "primary_json", "second_tag_json", "third_tag_json", "generic_json",
        pl.lit('],"locationCreated":"'), "region", pl.lit('","fetchTime":'), "fetched", pl.lit("}"),
    )  # fmt: skip
    return frame.with_columns(**pieces).select(line.alias("line"))["line"]
