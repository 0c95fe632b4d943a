"""What holds for every request, whichever route answers it?

Who calls, how much may come in, which headers go out, and that every fault has one shape: also
those of routes that are not ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import FanalError
from serving.access import Access
from serving.api.problems import MEDIA_TYPE, RequestError, problem, unforeseen

PROBES = ("/livez", "/healthz", "/readyz")
"""Answered without a key: what starts and stops processes has none."""

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
}
_API_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True)
class DoorRules:
    """What the door keeps.

    Attributes
    ----------
    access : Access
        Who may come in.
    max_body_mb : float
        Largest body, in megabytes.
    hindrance : callable
        Why the service is not ready; None when it is.
    """

    access: Access
    max_body_mb: float
    hindrance: Callable[[], FanalError | None]


class Door:
    """ASGI middleware: what holds for every request.

    Parameters
    ----------
    app : ASGI application
        What answers.
    rules : callable
        Gives the rules; called at the first request, so that nothing is read before.
    """

    def __init__(self, app: ASGIApp, rules: Callable[[], DoorRules]) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(scope, receive, send, self._rules)
        try:
            rules = self._rules()
            _require_key(scope, rules.access)
            limit = int(rules.max_body_mb * _BYTES_PER_MB)
            _require_size(scope, limit)
            await self._app(scope, _counted(receive, limit), reply.send)
        except FanalError as error:
            await reply.instead(problem(error, scope["path"]))
        except Exception as error:
            # the server would log the message of the error, which may quote a record
            await reply.instead(unforeseen(error, scope["path"]))


class _Reply:
    """Passes a reply on, with our headers, and a problem document in place of a bare fault."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, rules: Callable[[], DoorRules]
    ) -> None:
        self._scope, self._receive, self._send, self._rules = scope, receive, send, rules
        self._is_begun = False
        self._is_replaced = False

    async def send(self, message: Message) -> None:
        if self._is_replaced:
            return
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if message["status"] >= 400 and not kind.startswith(MEDIA_TYPE):
                await self.instead(self._problem(message["status"]))
                self._is_replaced = True
                return
            self._is_begun = True
            message = self._with_headers(message)
        await self._send(message)

    async def instead(self, response: JSONResponse) -> None:
        if not self._is_begun:
            await response(self._scope, self._receive, self.send)

    def _with_headers(self, message: Message) -> Message:
        headers = MutableHeaders(raw=list(message["headers"]))
        is_api = self._scope["path"].startswith("/v1/")
        for name, value in {**SECURITY_HEADERS, **(_API_HEADERS if is_api else {})}.items():
            headers.setdefault(name, value)
        return {**message, "headers": headers.raw}

    def _problem(self, status: int) -> JSONResponse:
        path = self._scope["path"]
        if status == 404:
            error: FanalError = RequestError("RQ030", "There is nothing here.")
        elif status == 405:
            error = RequestError("RQ031", f"This address does not take {self._scope['method']}.")
        elif path == "/readyz" and (found := self._rules().hindrance()) is not None:
            error = found
        else:
            return _bare(status, path)
        return problem(error, path)


def _bare(status: int, path: str) -> JSONResponse:
    """Give a fault of a route that is not ours our shape, under its own status."""
    document = {
        "type": "about:blank", "title": "The request failed", "status": status, "detail": "",
        "instance": path, "code": f"HTTP{status}", "errors": [],
    }  # fmt: skip
    return JSONResponse(document, status, media_type=MEDIA_TYPE)


def _require_key(scope: Scope, access: Access) -> None:
    if scope["path"] in PROBES or access.allows(Headers(scope=scope).get("authorization")):
        return
    raise RequestError("RQ032", "The key is missing or wrong.", "Send Authorization: Bearer KEY.")


def _require_size(scope: Scope, limit: int) -> None:
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        raise _too_large(limit)


def _counted(receive: Receive, limit: int) -> Receive:
    """Count a body as it comes: one sent in chunks does not say its size."""
    taken = 0

    async def count() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise _too_large(limit)
        return message

    return count


def _too_large(limit: int) -> RequestError:
    return RequestError(
        "RQ006",
        f"The body is larger than {limit / _BYTES_PER_MB:g} MB.",
        "Send fewer accounts at a time, or raise limits.max_body_mb.",
    )
