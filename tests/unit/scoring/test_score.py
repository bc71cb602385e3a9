import json

from trenddrop.modeling import predict
from trenddrop.scoring import score


def test_a_score_is_the_prediction_with_its_five_reasons(model, frame):
    rows = frame.head(8)
    answer = score(model, rows)
    assert answer.drop("reasons").equals(predict(model, rows))
    assert [len(json.loads(text)) for text in answer["reasons"]] == [5] * 8


def test_fewer_reasons_and_no_rows(model, frame):
    assert len(json.loads(score(model, frame.head(1), top=2)["reasons"][0])) == 2
    assert score(model, frame.head(2), top=0)["reasons"].to_list() == ["[]", "[]"]
    assert score(model, frame.clear()).height == 0
