import numpy as np
import pytest

from trenddrop.modeling import load_spec
from trenddrop.modeling.boost import Learner, Sample
from trenddrop.modeling.spec import Rounds
from trenddrop.modeling.trees import trees_text

ROWS, COLUMNS, MAXIMUM = 4_000, 5, 120
LATE = np.arange(ROWS) >= ROWS * 3 // 4


@pytest.fixture(scope="module")
def sample() -> Sample:
    rng = np.random.default_rng(2)
    matrix = rng.standard_normal((ROWS, COLUMNS))
    return Sample(matrix, rng.random(ROWS) < 1 / (1 + np.exp(1 - matrix[:, 0] - matrix[:, 1] * matrix[:, 2])))


def learner(sample: Sample, *, threads: int, early_stopping: int = 10) -> Learner:
    spec = load_spec("viral_lightgbm").model_copy(
        update={"rounds": Rounds(maximum=MAXIMUM, early_stopping=early_stopping)}
    )
    return Learner(sample, spec, columns=[f"c{i}" for i in range(COLUMNS)], threads=threads)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_trees_that_grew_beside_those_that_count_them_are_cut_to_their_number(sample, threads):
    trees, counted = learner(sample, threads=threads).grow_counted(~LATE, LATE)
    assert 1 < counted.rounds < MAXIMUM
    alone = learner(sample, threads=1).grow(rounds=counted.rounds)
    assert trees.num_trees() == counted.rounds
    assert trees_text(trees) == trees_text(alone)


def test_the_number_of_trees_is_that_of_the_least_loss_on_the_later_rows(sample):
    _, counted = learner(sample, threads=2, early_stopping=MAXIMUM).grow_counted(~LATE, LATE)
    viral = sample.viral[LATE]

    def loss(rounds: int) -> float:
        chance = counted.early.predict(sample.matrix[LATE], num_iteration=rounds)
        return float(-np.log(np.where(viral, chance, 1 - chance)).mean())

    assert counted.rounds == min(range(1, MAXIMUM + 1), key=loss)


def test_an_error_while_trees_are_counted_is_raised_and_no_tree_is_waited_for(sample, monkeypatch):
    def broken(*_: object) -> None:
        raise MemoryError("no room for the bins")

    monkeypatch.setattr(Learner, "_count", broken)
    with pytest.raises(MemoryError, match="no room"):
        learner(sample, threads=2).grow_counted(~LATE, LATE)
