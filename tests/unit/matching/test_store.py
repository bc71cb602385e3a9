from trenddrop.matching import Match, write_matches


def one(trend, rank):
    probabilities = {"probability_6h": 0.1, "probability_12h": None, "probability_24h": None, "probability_48h": 0.5}
    return Match(trend, trend, "tiktok", None, 0.6, probabilities, 0.5, 0.7, rank)


def test_the_newest_matching_of_a_video_replaces_the_one_before(wh, clock):
    assert write_matches(wh, "v1", [one("a", 1), one("b", 2)], clock=clock) == 2
    assert write_matches(wh, "v2", [one("a", 1)], clock=clock) == 1
    assert write_matches(wh, "v1", [one("b", 1)], clock=clock) == 1
    rows = wh.table("trend_matches").order_by("video_id").to_pyarrow().to_pylist()
    assert [(row["video_id"], row["trend_id"], row["rank"]) for row in rows] == [("v1", "b", 1), ("v2", "a", 1)]
    assert rows[0]["probability_48h"] == 0.5
    assert rows[0]["probability_12h"] is None
    assert rows[0]["matched_at"] == clock()


def test_a_video_may_end_without_matches(wh, clock):
    write_matches(wh, "v1", [one("a", 1)], clock=clock)
    assert write_matches(wh, "v1", [], clock=clock) == 0
    assert wh.table("trend_matches").count().to_pyarrow().as_py() == 0


def test_no_claim_names_a_video_since_claims_outlive_what_is_forgotten(wh, clock, monkeypatch):
    claims = []
    transact = wh.transact

    def spy(body, *, claim=None):
        claims.append(claim)
        return transact(body, claim=claim)

    monkeypatch.setattr(wh, "transact", spy)
    write_matches(wh, "v1", [one("a", 1)], clock=clock)
    assert claims[0] == "trend_matches"
    assert not [claim for claim in claims if "v1" in (claim or "")]
