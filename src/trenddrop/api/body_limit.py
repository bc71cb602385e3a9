"""Requests with too large a body are refused before they are read."""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trenddrop.api.problems import problem


class BodyLimit:
    """Reads at most ``limit_bytes`` of a body, whether or not its length is declared, and hands it on whole."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self.app = app
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 to a body that is too large; anything else goes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        body = None if declared.isdigit() and int(declared) > self.limit_bytes else await self._read(receive)
        if body is None:
            detail = f"the body is larger than {self.limit_bytes} bytes; send less"
            await problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)(scope, receive, send)
            return
        messages = [body]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self.app(scope, replay, send)

    async def _read(self, receive: Receive) -> Message | None:
        """Return the whole body as one message, a disconnect as it came, or None when it is too large."""
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return message
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self.limit_bytes:
                return None
            more = message.get("more_body", False)
        return {"type": "http.request", "body": b"".join(chunks), "more_body": False}
