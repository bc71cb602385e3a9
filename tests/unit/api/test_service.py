import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from trenddrop.api import create_app
from trenddrop.api.contract import UnknownNameError
from trenddrop.api.service import Champion, LiveScoring, Remembered, VideoParts, WarehouseService
from trenddrop.core.errors import ConfigError, InputError, NotReadyError
from trenddrop.index import ExactIndex
from trenddrop.matching import Video, load_matching
from trenddrop.metadata import load_agent, load_platforms

T = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TIMES = dict.fromkeys(("issued_at", "feature_timestamp", "matures_at", "created_timestamp"), pl.Datetime("us", "UTC"))
PASTA = Video(caption="Ten minute tomato pasta", transcript="Boil the spaghetti and fry the garlic.")


def predictions(*rows):
    """Each row: hashtag_id, issued hour, horizon, probability."""
    return pl.DataFrame(
        [
            {
                "prediction_id": f"{hashtag_id}/{hours}/{horizon}",
                "hashtag_id": hashtag_id,
                "issued_at": T + hours * HOUR,
                "prediction_window_hours": horizon,
                "viral_definition_name": "top_rank_10",
                "probability": probability,
                "reasons": '[{"feature": "velocity"}]',
                "model_name": "viral",
                "model_version": "1",
                "feature_service": "f",
                "feature_timestamp": T + hours * HOUR,
                "snapshot_id": "0",
                "matures_at": T + (hours + horizon) * HOUR,
                "is_backtest": False,
                "platform": hashtag_id.split(":")[0],
                "created_timestamp": T,
            }
            for hashtag_id, hours, horizon, probability in rows
        ],
        schema_overrides=TIMES,
    )


@pytest.fixture(scope="module")
def index_folder(embedder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    titles = ["pastarecipe", "football", "gardening"]
    index = ExactIndex(embedder.name, embedder.dimensions)
    words = [{"title": title, "platform": "tiktok", "hashtag_id": f"tiktok:{title}"} for title in titles]
    index.add(titles, embedder.encode(["pasta recipe", "football", "gardening"]), words)
    index.save(folder)
    return folder


@pytest.fixture
def build(wh, embedder, index_folder):
    def make(*rows, live=None, folder=index_folder, clock=lambda: T):
        if rows:
            wh.transact(lambda: wh.append("predictions", predictions(*rows)))
        parts = VideoParts(
            embedder=embedder,
            load_index=lambda: ExactIndex.load(folder),
            index_manifest=folder / "manifest.json",
            matching=load_matching(),
            platforms=load_platforms(),
            load_agent=load_agent,
        )
        return WarehouseService(wh, parts, live=live, clock=clock)

    return make


def online(ids, *, at=T, unknown=()):
    """One row per hashtag, without values where the online store does not know it."""
    columns = {"hashtag_id": pl.String, "feature_timestamp": TIMES["feature_timestamp"], "velocity": pl.Float64}
    rows = [(one, None, None) if one in unknown else (one, at, 1.0) for one in ids]
    return pl.DataFrame(rows, schema=columns, orient="row")


def live_scoring(features, *candidates, at=T, platforms=("tiktok",)):
    def score(model, frame):
        assert set(frame["hashtag_id"].str.split(":").list.first()) == {model}
        return frame.select("hashtag_id", pl.lit(0.75).alias("probability_6h"), pl.lit("[]").alias("reasons"))

    rows = online(candidates, at=at).drop("velocity")
    champions = {name: Champion(name, "viral", "9", f"{name}_service", name, rows) for name in platforms}
    return LiveScoring(champions=lambda: champions, features=features, score=score)


def test_before_anything_was_predicted_the_service_is_not_ready(build):
    service = build()
    with pytest.raises(NotReadyError, match="trenddrop train"):
        service.score(["tiktok:a"])
    with pytest.raises(NotReadyError, match="trenddrop predict"):
        service.top_trends(platform=None, horizon_hours=6, limit=3)


def test_without_live_scoring_the_newest_predictions_answer(build):
    service = build(("tiktok:a", 0, 6, 0.1), ("tiktok:a", 1, 6, 0.2), ("tiktok:a", 1, 24, 0.3))
    found = service.score(["tiktok:a", "tiktok:unknown"])
    assert set(found) == {"tiktok:a"}
    score = found["tiktok:a"]
    assert (score.probabilities["probability_6h"], score.probabilities["probability_12h"]) == (0.2, None)
    assert score.feature_timestamp == T + HOUR
    assert score.reasons == [{"feature": "velocity"}]
    assert score.model_version == "1"


def test_a_prediction_that_matured_before_the_newest_of_its_platform_is_no_answer(build):
    service = build(
        ("tiktok:pastarecipe", 0, 48, 0.9),
        ("tiktok:open", 1, 48, 0.2),
        ("tiktok:newest", 48, 48, 0.3),
        ("weibo:quiet", 0, 48, 0.4),  # the newest of its platform
    )
    asked = ["tiktok:pastarecipe", "tiktok:open", "tiktok:newest", "weibo:quiet"]
    assert set(service.score(asked)) == set(asked[1:])
    assert service.match(PASTA, platform="tiktok")[0].probabilities["probability_48h"] is None


def test_of_an_open_prediction_the_windows_that_are_over_are_not_told(build):
    service = build(("tiktok:pastarecipe", 0, 6, 0.1), ("tiktok:pastarecipe", 0, 48, 0.4), ("tiktok:newest", 6, 6, 0.3))
    told = service.score(["tiktok:pastarecipe"])["tiktok:pastarecipe"].probabilities
    assert (told["probability_6h"], told["probability_48h"]) == (None, 0.4)
    (matched,) = service.match(PASTA, platform="tiktok")
    assert (matched.probabilities["probability_6h"], matched.probabilities["probability_48h"]) == (None, 0.4)


def test_what_the_online_store_knows_is_scored_live_and_the_rest_from_predictions(build):
    def features(ids, service):
        assert service == "tiktok_service"
        return online(ids, at=T + 5 * HOUR, unknown=("tiktok:old", "tiktok:unknown"))

    service = build(("tiktok:old", 0, 6, 0.1), live=live_scoring(features, "tiktok:live", at=T + 5 * HOUR))
    found = service.score(["tiktok:live", "tiktok:old", "tiktok:unknown"])
    assert {name: score.probabilities["probability_6h"] for name, score in found.items()} == {
        "tiktok:live": 0.75,
        "tiktok:old": 0.1,
    }
    assert found["tiktok:live"].feature_timestamp == T + 5 * HOUR
    assert found["tiktok:live"].model_version == "9"


def test_the_champion_speaks_of_no_other_platform_and_of_no_hashtag_of_another_model(build, wh):
    asked = []

    def features(ids, service):
        asked.extend(ids)
        return online(ids)

    others = predictions(("tiktok:other", 0, 6, 0.2)).with_columns(model_name=pl.lit("another"))
    wh.transact(lambda: wh.append("predictions", others))
    live = live_scoring(features, "weibo:a", "weibo:new", "tiktok:other", "tiktok:a", "tiktok:new")
    service = build(("weibo:a", 0, 6, 0.1), ("tiktok:a", 0, 6, 0.3), live=live)
    found = service.score(["weibo:a", "weibo:new", "tiktok:other", "tiktok:a", "tiktok:new"])
    assert {name: score.probabilities["probability_6h"] for name, score in found.items()} == {
        "weibo:a": 0.1,
        "tiktok:other": 0.2,
        "tiktok:a": 0.75,
        "tiktok:new": 0.75,
    }
    assert found["tiktok:other"].model_name == "another"
    assert asked == ["tiktok:a", "tiktok:new"]


def test_what_the_label_definition_cannot_label_gets_no_live_score(build):
    live = live_scoring(lambda ids, _: online(ids, at=T + HOUR), "tiktok:rising", at=T + HOUR)
    live_before = live_scoring(lambda ids, _: online(ids, at=T + HOUR), "tiktok:rising")
    asked = ["tiktok:rising", "tiktok:entered", "tiktok:top"]  # the second entered the top within the last hour
    told = {
        name: score.probabilities["probability_6h"]
        for name, score in build(("tiktok:entered", 0, 6, 0.6), live=live).score(asked).items()
    }
    assert told == {"tiktok:rising": 0.75, "tiktok:entered": 0.6}
    assert set(build(live=live_before).score(asked)) == {"tiktok:entered"}  # the labels of that hour are to come


def test_each_platform_has_a_champion_of_its_own(build):
    def features(ids, service):
        assert {f"{name.split(':')[0]}_service" for name in ids} == {service}
        return online(ids)

    service = build(live=live_scoring(features, "weibo:a", "tiktok:a", platforms=("tiktok", "weibo")))
    assert set(service.score(["weibo:a", "tiktok:a", "youtube:a"])) == {"weibo:a", "tiktok:a"}


def test_a_champion_alone_is_enough_and_unknown_hashtags_stay_unknown(build):
    service = build(live=live_scoring(lambda ids, _: online(ids, unknown=ids), "tiktok:x"))
    assert service.score(["tiktok:x"]) == {}


def test_trends_are_the_likeliest_of_the_open_predictions(build):
    service = build(
        ("tiktok:stale", 0, 6, 0.99),  # matured before the newest was issued
        ("tiktok:a", 10, 6, 0.2),
        ("tiktok:b", 10, 6, 0.5),
        ("weibo:c", 0, 6, 0.7),
    )

    def names(**question):
        return [item.score.hashtag_id for item in service.top_trends(horizon_hours=6, **question)]

    assert names(platform="tiktok", limit=5) == ["tiktok:b", "tiktok:a"]
    assert names(platform=None, limit=2) == ["weibo:c", "tiktok:b"]
    with pytest.raises(UnknownNameError, match="tiktok, weibo"):
        names(platform="youtube", limit=5)
    assert service.top_trends(platform="tiktok", horizon_hours=48, limit=5) == []


def test_a_video_is_matched_and_nothing_is_written(build, wh):
    found = build(("tiktok:pastarecipe", 0, 6, 0.2)).match(PASTA, platform="tiktok")
    assert found[0].title == "pastarecipe"
    assert found[0].probabilities["probability_6h"] == 0.2
    assert wh.table("trend_matches").count().to_pyarrow().as_py() == 0


def test_metadata_is_written_and_logged(build, wh):
    written = build(clock=lambda: T).generate(PASTA, ["tiktok", "youtube"], agent="default")
    assert written[0].metadata.hashtags == ("#pastarecipe",)
    logged = wh.table("generations").to_pyarrow().to_pylist()
    assert {row["id"] for row in logged} == {item.id for item in written}


def test_metadata_is_compared_with_what_was_written_for_other_videos(build):
    build().generate(PASTA.model_copy(update={"video_id": "earlier"}), ["tiktok"], agent="default")
    service = build()
    assert service.generate(PASTA, ["tiktok"], agent="default")[0].originality_score == 0.0
    assert service.generate(PASTA, ["tiktok"], agent="default")[0].originality_score == 0.0


def test_an_agent_that_draws_writes_alike_for_the_same_video(build):
    service = build()
    eager = load_agent("default").model_copy(update={"temperature": 1.0})
    service.videos = replace(service.videos, load_agent=lambda name: eager)
    first, again = (service.generate(PASTA, ["tiktok"], agent="eager")[0] for _ in range(2))
    assert first.metadata == again.metadata
    assert 0 < first.propensities["cta"][first.metadata.cta] < 1


def test_an_unknown_platform_is_the_callers_mistake(build):
    with pytest.raises(InputError, match="myspace.*instagram"):
        build().generate(PASTA, ["tiktok", "myspace"], agent="default")


def test_an_unknown_agent_is_the_callers_mistake_and_one_that_cannot_be_read_is_not(build):
    service = build()
    with pytest.raises(UnknownNameError, match="'nobody'; known: default"):
        service.generate(PASTA, ["tiktok"], agent="nobody")

    def load_wrong(name):
        raise ConfigError(f"{name}.yaml: cta: Field required")

    service.videos = replace(service.videos, load_agent=load_wrong)
    with pytest.raises(ConfigError, match="cta"):
        service.generate(PASTA, ["tiktok"], agent="wrong")


def test_a_platform_that_the_agent_does_not_write_for_is_the_callers_mistake(build):
    service = build()
    agent = load_agent("default")
    shy = agent.model_copy(update={"cta": {"tiktok": agent.cta["tiktok"]}})
    service.videos = replace(service.videos, load_agent=lambda name: shy)
    with pytest.raises(InputError, match=r"shy does not write for \['youtube'\]; it does for tiktok"):
        service.generate(PASTA, ["tiktok", "youtube"], agent="shy")


def test_without_an_index_matching_is_not_ready(build, tmp_path):
    with pytest.raises(NotReadyError, match="trenddrop index"):
        build(folder=tmp_path).match(PASTA, platform=None)


def test_a_new_index_is_seen(build, embedder, tmp_path):
    def save(title):
        index = ExactIndex(embedder.name, embedder.dimensions)
        index.add([title], embedder.encode([title]), [{"title": title, "platform": "tiktok"}])
        index.save(tmp_path)

    save("spaghetti")
    service = build(folder=tmp_path)
    assert [item.title for item in service.match(PASTA, platform=None)] == ["spaghetti"]
    save("tomato pasta")
    assert [item.title for item in service.match(PASTA, platform=None)] == ["tomato pasta"]


def test_new_predictions_are_seen_after_a_while(build, wh):
    now = [T]
    service = build(("tiktok:a", 0, 6, 0.1), clock=lambda: now[0])
    assert service.score(["tiktok:a"])["tiktok:a"].probabilities["probability_6h"] == 0.1
    wh.transact(lambda: wh.append("predictions", predictions(("tiktok:a", 1, 6, 0.9))))
    assert service.score(["tiktok:a"])["tiktok:a"].probabilities["probability_6h"] == 0.1
    now[0] += timedelta(minutes=2)
    assert service.score(["tiktok:a"])["tiktok:a"].probabilities["probability_6h"] == 0.9


def test_readers_do_not_wait_for_a_newer_value():
    now, reading, release = [T], threading.Event(), threading.Event()
    values = iter(["old", "new"])

    def read():
        value = next(values)
        if value == "new":
            reading.set()
            release.wait(10)
        return value

    remembered = Remembered(read, clock=lambda: now[0])
    assert remembered.get() == "old"
    now[0] += timedelta(minutes=2)
    reader = threading.Thread(target=remembered.get)
    reader.start()
    assert reading.wait(10)
    assert remembered.get() == "old"
    release.set()
    reader.join()
    assert remembered.get() == "new"


def test_a_value_that_cannot_be_read_again_goes_on_answering_for_a_while(caplog):
    now, tries, values = [T], [], {1: "old", 4: "new"}

    def read():
        tries.append(now[0])
        return values[len(tries)]

    remembered = Remembered(read, clock=lambda: now[0])
    assert remembered.get() == "old"
    for failures in (1, 2):
        now[0] += timedelta(minutes=2)
        assert [remembered.get() for _ in range(3)] == ["old"] * 3
        assert len(tries) == len(caplog.records) + 1 == failures + 1
    assert caplog.records[0].exc_info[0] is KeyError
    now[0] += timedelta(minutes=2)
    assert remembered.get() == "new"


def test_before_there_is_a_value_its_readers_are_told_what_is_wrong():
    values = iter([NotReadyError("not yet"), "first"])

    def read():
        value = next(values)
        if isinstance(value, Exception):
            raise value
        return value

    remembered = Remembered(read, clock=lambda: T)
    with pytest.raises(NotReadyError, match="not yet"):
        remembered.get()
    assert remembered.get() == "first"


def test_stopping_the_server_closes_what_the_service_is_made_of(build):
    closed = []
    service = build(("tiktok:a", 0, 6, 0.1))
    service.on_close = (lambda: closed.append("served"),)
    with TestClient(create_app(service)):
        assert closed == []
    assert closed == ["served"]


def test_the_endpoint_over_the_real_service(build):
    service = build(("tiktok:pastarecipe", 0, 24, 0.6), ("tiktok:gardening", 0, 24, 0.2))
    with TestClient(create_app(service)) as client:
        scored = client.post("/v1/score", json={"hashtags": ["#PastaRecipe", "none"], "platform": "tiktok"}).json()
        assert [item["status"] for item in scored["items"]] == ["scored", "unknown"]
        trends = client.get("/v1/trends?platform=tiktok&horizon=24&limit=1").json()["trends"]
        assert [item["title"] for item in trends] == ["pastarecipe"]
        video = {"caption": PASTA.caption, "transcript": PASTA.transcript}
        matched = client.post("/v1/match", json={"video": video}).json()["matches"]
        assert matched[0]["trend_id"] == "pastarecipe"
        body = {"video": video, "platforms": ["tiktok", "youtube", "instagram"]}
        written = client.post("/v1/metadata", json=body).json()["metadata"]
        assert [item["platform"] for item in written] == body["platforms"]
        assert all(item["title"] and "#pastarecipe" in item["hashtags"] for item in written)


def test_several_threads_may_ask_at_once(build):
    service = build(("tiktok:pastarecipe", 0, 24, 0.6))
    results = []

    def ask():
        results.append(len(service.generate(PASTA, ["tiktok"], agent="default")))
        results.append(len(service.score(["tiktok:pastarecipe"])))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1] * 8
    assert np.isfinite(results).all()
