import json
import threading

import pytest
from fastapi.testclient import TestClient

from trenddrop.api import create_app
from trenddrop.api.contract import UnknownNameError
from trenddrop.core.errors import (
    ConfigError,
    ConflictError,
    InputError,
    NotFoundError,
    NotReadyError,
    QualityError,
    SchemaError,
)

VIDEO = {"transcript": "We cook pasta.", "caption": "dinner #pasta"}
REQUESTS = [
    ("POST", "/v1/score", {"hashtag_ids": ["tiktok:pasta"]}, "score"),
    ("GET", "/v1/trends", None, "top_trends"),
    ("POST", "/v1/match", {"video": VIDEO}, "match"),
    ("POST", "/v1/metadata", {"video": VIDEO, "platforms": ["tiktok"]}, "generate"),
]


def is_problem(response, status):
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    return body


def test_health(client):
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json()["status"] == "ok"


def test_hashtags_are_scored_by_name_and_by_id_and_unknown_ones_are_told_item_by_item(client):
    asked = {"hashtags": ["#Pasta", "nobody"], "platform": "tiktok", "hashtag_ids": ["tiktok:pasta"]}
    items = client.post("/v1/score", json=asked).json()["items"]
    assert [(item["hashtag"], item["hashtag_id"], item["status"]) for item in items] == [
        ("#Pasta", "tiktok:pasta", "scored"),
        ("nobody", "tiktok:nobody", "unknown"),
        ("tiktok:pasta", "tiktok:pasta", "scored"),
    ]
    first, unknown, _ = items
    assert first["probabilities"] == {"6h": 0.1, "12h": 0.2, "24h": None, "48h": 0.4}
    assert first["intervals"] == {"6h": {"low": 0.05, "high": 0.2}, "12h": None, "24h": None, "48h": None}
    assert first["peak"] == {"hours": {"low": 1.0, "median": 3.0, "high": 9.5}, "views": None}
    assert first["reasons"] == [{"feature": "velocity", "value": 2.0}]
    assert first["feature_timestamp"] == "2026-01-02T03:00:00Z"
    assert (first["model_name"], first["model_version"]) == ("viral", "7")
    assert unknown["probabilities"] is None
    assert unknown["detail"]


def test_each_id_is_asked_for_once(client, service):
    seen = []
    service.score = lambda ids: seen.append(ids) or {}
    client.post("/v1/score", json={"hashtags": ["a", "#A"], "platform": "tiktok", "hashtag_ids": ["tiktok:a"]})
    assert seen == [["tiktok:a"]]


def test_trends_hand_the_question_on(client, service):
    answer, seen = service.top_trends(), []
    service.top_trends = lambda **question: seen.append(question) or answer
    body = client.get("/v1/trends", params={"platform": "tiktok", "horizon": 6, "limit": 3}).json()
    assert seen == [{"platform": "tiktok", "horizon_hours": 6, "limit": 3}]
    assert body["horizon_hours"] == 6
    assert body["trends"][0]["rank"] == 1
    assert body["trends"][0]["probabilities"]["48h"] == 0.4
    assert body["trends"][0]["intervals"]["6h"] == {"low": 0.05, "high": 0.2}
    assert body["trends"][0]["peak"]["hours"]["median"] == 3.0


def test_match(client):
    body = client.post("/v1/match", json={"video": VIDEO | {"video_id": "v"}, "platform": "tiktok"}).json()
    assert body["video_id"] == "v"
    assert body["matches"][0]["trend_id"] == "t1"
    assert body["matches"][0]["probabilities"] == {"6h": 0.1, "12h": None, "24h": None, "48h": None}


def test_metadata_comes_with_the_ids_that_feedback_needs(client):
    body = client.post("/v1/metadata", json={"video": VIDEO, "platforms": ["tiktok", "youtube"]}).json()
    assert [item["platform"] for item in body["metadata"]] == ["tiktok", "youtube"]
    assert body["metadata"][0]["generation_id"] == "g1"
    assert body["metadata"][0]["platform_metadata_id"]
    assert body["metadata"][0]["hashtags"] == ["#pasta"]
    assert body["video_id"]


@pytest.mark.parametrize(("method", "path", "body", "name"), REQUESTS)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownNameError("no such thing"), 404),
        (InputError("wrong platform"), 422),
        (NotReadyError("no model yet"), 503),
        (ConflictError("too slow"), 503),
        (ZeroDivisionError("secret detail"), 500),
        (ConfigError("secret.yaml: a setting is wrong"), 500),
        (SchemaError("secret: missing columns"), 500),
        (QualityError("secret: a check failed"), 500),
        (NotFoundError("secret: the server lacks a model"), 500),
    ],
)
def test_every_error_is_problem_json(client, service, raising, method, path, body, name, error, status, caplog):
    setattr(service, name, raising(error))
    response = client.request(method, path, json=body)
    found = is_problem(response, status)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert "secret" not in response.text
    assert (str(error) in found["detail"]) == isinstance(error, UnknownNameError | InputError | NotReadyError)
    assert ("secret" in caplog.text) == (status == 500)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/score", {}),
        ("/v1/score", {"hashtags": ["a"]}),
        ("/v1/score", {"hashtags": ["a"] * 501, "platform": "tiktok"}),
        ("/v1/score", {"hashtags": [""], "platform": "tiktok"}),
        ("/v1/score", {"hashtags": ["a"], "platform": "Tik Tok"}),
        ("/v1/score", {"hashtag_ids": ["a"], "colour": "red"}),
        ("/v1/match", {"video": {"caption": 3}}),
        ("/v1/match", {"video": {"caption": "a" * 100_001}}),
        ("/v1/match", {}),
        ("/v1/metadata", {"video": VIDEO, "platforms": []}),
        ("/v1/metadata", {"video": VIDEO, "platforms": ["tiktok"], "agent": "../secret"}),
        ("/v1/metadata", {"video": VIDEO | {"duration_seconds": -1}, "platforms": ["tiktok"]}),
        ("/v1/metadata", []),
    ],
)
def test_a_wrong_request_is_told_where_it_is_wrong(client, path, body):
    found = is_problem(client.post(path, json=body), 422)
    assert all(item["where"] and item["what"] for item in found["errors"])


@pytest.mark.parametrize("query", ["horizon=7", "limit=0", "limit=201", "limit=x", "platform=A%20B"])
def test_a_wrong_query_is_told(client, query):
    is_problem(client.get(f"/v1/trends?{query}"), 422)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"null", b'{"video": {"duration_seconds": NaN}}', b"[" * 5000]
)
def test_what_is_no_json_document_is_no_fault(client, content):
    response = client.post("/v1/match", content=content, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_lone_surrogates_in_json_are_no_fault(client):
    content = json.dumps({"hashtags": ["\ud800x"], "platform": "tiktok"})
    response = client.post("/v1/score", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 200
    assert response.json()["items"][0]["hashtag"] == "\ufffdx"
    content = json.dumps({"hashtags": [], "platform": "\ud800"})
    is_problem(client.post("/v1/score", content=content, headers={"content-type": "application/json"}), 422)


def test_unknown_paths_and_methods_are_problems(client):
    is_problem(client.get("/v2/nothing"), 404)
    response = client.get("/v1/score")
    is_problem(response, 405)
    assert response.headers["allow"] == "POST"


def test_the_server_starts_while_the_service_still_warms_up(service):
    started, release = threading.Event(), threading.Event()

    def warm_up():
        started.set()
        release.wait(10)

    service.warm_up = warm_up
    with TestClient(create_app(service)) as client:
        assert started.wait(10)
        assert client.get("/healthz").status_code == 200
        release.set()


def test_a_warm_up_that_fails_is_logged_and_does_not_stop_the_server(service, raising, caplog):
    service.warm_up = raising(NotReadyError("no index"))
    with TestClient(create_app(service)) as client:
        assert client.get("/healthz").status_code == 200
    assert "warming up failed" in caplog.text


def test_the_openapi_document_names_every_answer(client):
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {"/healthz", "/v1/score", "/v1/trends", "/v1/match", "/v1/metadata"}
    for method, path, _, _ in REQUESTS:
        answers = document["paths"][path][method.lower()]["responses"]
        assert {"200", "422", "503"} <= set(answers)
        for status in set(answers) - {"200"}:
            assert list(answers[status]["content"]) == ["application/problem+json"]
    assert "413" in document["paths"]["/v1/score"]["post"]["responses"]
    score = document["components"]["schemas"]["Probabilities"]["properties"]
    assert set(score) == {"6h", "12h", "24h", "48h"}
