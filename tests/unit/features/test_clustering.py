"""Groups of hashtags: the same in every run, under the same ids in the next, called by what they share."""

import numpy as np
import pytest

from trenddrop.features.clustering import SAME_CLUSTER, fit_clusters, matched_ids, nearest, theme_labels, unit_rows

THEMES = ("cake bread", "goal match", "cat kitten", "song dance")


def world(per_theme=8, themes=range(4), seed=0, shift=0.0):
    """Hashtags around one direction per theme, each with the theme's words and one of its own."""
    rng = np.random.default_rng(seed)
    ids, rows, words = [], [], []
    for theme in themes:
        centre = np.zeros(16)
        centre[theme] = 1.0
        centre[8 + theme] = shift
        for i in range(per_theme):
            ids.append(f"tiktok:t{theme}n{i:03}")
            rows.append(centre + rng.normal(0, 0.08, 16))
            words.append([*THEMES[theme].split(), f"own{theme}x{i}"])
    return ids, np.array(rows), words


def label_by_theme(ids, rows, clusters):
    """Return the cluster of each theme; every hashtag of a theme has to be in the same one."""
    found, _ = nearest(rows, clusters)
    groups = {}
    for name, cluster in zip(ids, found, strict=True):
        groups.setdefault(name[8], set()).add(cluster)
    assert all(len(group) == 1 for group in groups.values()), groups
    return {theme: group.pop() for theme, group in groups.items()}


def test_themes_become_clusters_called_by_their_words():
    ids, rows, words = world()
    clusters = fit_clusters(ids, rows, words)
    themes = label_by_theme(ids, rows, clusters)
    by_id = {cluster.cluster_id: cluster for cluster in clusters}
    own = [by_id[themes[str(theme)]] for theme in range(4)]
    for cluster, expected in zip(own, THEMES, strict=True):
        assert set(expected.split()) <= set(cluster.theme_label.split(", "))
        assert cluster.similarity_to_previous is None
        assert np.linalg.norm(cluster.centroid) == pytest.approx(1)
    assert sum(cluster.hashtag_count for cluster in clusters) == len(ids)


def test_the_order_of_the_hashtags_changes_no_bit():
    ids, rows, words = world()
    order = np.random.default_rng(1).permutation(len(ids))
    shuffled = fit_clusters([ids[i] for i in order], rows[order], [words[i] for i in order])
    assert shuffled == fit_clusters(ids, rows, words)


def test_a_cluster_keeps_its_id_when_it_is_fitted_again():
    first = fit_clusters(*world())
    ids, rows, words = world(per_theme=10, seed=5, shift=0.3)
    again = fit_clusters(ids, rows, words, previous=first, next_id=100, seed=9)
    assert label_by_theme(ids, rows, again) == label_by_theme(*world()[:2], first)
    assert all(cluster.similarity_to_previous > 0.9 for cluster in again)


def test_a_theme_that_goes_takes_its_id_along_and_a_new_one_gets_a_new_id():
    ids, rows, words = world(themes=(0, 1, 2))
    first = fit_clusters(ids, rows, words)
    before = label_by_theme(ids, rows, first)
    later_ids, later_rows, later_words = world(themes=(0, 1, 3))
    later = fit_clusters(later_ids, later_rows, later_words, previous=first, next_id=50)
    after = label_by_theme(later_ids, later_rows, later)
    assert after["0"] == before["0"]
    assert after["1"] == before["1"]
    assert after["3"] >= 50 > max(before.values())


def test_the_pairing_of_greatest_total_similarity_wins():
    new = unit_rows([[1.0, 0.0], [0.9, 0.3], [-1.0, 0.0]])
    old = unit_rows([[0.95, 0.2], [1.0, -0.1]])
    ids, similarities = matched_ids(new, old, [7, 3], next_id=8)
    assert ids == [3, 7, 8]
    assert similarities[2] is None
    assert min(similarities[:2]) > SAME_CLUSTER


def test_too_few_or_all_equal_hashtags():
    ids, rows, words = world(per_theme=1)
    assert fit_clusters(ids, rows, words) == []
    same = fit_clusters([f"x:{i}" for i in range(9)], np.ones((9, 3)), [[]] * 9)
    assert [(cluster.cluster_id, cluster.theme_label) for cluster in same] == [
        (0, "0")
    ]  # called by its central hashtag


def test_a_vector_of_zeros_says_nothing_and_is_left_out():
    ids, rows, words = world()
    with_empty = fit_clusters([*ids, "tiktok:?"], np.vstack([rows, np.zeros(16)]), [*words, ["nothing"]])
    assert with_empty == fit_clusters(ids, rows, words)


def test_of_words_that_tell_as_much_those_of_central_hashtags_name_the_theme():
    members, closeness = np.zeros(4, dtype=np.int64), np.array([0.2, 0.9, 0.5, 0.7])
    words = [["apple"], ["zebra"], ["the", "7", "x"], ["mango"]]
    assert theme_labels(["a", "b", "c", "d"], words, members, closeness, 1) == ["zebra, mango, apple"]
    assert theme_labels(["a", "b", "c", "d"], [["the"]] * 4, members, closeness, 1) == ["b"]
