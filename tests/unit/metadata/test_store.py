import json

from trenddrop.matching import Video
from trenddrop.metadata import generate, write_generations
from trenddrop.metadata.store import metadata_id


def test_generations_and_their_metadata_are_kept_together(wh, toy_setup, clock):
    video = Video(video_id="v1", caption="A calm morning in the garden", hashtags=("garden",))
    written = generate(video, [], ["tiktok", "youtube"], toy_setup, clock=clock)
    assert write_generations(wh, written) == 2
    log = wh.table("generations").to_pyarrow().to_pylist()
    kept = wh.table("platform_metadata").to_pyarrow().to_pylist()
    assert {row["id"] for row in log} == {item.id for item in written} == {row["generation_id"] for row in kept}
    assert {row["id"] for row in kept} == {metadata_id(item.id) for item in written}
    row = next(row for row in log if row["platform"] == "tiktok")
    assert json.loads(row["output"])["title"] == "A calm morning in the garden"
    assert json.loads(row["input"])["video"]["caption"] == video.caption
    assert (row["model"], row["cost"], row["status"], row["error"]) == ("extractive", 0.0, "completed", None)
    assert kept[0]["is_edited_by_user"] is False


def test_nothing_generated_is_nothing_written(wh):
    assert write_generations(wh, []) == 0
