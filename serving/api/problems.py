"""What does a program read when a request cannot be answered?

One shape for every fault, that of RFC 9457 (``application/problem+json``), with a stable ``code``.
No document quotes what the request held: records stay out of logs and of other people's screens.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from uuid import uuid4

from starlette.responses import JSONResponse

from features.errors import FanalError

CODES: Mapping[str, str] = {
    "RQ001": "the body is not JSON in UTF-8",
    "RQ002": "a number of the body is not finite",
    "RQ003": "an object of the body has one key twice",
    "RQ004": "the body is nested too deeply",
    "RQ005": "a text of the body holds half a character",
    "RQ006": "the body is too large",
    "RQ007": "the body is not declared as JSON",
    "RQ008": "a field that a request may not have",
    "RQ009": "accounts is missing, empty, or not a list",
    "RQ010": "too many accounts in one request",
    "RQ011": "as_of is not a day, or later than tomorrow",
    "RQ012": "a field of the request has a value that it cannot take",
    "RQ013": "no account is left to score",
    "RQ020": "an object, or a list of objects, was expected",
    "RQ021": "an id contradicts the object it lies in",
    "RQ023": "an account has more faults than are listed",
    "RQ030": "no such address",
    "RQ031": "the address does not answer to this method",
    "RQ032": "the key is missing or wrong",
    "RQ033": "this service keeps no scores",
    "RQ099": "an error that nobody foresaw; the log of the service names it by its id",
}
"""Every code of a request; each has a line in docs/errors.md."""

STATUSES: Mapping[str, int] = {
    **dict.fromkeys(("RQ001", "RQ002", "RQ003", "RQ004", "RQ005"), 400),
    "RQ006": 413,
    "RQ007": 415,
    "RQ010": 413,
    "RQ030": 404,
    "RQ031": 405,
    "RQ032": 401,
    "RQ033": 501,
    "RQ099": 500,
}
"""HTTP status by code; 422 for the others."""

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class BodyFault:
    """What is wrong at one place of a body.

    Attributes
    ----------
    pointer : str
        Where, as a JSON pointer (RFC 6901).
    code : str
        Stable code, ``CT...`` or ``RQ...``.
    message : str
        What is wrong and how to mend it.
    """

    pointer: str
    code: str
    message: str


class RequestError(FanalError):
    """A request cannot be trusted as a whole; mended by whoever sends it.

    Parameters
    ----------
    code : str
        One of `CODES`.
    message, fix : str
        As of every `FanalError`.
    errors : sequence of BodyFault
        Where in the body, as far as it can be said.
    """

    def __init__(
        self, code: str, message: str, fix: str = "", errors: Sequence[BodyFault] = ()
    ) -> None:
        super().__init__(code, message, fix)
        self.errors = tuple(errors)

    def listed(self) -> list[dict[str, str]]:
        """Which faults of the body does it list, as plain values?"""
        return [asdict(fault) for fault in self.errors]

    def __str__(self) -> str:
        told = [fault for fault in self.errors if fault.message != self.fix]
        lines = [f"  {fault.code} {fault.pointer}: {fault.message}" for fault in told]
        return "\n".join([super().__str__(), *lines])


def problem(error: FanalError, instance: str) -> JSONResponse:
    """Which document tells of this error?

    Parameters
    ----------
    error : FanalError
        What happened.
    instance : str
        Path of the request.
    """
    status = error.http_status
    if isinstance(error, RequestError):
        status = STATUSES.get(error.code, 422)
    document = {
        "type": f"urn:fanal:error:{error.code}",
        "title": CODES.get(error.code, type(error).__name__),
        "status": status,
        "detail": " ".join(part for part in (error.message, error.fix) if part),
        "instance": instance,
        "code": error.code,
        "errors": error.listed(),
    }
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["Retry-After"] = "30"
    return JSONResponse(document, status, headers, MEDIA_TYPE)


def unforeseen(error: Exception, instance: str) -> JSONResponse:
    """Which document hides an error that nobody foresaw, and names the line of the log?

    The log holds kinds of error, modules and lines: a message may quote a customer's record.
    """
    name = uuid4().hex[:12]
    _LOG.error("error %s: %s", name, trail(error))
    return problem(
        RequestError("RQ099", f"Something went wrong (error {name}).", "Report its id."), instance
    )


def trail(error: BaseException) -> str:
    """Where did an error arise, without what it says?"""
    steps = []
    trace = error.__traceback__
    while trace is not None:
        steps.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(steps)}"
