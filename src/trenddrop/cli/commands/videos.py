"""Commands on videos: index, match, generate, feedback."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from trenddrop.cli.app import Home, Json, app, workspace
from trenddrop.cli.console import OUT, print_json, print_table
from trenddrop.core.errors import InputError

Videos = Annotated[Path, typer.Argument(help="JSON or JSON lines: video_id, transcript, summary, caption, hashtags")]
HORIZONS = ("6h", "12h", "24h", "48h")


@app.command()
def index(
    everything: Annotated[bool, typer.Option("--all", help="also trends that were not seen for days")] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Embed the trends and build the index that videos are matched against."""
    from trenddrop.flow.videos import VideoBranch

    with workspace(home, quiet=json) as ws:
        branch = VideoBranch(ws)
        document = {"trends": branch.build_index(is_everything=everything), "folder": str(branch.index_folder())}
    print_json(document) if json else print_table("Index", list(document), [list(document.values())])


@app.command()
def match(
    videos: Videos,
    platform: Annotated[str | None, typer.Option("--platform", help="only trends of this platform")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Find the trends that fit each video, ranked by similarity and by how likely they go viral."""
    from trenddrop.flow.videos import VideoBranch, read_videos

    with workspace(home, quiet=json) as ws:
        branch = VideoBranch(ws)
        found = {video.identity: branch.match(video, platform=platform) for video in read_videos(videos)}
    if json:
        print_json({"videos": [{"video_id": key, "matches": [asdict(m) for m in ms]} for key, ms in found.items()]})
    for key, matches in {}.items() if json else found.items():
        rows = [
            [m.rank, m.title, m.similarity, *(m.probabilities.get(f"probability_{h}") for h in HORIZONS), m.rank_score]
            for m in matches
        ]
        print_table(f"Video {key}", ["rank", "trend", "similarity", *HORIZONS, "score"], rows)


@app.command()
def generate(
    videos: Videos,
    platforms: Annotated[
        list[str] | None, typer.Option("--platform", help="repeatable; default tiktok, youtube, instagram")
    ] = None,
    agent: Annotated[str, typer.Option("--agent", help="configs/agents/<name>.yaml")] = "default",
    home: Home = None,
    json: Json = False,
) -> None:
    """Write title, description, hashtags and call to action of each video for each platform."""
    from trenddrop.flow.videos import VideoBranch, read_videos

    with workspace(home, quiet=json) as ws:
        branch = VideoBranch(ws)
        wanted = platforms or ["tiktok", "youtube", "instagram"]
        made = [branch.generate(video, wanted, agent=agent) for video in read_videos(videos)]
    flat = [generation for generations in made for generation in generations]
    if json:
        print_json({"generations": [{"id": g.id, "video_id": g.video_id} | asdict(g.metadata) for g in flat]})
    for generation in [] if json else flat:
        print_metadata(generation)


def print_metadata(generation: Any) -> None:
    """Print one generation as its author would read it."""
    metadata = generation.metadata
    OUT.print(f"\n{generation.video_id} on {metadata.platform}", style="bold", markup=False)
    for name in ("title", "description", "cta"):
        OUT.print(f"  {name}: {getattr(metadata, name) or '-'}", markup=False)
    OUT.print(f"  hashtags: {' '.join(metadata.hashtags) or '-'}", markup=False)


@app.command()
def feedback(
    path: Annotated[Path, typer.Argument(help="JSON lines: platform_metadata_id, timestamp, views, likes, ...")],
    home: Home = None,
    json: Json = False,
) -> None:
    """Take in what published posts earned, exactly once."""
    from trenddrop.feedback import record_feedback

    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")  # U+2028 is text in JSON
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give a file of JSON lines") from error
    with workspace(home, quiet=json) as ws:
        summary = record_feedback(ws.warehouse, lines, origin=str(path), clock=ws.clock)
    if json:
        print_json(summary.as_dict())
        return
    counts = {key: value for key, value in summary.as_dict().items() if key != "errors"}
    print_table("Feedback", list(counts), [list(counts.values())])
    for error_text in summary.errors:
        OUT.print(f"  refused: {error_text}", markup=False)
