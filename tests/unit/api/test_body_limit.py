import pytest
from fastapi.testclient import TestClient

from trenddrop.api import create_app


@pytest.fixture
def small(service):
    return TestClient(create_app(service, body_limit_bytes=1000))


def pieces(size):
    yield b'{"hashtag_ids": ["'
    for _ in range(size):
        yield b"a"
    yield b'"]}'


def test_a_declared_length_above_the_limit_is_refused(small):
    response = small.post("/v1/score", json={"hashtag_ids": ["a" * 2000]})
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


def test_a_body_without_a_length_is_counted_as_it_comes(small):
    headers = {"content-type": "application/json"}
    assert small.post("/v1/score", content=pieces(2000), headers=headers).status_code == 413
    assert small.post("/v1/score", content=pieces(50), headers=headers).status_code == 200


def test_a_length_that_lies_is_not_trusted(small):
    headers = {"content-type": "application/json", "content-length": "10"}
    assert small.post("/v1/score", content=b'{"hashtag_ids": ["' + b"a" * 2000, headers=headers).status_code == 413


def test_what_fits_arrives_whole(small):
    body = {"hashtag_ids": ["a" * 400, "b" * 400]}
    items = small.post("/v1/score", json=body).json()["items"]
    assert [item["hashtag"] for item in items] == body["hashtag_ids"]
