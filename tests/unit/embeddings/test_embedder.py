import numpy as np

from trenddrop.embeddings.embedder import normalized


def test_rows_have_length_one_except_zeros():
    result = normalized(np.array([[1e-10, 0], [0, 0], [5, 12]]))
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), [1, 0, 1], atol=1e-6)
    assert result.dtype == np.float32
