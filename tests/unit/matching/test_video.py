import pytest
from pydantic import ValidationError

from trenddrop.matching import Video


def test_the_id_is_the_given_one_or_made_from_the_content():
    assert Video(video_id="v").identity == "v"
    assert Video(caption="a").identity == Video(caption="a").identity != Video(caption="b").identity


def test_lone_surrogates_are_replaced():
    video = Video(caption="\ud83d broken \U0001f600", hashtags=("\udc00tag",))
    assert video.caption == "\ufffd broken \U0001f600"
    assert video.hashtags == ("\ufffdtag",)


@pytest.mark.parametrize(
    "values", [{"caption": "a" * 100_001}, {"hashtags": ("a",) * 201}, {"colour": "red"}, {"caption": 3}]
)
def test_what_is_no_video_is_refused(values):
    with pytest.raises(ValidationError):
        Video(**values)
