import json

from trenddrop.matching import Video
from trenddrop.metadata import Reference, earlier_texts, generate, store, write_generations
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


def test_the_newest_texts_are_there_to_compare_with(any_wh, toy_setup, clock, monkeypatch):
    videos = [Video(video_id=f"v{number}", caption=f"Morning number {number}") for number in range(3)]
    texts = []
    for video in videos:
        written = generate(video, [], ["tiktok", "youtube"], toy_setup, clock=clock)
        write_generations(any_wh, written)
        texts.append(written[0].metadata.text())
    assert earlier_texts(any_wh) == tuple(Reference(f"v{one}", texts[one]) for one in (2, 1, 0))
    monkeypatch.setattr(store, "COMPARED", 2)
    assert earlier_texts(any_wh) == (Reference("v2", texts[2]),)


def test_before_anything_was_written_there_is_nothing_to_compare_with(any_wh):
    assert earlier_texts(any_wh) == ()
