"""The routes. Each translates a message into a question to the service and the answer back."""

import logging
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Query

from trenddrop.api.body_limit import BodyLimit
from trenddrop.api.contract import HashtagScore, ScoringService
from trenddrop.api.messages import (
    Health,
    Horizon,
    Intervals,
    MatchItem,
    MatchRequest,
    MatchResponse,
    MetadataItem,
    MetadataRequest,
    MetadataResponse,
    Peak,
    Platform,
    Probabilities,
    Quantiles,
    ScoredItem,
    ScoreRequest,
    ScoreResponse,
    TrendItem,
    TrendsResponse,
)
from trenddrop.api.problems import add_problem_handlers, problem_responses
from trenddrop.matching import Match
from trenddrop.metadata import Generation
from trenddrop.metadata.store import metadata_id

BODY_LIMIT_BYTES = 2 * 1024 * 1024
_LOG = logging.getLogger("trenddrop.api")


def create_app(service: ScoringService, *, body_limit_bytes: int = BODY_LIMIT_BYTES) -> FastAPI:
    """Return the endpoint over a service, which is warmed up in the background once the server starts."""
    app = FastAPI(
        title="TrendDrop",
        summary="Which hashtags are about to go viral, which fit a video, and what to write with it",
        version=version("trenddrop"),
        lifespan=_lifespan(service),
    )
    add_problem_handlers(app)
    app.add_middleware(BodyLimit, limit_bytes=body_limit_bytes)
    _add_routes(app, service)
    return app


def _add_routes(app: FastAPI, service: ScoringService) -> None:
    @app.get("/healthz", tags=["operation"])
    def health() -> Health:
        """Say that the process answers."""
        return Health(status="ok", version=app.version)

    @app.post("/v1/score", tags=["scores"], responses=problem_responses(413, 422, 503))
    def score(request: ScoreRequest) -> ScoreResponse:
        """Return each hashtag's probabilities with their reasons; one that is unknown is said to be, item by item."""
        asked = request.ids()
        found = service.score(list(dict.fromkeys(identity for _, identity in asked)))
        return ScoreResponse(items=[_scored(name, identity, found.get(identity)) for name, identity in asked])

    @app.get("/v1/trends", tags=["scores"], responses=problem_responses(404, 422, 503))
    def trends(
        platform: Annotated[Platform | None, Query()] = None,
        horizon: Annotated[Horizon, Query(description="hours")] = 24,
        limit: Annotated[int, Query(ge=1, le=200)] = 20,
    ) -> TrendsResponse:
        """Return the hashtags that are likeliest to go viral within the horizon."""
        found = service.top_trends(platform=platform, horizon_hours=horizon, limit=limit)
        items = [
            TrendItem(
                rank=rank,
                hashtag_id=item.score.hashtag_id,
                platform=item.platform,
                title=item.title,
                trend_type=item.trend_type,
                probabilities=_probabilities(item.score.probabilities),
                intervals=_intervals(item.score.intervals),
                peak=_peak(item.score.peak),
                reasons=[dict(reason) for reason in item.score.reasons],
                feature_timestamp=item.score.feature_timestamp,
                model_name=item.score.model_name,
                model_version=item.score.model_version,
            )
            for rank, item in enumerate(found, start=1)
        ]
        return TrendsResponse(platform=platform, horizon_hours=horizon, trends=items)

    @app.post("/v1/match", tags=["videos"], responses=problem_responses(413, 422, 503))
    def match(request: MatchRequest) -> MatchResponse:
        """Return the trends that fit a video."""
        found = service.match(request.video, platform=request.platform)
        return MatchResponse(video_id=request.video.identity, matches=[_matched(item) for item in found])

    @app.post("/v1/metadata", tags=["videos"], responses=problem_responses(404, 413, 422, 503))
    def metadata(request: MetadataRequest) -> MetadataResponse:
        """Write a video's title, description, hashtags and call to action for each platform."""
        written = service.generate(request.video, request.platforms, agent=request.agent)
        return MetadataResponse(video_id=request.video.identity, metadata=[_written(item) for item in written])


def _lifespan(service: ScoringService) -> Any:
    def warm_up() -> None:
        try:
            service.warm_up()
        except Exception:  # the first question that needs it meets the same error and tells it
            _LOG.warning("warming up failed", exc_info=True)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = threading.Thread(target=warm_up, name="warm-up", daemon=True)
        warming.start()
        yield
        warming.join()  # it reads what is about to be closed
        service.close()

    return lifespan


def _scored(name: str, identity: str, found: HashtagScore | None) -> ScoredItem:
    if found is None:
        detail = "never observed, not lately enough to be scored, or no candidate, as what is viral already"
        return ScoredItem(hashtag=name, hashtag_id=identity, status="unknown", detail=detail)
    return ScoredItem(
        hashtag=name,
        hashtag_id=identity,
        status="scored",
        probabilities=_probabilities(found.probabilities),
        intervals=_intervals(found.intervals),
        peak=_peak(found.peak),
        reasons=[dict(reason) for reason in found.reasons],
        feature_timestamp=found.feature_timestamp,
        model_name=found.model_name,
        model_version=found.model_version,
    )


def _probabilities(columns: Mapping[str, float | None]) -> Probabilities:
    return Probabilities.model_validate(
        {name.removeprefix("probability_"): value for name, value in columns.items()}, by_alias=True
    )


def _intervals(ends: Mapping[str, float | None]) -> Intervals:
    horizons = [name.removeprefix("low_") for name in ends if name.startswith("low_")]
    known = {horizon: (ends[f"low_{horizon}"], ends.get(f"high_{horizon}")) for horizon in horizons}
    return Intervals.model_validate(
        {horizon: {"low": low, "high": high} for horizon, (low, high) in known.items() if None not in (low, high)},
        by_alias=True,
    )


def _peak(quantiles: Mapping[str, float | None]) -> Peak:
    return Peak(hours=_quantiles(quantiles, "hours_to_peak"), views=_quantiles(quantiles, "peak_views"))


def _quantiles(values: Mapping[str, float | None], target: str) -> Quantiles | None:
    low, median, high = (values.get(f"{target}{end}") for end in ("_low", "", "_high"))
    return None if low is None or median is None or high is None else Quantiles(low=low, median=median, high=high)


def _matched(item: Match) -> MatchItem:
    return MatchItem(
        rank=item.rank,
        trend_id=item.trend_id,
        title=item.title,
        platform=item.platform,
        hashtag_id=item.hashtag_id,
        similarity=item.similarity,
        probabilities=_probabilities(item.probabilities),
        rank_score=item.rank_score,
    )


def _written(item: Generation) -> MetadataItem:
    return MetadataItem(
        platform=item.metadata.platform,
        title=item.metadata.title,
        description=item.metadata.description,
        hashtags=list(item.metadata.hashtags),
        cta=item.metadata.cta,
        post=item.post,
        trend_ids=list(item.metadata.trend_ids),
        generation_id=item.id,
        platform_metadata_id=metadata_id(item.id),
        quality_score=item.quality_score,
        originality_score=item.originality_score,
    )
