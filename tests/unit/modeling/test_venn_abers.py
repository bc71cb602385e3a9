import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from trenddrop.modeling.venn_abers import venn_abers


def by_definition(raw, viral, score):
    """Fit isotonic regression on the rows and the score, once as negative and once as positive."""
    p = []
    for outcome in (0.0, 1.0):
        fitted = IsotonicRegression().fit(np.append(raw, score), np.append(viral.astype(float), outcome))
        p.append(fitted.predict([score])[0])
    return p[1] / (1 - p[0] + p[1])


def test_each_score_has_the_merged_probability_of_the_definition():
    rng = np.random.default_rng(0)
    raw = np.round(rng.uniform(0, 1, 300), 2)  # with ties
    viral = rng.random(300) < raw**2
    scores, merged = venn_abers(raw, viral, groups=1_000)
    np.testing.assert_allclose(scores, np.unique(raw))
    for score, probability in zip(scores[::9], merged[::9], strict=True):
        assert np.isclose(probability, by_definition(raw, viral, score))


def test_groups_of_equal_mass_come_near_the_rows_themselves():
    rng = np.random.default_rng(1)
    raw = expit(rng.normal(-2, 1, 4_000))
    viral = rng.random(4_000) < raw
    scores, merged = venn_abers(raw, viral)
    assert scores.size == 200
    assert (np.diff(merged) >= 0).all()
    some = slice(20, 180, 16)
    expected = [by_definition(raw, viral, score) for score in scores[some]]
    np.testing.assert_allclose(merged[some], expected, atol=0.02)


def test_the_ends_stay_away_from_certainty_as_few_rows_demand():
    viral = np.repeat([False, True], 10)
    _, merged = venn_abers(np.linspace(0.1, 0.9, 20), viral)
    assert 0.05 < merged[0] < 0.12
    assert 0.88 < merged[-1] < 0.95
