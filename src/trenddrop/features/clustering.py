"""Groups of hashtags that are about the same: k-means on their vectors, with ids and labels that last.

Everything here is a function of its arguments alone, to the bit: rows are taken in a fixed order, by one thread, from
a seed. scikit-learn and SciPy take a second to import, which only a fit waits for.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

FEWEST_HASHTAGS = 8  # below, there is nothing to group
MOST_CLUSTERS = 64
LARGEST_SAMPLE = 20_000
SAME_CLUSTER = 0.6  # cosine of two centroids from which a cluster is found again
KEEP_COUNT_WITHIN = 0.25  # a count that would change by less stays, so that clusters do not come and go
LABEL_WORDS = 3
LABEL_LENGTH = 100
DIGITS = 9  # of a similarity: what is below depends on how the product was blocked


@dataclass(frozen=True, slots=True)
class Cluster:
    """One group: its lasting id, the direction of its centre, its theme, and how alike its predecessor is (cosine)."""

    cluster_id: int
    centroid: tuple[float, ...]
    theme_label: str
    hashtag_count: int
    similarity_to_previous: float | None


def fit_clusters(
    hashtag_ids: Sequence[str],
    vectors: npt.ArrayLike,
    words: Sequence[Iterable[str]],
    *,
    previous: Sequence[Cluster] = (),
    next_id: int = 0,
    seed: int = 0,
) -> list[Cluster]:
    """Group the hashtags; return the clusters by their ids, or none where there are too few different hashtags.

    A new cluster takes the id of the previous one that it is matched to, else ``next_id`` and the following numbers.
    """
    order = _fixed_order(hashtag_ids)
    rows = unit_rows(vectors)[order]
    order, rows = order[np.any(rows, axis=1)], rows[np.any(rows, axis=1)]
    if len(rows) < FEWEST_HASHTAGS:
        return []
    count = min(cluster_count(len(rows), len(previous)), len(np.unique(rows, axis=0)))
    old = np.array([cluster.centroid for cluster in previous], dtype=np.float64)
    centroids, members = _k_means(rows, count, old, seed)
    ids, similarities = matched_ids(centroids, old, [cluster.cluster_id for cluster in previous], next_id)
    closeness = np.einsum("ij,ij->i", rows, centroids[members])
    names = [hashtag_ids[i].partition(":")[2] or hashtag_ids[i] for i in order]
    labels = theme_labels(names, [words[i] for i in order], members, closeness, len(centroids))
    sizes = np.bincount(members, minlength=len(centroids))
    clusters = [
        Cluster(ids[i], tuple(centroids[i].tolist()), labels[i], int(sizes[i]), similarities[i])
        for i in range(len(centroids))
    ]
    return sorted(clusters, key=lambda cluster: cluster.cluster_id)


def cluster_count(hashtags: int, previous: int = 0) -> int:
    """Return how many clusters so many hashtags get: the root of half of them, 2 to 64; about as many as before, if so.

    >>> cluster_count(8), cluster_count(200), cluster_count(10**6)
    (2, 10, 64)
    >>> cluster_count(200, previous=9), cluster_count(200, previous=20)
    (9, 10)
    """
    count = min(max(round(math.sqrt(hashtags / 2)), 2), MOST_CLUSTERS)
    return previous if previous >= 2 and abs(previous - count) <= KEEP_COUNT_WITHIN * count else count


def matched_ids(
    centroids: Matrix, old: Matrix, old_ids: Sequence[int], next_id: int
) -> tuple[list[int], list[float | None]]:
    """Return an id per centroid and the cosine to the predecessor: the pairing of greatest total cosine decides.

    A pair below ``SAME_CLUSTER`` is none: the centroid gets a new id and no predecessor.
    """
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    ids: list[int | None] = [None] * len(centroids)
    similarities: list[float | None] = [None] * len(centroids)
    if len(old):
        cosines = np.round(centroids @ old.T, DIGITS)
        for new, before in zip(*linear_sum_assignment(cosines, maximize=True), strict=True):
            if cosines[new, before] >= SAME_CLUSTER:
                ids[new], similarities[new] = old_ids[before], float(cosines[new, before])
    fresh = iter(range(next_id, next_id + len(ids)))
    return [next(fresh) if known is None else known for known in ids], similarities


def nearest(vectors: npt.ArrayLike, clusters: Sequence[Cluster]) -> tuple[list[int], list[float]]:
    """Return the id of the nearest cluster of each vector and the cosine to its centroid, the lowest id of equals."""
    centroids = np.array([cluster.centroid for cluster in clusters], dtype=np.float64)
    cosines = np.round(unit_rows(vectors) @ centroids.T, DIGITS)
    best = np.argmax(cosines, axis=1)
    ids = [clusters[i].cluster_id for i in best.tolist()]
    return ids, cosines[np.arange(len(best)), best].tolist()


def theme_labels(
    names: Sequence[str],
    words: Sequence[Iterable[str]],
    members: npt.NDArray[np.int64],
    closeness: npt.NDArray[np.float64],
    count: int,
) -> list[str]:
    """Return the words that most hashtags of a cluster share and few of the others, by class-based TF-IDF.

    The weight of a word is the number of the cluster's hashtags with it times log(1 + A / number of all hashtags with
    it), A being the mean number of words per cluster (Grootendorst 2022, BERTopic); of equal words, that of the hashtag
    closest to the centroid. A cluster without usable words is
    called after its most central hashtag.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    counts: list[Counter[str]] = [Counter() for _ in range(count)]
    central: list[dict[str, float]] = [{} for _ in range(count)]
    for hashtag_words, member, close in zip(words, members.tolist(), np.round(closeness, DIGITS).tolist(), strict=True):
        telling = {word for word in hashtag_words if len(word) > 1 and not word.isdigit()} - ENGLISH_STOP_WORDS
        counts[member].update(telling)
        central[member] |= {word: max(close, central[member].get(word, -1.0)) for word in telling}
    everywhere: Counter[str] = Counter()
    for counter in counts:
        everywhere.update(counter)
    mean = everywhere.total() / count
    labels = []
    for cluster, counter in enumerate(counts):
        ranks = {
            word: (-round(n * math.log1p(mean / everywhere[word]), DIGITS), -central[cluster][word], word)
            for word, n in counter.items()
        }
        best = sorted(ranks, key=ranks.__getitem__)[:LABEL_WORDS]
        labels.append((", ".join(best) or _most_central(names, members == cluster, closeness))[:LABEL_LENGTH])
    return labels


def unit_rows(vectors: npt.ArrayLike) -> Matrix:
    """Return the rows scaled to length 1; a row of zeros stays zero."""
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _fixed_order(hashtag_ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the rows to fit on, ordered by id: all, or a sample that is mostly the same the next time."""
    chosen = sorted(range(len(hashtag_ids)), key=lambda i: hashtag_ids[i])
    if len(chosen) > LARGEST_SAMPLE:
        digests = {i: hashlib.sha256(hashtag_ids[i].encode()).digest() for i in chosen}
        kept = set(sorted(chosen, key=lambda i: digests[i])[:LARGEST_SAMPLE])
        chosen = [i for i in chosen if i in kept]
    return np.array(chosen, dtype=np.int64)


def _k_means(rows: Matrix, count: int, old: Matrix, seed: int) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Return unit centroids and the cluster of each row; as many as before start where those were."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    is_warm = len(old) == count
    with threadpool_limits(limits=1):  # several threads add up in any order
        fitted = KMeans(
            n_clusters=count, init=old if is_warm else "k-means++", n_init=1 if is_warm else 4, random_state=seed
        ).fit(rows)
        centroids = unit_rows(fitted.cluster_centers_)
        members = np.argmax(np.round(rows @ centroids.T, DIGITS), axis=1)
    return centroids, members


def _most_central(names: Sequence[str], is_member: npt.NDArray[np.bool_], closeness: npt.NDArray[np.float64]) -> str:
    places = np.flatnonzero(is_member).tolist() or range(len(names))
    return names[min(places, key=lambda i: (-round(float(closeness[i]), DIGITS), names[i]))]
