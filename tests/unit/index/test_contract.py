"""What every vector index promises, over each engine there is."""

import numpy as np
import pytest

from trenddrop.core.errors import IntegrityError, NotFoundError, SchemaError
from trenddrop.embeddings.embedder import normalized
from trenddrop.index import ExactIndex

DIMENSIONS = 8
ENGINES = {"faiss-exact": ExactIndex}


@pytest.fixture(params=ENGINES)
def engine(request):
    return ENGINES[request.param]


@pytest.fixture
def index(engine):
    return engine("toy", DIMENSIONS)


def unit(*axes):
    rows = np.zeros((len(axes), DIMENSIONS), dtype=np.float32)
    rows[range(len(axes)), axes] = 1
    return rows


def random_vectors(count, seed=0):
    return normalized(np.random.default_rng(seed).normal(size=(count, DIMENSIONS)))


def ids_of(hits):
    return [hit.id for hit in hits]


def test_hits_come_closest_first_with_their_cosine(index):
    vectors = random_vectors(200)
    index.add([f"v{row}" for row in range(200)], vectors)
    queries = random_vectors(5, seed=1)
    for query, hits in zip(queries, index.search(queries, 10), strict=True):
        cosines = vectors @ query
        assert ids_of(hits) == [f"v{row}" for row in np.argsort(-cosines)[:10]]
        np.testing.assert_allclose([hit.similarity for hit in hits], np.sort(cosines)[::-1][:10], atol=1e-6)


def test_equal_similarities_are_ordered_by_id(index):
    index.add(["c", "a", "b"], unit(0, 0, 0))
    assert ids_of(index.search(unit(0), 2)[0]) == ["a", "b"]


def test_more_wanted_than_there_are(index):
    index.add(["a", "b"], unit(0, 1))
    assert len(index.search(unit(0), 10)[0]) == 2
    assert index.search(unit(0), 0) == [[]]


def test_an_empty_index_finds_nothing(index):
    assert index.search(unit(0, 1), 3) == [[], []]
    assert len(index) == 0


def test_an_added_id_replaces_the_old_vector(index):
    index.add(["a", "b"], unit(0, 1), [{"platform": "old"}, {"platform": "b"}])
    index.add(["a"], unit(2), [{"platform": "new"}])
    assert len(index) == 2
    (hit, *_) = index.search(unit(2), 1)[0]
    assert (hit.id, hit.metadata) == ("a", {"platform": "new"})
    assert index.search(unit(0), 1)[0][0].similarity == 0


def test_of_an_id_that_comes_twice_the_last_counts(index):
    index.add(["a", "a"], unit(0, 1))
    assert len(index) == 1
    assert index.search(unit(1), 1)[0][0].similarity == 1


def test_removed_vectors_are_gone_and_the_others_stay(index):
    index.add(list("abcde"), unit(0, 1, 2, 3, 4), [{"n": name} for name in "abcde"])
    assert index.remove(["b", "d", "unknown"]) == 2
    assert len(index) == 3
    for axis, name in ((0, "a"), (2, "c"), (4, "e")):
        hit = index.search(unit(axis), 1)[0][0]
        assert (hit.id, hit.metadata["n"], hit.similarity) == (name, name, 1)


def test_a_filter_keeps_equal_values_or_any_of_several(index):
    platforms = ["tiktok", "weibo", "youtube", "tiktok"]
    index.add(list("abcd"), unit(0, 0, 0, 0), [{"platform": platform} for platform in platforms])
    assert ids_of(index.search(unit(0), 9, filter={"platform": "tiktok"})[0]) == ["a", "d"]
    assert ids_of(index.search(unit(0), 9, filter={"platform": ["weibo", "youtube"]})[0]) == ["b", "c"]
    assert index.search(unit(0), 9, filter={"platform": "none"})[0] == []
    assert index.search(unit(0), 9, filter={"absent": "x"})[0] == []


def test_a_filter_sees_what_was_added_after_the_last_search(index):
    index.add(["a"], unit(0), [{"platform": "tiktok"}])
    assert ids_of(index.search(unit(0), 9, filter={"platform": "tiktok"})[0]) == ["a"]
    index.add(["b"], unit(0), [{"platform": "tiktok"}])
    index.remove(["a"])
    assert ids_of(index.search(unit(0), 9, filter={"platform": "tiktok"})[0]) == ["b"]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((1, 3), dtype=np.float32), r"shape \(1, 3\)"),
        (np.zeros(DIMENSIONS, dtype=np.float32), "shape"),
        (np.full((1, DIMENSIONS), np.nan, dtype=np.float32), "NaN"),
        (unit(0, 1), "1 ids, 2 vectors"),
    ],
)
def test_vectors_that_do_not_fit_are_refused_and_nothing_changes(index, vectors, message):
    index.add(["a"], unit(0))
    with pytest.raises(SchemaError, match=message):
        index.add(["a"], vectors)
    assert index.search(unit(0), 1)[0][0].similarity == 1


def test_a_saved_index_answers_as_before(index, engine, tmp_path):
    vectors = random_vectors(50)
    index.add([f"v{row}" for row in range(50)], vectors, [{"parity": str(row % 2)} for row in range(50)])
    index.remove(["v7"])
    index.save(tmp_path / "trends")
    loaded = engine.load(tmp_path / "trends")
    assert (loaded.model, loaded.dimensions, len(loaded)) == ("toy", DIMENSIONS, 49)
    queries = random_vectors(3, seed=2)
    assert loaded.search(queries, 5) == index.search(queries, 5)
    assert loaded.search(queries, 5, filter={"parity": "1"}) == index.search(queries, 5, filter={"parity": "1"})


def test_an_index_can_be_saved_empty(index, engine, tmp_path):
    index.save(tmp_path)
    assert len(engine.load(tmp_path)) == 0


def test_loading_what_is_not_there_says_how_to_build_it(engine, tmp_path):
    with pytest.raises(NotFoundError, match="trenddrop index"):
        engine.load(tmp_path / "nowhere")


def test_a_damaged_file_is_found(index, engine, tmp_path):
    index.add(["a"], unit(0))
    index.save(tmp_path)
    for path in sorted(tmp_path.glob("*.bin")):
        original = path.read_bytes()
        path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(IntegrityError, match="checksum"):
            engine.load(tmp_path)
        path.write_bytes(original)
    engine.load(tmp_path)


def test_a_manifest_that_is_none_is_found(index, engine, tmp_path):
    index.save(tmp_path)
    for text in ("", "[]", "{}", '{"format": 99, "kind": "other"}'):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(IntegrityError, match="manifest"):
            engine.load(tmp_path)
