"""Errors become problem+json (RFC 9457): one shape for everything that goes wrong."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from trenddrop.api.contract import UnknownNameError
from trenddrop.api.messages import Problem
from trenddrop.core.errors import ConflictError, InputError, NotReadyError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "5"
_LOG = logging.getLogger("trenddrop.api")


def problem(status: int, detail: str, *, errors: list[dict[str, Any]] | None = None) -> JSONResponse:
    """Return the response for an error."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors)
    headers = {"Retry-After": RETRY_AFTER_S} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse(body.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of the errors that a route can answer with."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every exception with problem+json; what is not the caller's doing is logged and not told."""

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [{"where": list(item["loc"]), "what": item["msg"]} for item in error.errors()]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the request does not fit its schema", errors=errors)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        response = problem(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(UnknownNameError)
    async def unknown_name(_: Request, error: UnknownNameError) -> JSONResponse:
        return problem(HTTPStatus.NOT_FOUND, str(error))

    @app.exception_handler(InputError)
    async def wrong_input(_: Request, error: InputError) -> JSONResponse:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    @app.exception_handler(NotReadyError)
    async def not_ready(_: Request, error: NotReadyError) -> JSONResponse:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    @app.exception_handler(ConflictError)
    async def conflict(_: Request, error: ConflictError) -> JSONResponse:
        _LOG.warning("a write was given up: %s", error)
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "another writer was faster; ask again")

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something broke here; the log says what")
