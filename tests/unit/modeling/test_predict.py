import numpy as np
import polars as pl

from trenddrop.modeling import predict


def test_probabilities_never_fall_as_the_horizon_grows(model, frame):
    answer = predict(model, frame)
    assert (answer["probability_12h"] >= answer["probability_6h"]).all()
    assert answer["probability_6h"].is_between(0, 1, closed="none").all()


def test_a_row_alone_scores_as_it_does_among_many(model, frame):
    rows = frame.head(2_500)
    alone = pl.concat([predict(model, rows[i]) for i in (0, 7, 2_400)])
    assert alone.equals(predict(model, rows)[[0, 7, 2_400]])


def test_the_frame_s_order_and_keys_are_kept_and_labels_are_not_needed(model, frame, features):
    shuffled = frame.sample(50, shuffle=True, seed=1)
    answer = predict(model, shuffled)
    assert answer.columns == ["hashtag_id", "platform", "event_timestamp", "probability_6h", "probability_12h"]
    assert answer["hashtag_id"].equals(shuffled["hashtag_id"])
    bare = predict(model, shuffled.select(features))
    assert bare.columns == ["probability_6h", "probability_12h"]
    assert np.array_equal(bare["probability_6h"], answer["probability_6h"])


def test_no_rows_give_no_rows_with_the_same_columns(model, frame):
    assert predict(model, frame.clear()).columns == predict(model, frame.head(1)).columns
