from trenddrop.metadata.quality import originality_score, shingles


def test_originality_is_the_share_no_single_reference_holds():
    text = "abcdefghij"  # three shingles
    assert originality_score(text, ["abcdefgh", "bcdefghi"]) == 1 - 1 / 3


def test_short_and_empty_texts():
    assert shingles("ab") == {"ab"}
    assert shingles(" ") == frozenset()
    assert originality_score("", ["anything"]) == 1.0
