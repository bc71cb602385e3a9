import numpy as np

from trenddrop.matching import Video
from trenddrop.metadata.summary import mmr, outline, sentence_weights, summary_sentences, title_sentence

TEXT = (
    "Hi. Tomato pasta is quick to cook. Boil the pasta in salted water. The tomato sauce needs garlic. "
    "Cook the pasta and the tomato sauce together. Parking was hard today."
)


def test_a_video_without_words_has_no_outline(trigrams):
    assert outline(Video(transcript=" \n", caption="\u200b"), trigrams) is None


def test_the_caption_comes_first_and_nothing_twice(trigrams):
    text = outline(Video(transcript="One thing. Another thing.", caption="Another thing."), trigrams)
    assert text.sentences == ("Another thing.", "One thing.")
    assert text.first_source == 1


def test_the_title_is_a_sentence_of_the_first_source_that_is_long_enough(embedder):
    text = outline(Video(transcript=TEXT), embedder)
    assert "pasta" in title_sentence(text)
    assert title_sentence(outline(Video(transcript="Hi."), embedder)) == "Hi."


def test_the_summary_keeps_the_order_and_leaves_the_aside_out(embedder):
    chosen = summary_sentences(outline(Video(transcript=TEXT), embedder), 3)
    assert len(chosen) == 3
    assert chosen == sorted(chosen, key=TEXT.index)
    assert "Parking was hard today." not in chosen


def test_weights_favour_central_and_early_sentences():
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    weights = sentence_weights(vectors)
    assert weights[0] > weights[1] > weights[2]


def test_mmr_takes_no_more_than_there_is():
    assert mmr(np.array([0.1, 0.2]), np.eye(2), 5, relevance_weight=1.0) == [1, 0]


def test_a_very_long_video_is_read_to_its_64th_sentence(trigrams):
    text = outline(Video(transcript=" ".join(f"Sentence number {n}." for n in range(200))), trigrams)
    assert len(text.sentences) == 64
