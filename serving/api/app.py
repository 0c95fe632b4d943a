"""Which addresses does the service answer under ``/v1``?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, get_args

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from features.errors import FanalError
from serving.access import Access
from serving.answers import model_facts
from serving.api.body import ScoreRequest, read_score_request
from serving.api.champions import ChampionWatch
from serving.api.door import Door, DoorRules
from serving.api.problems import RequestError, problem
from serving.api.schemas import (
    ANSWER_EXAMPLE,
    ANSWER_SCHEMA,
    REQUEST_EXAMPLE,
    problem_responses,
    request_schema,
)
from serving.champions import Champions
from serving.requests import answer_request
from serving.settings import Language, Settings
from training.dataset import MODELS

Json = dict[str, Any]  # Any: JSON
Keep = Callable[[ScoreRequest, Champions], Json]
"""Answers a request, and keeps inputs and scores."""

_SCORE_DOCS: Json = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": request_schema(),
                "examples": {"one account": {"value": REQUEST_EXAMPLE}},
            }
        },
    }
}
_SCORE_RESPONSES: dict[int | str, Json] = {
    200: {
        "description": "Scores of the accounts without a fault; why the others have none.",
        "content": {
            "application/json": {
                "schema": ANSWER_SCHEMA,
                "examples": {"one account": {"value": ANSWER_EXAMPLE}},
            }
        },
    },
    **problem_responses(400, 401, 413, 415, 422, 500, 501, 503),
}


@dataclass(frozen=True)
class Installation:
    """What the routes of one process share.

    Attributes
    ----------
    settings : Settings
        Of this installation.
    access : Access
        Who may come in.
    watch : ChampionWatch
        Who answers.
    clock : callable
        Now, aware.
    keep : callable or None
        What ``store`` asks for; None where nothing can be kept.
    """

    settings: Settings
    access: Access
    watch: ChampionWatch
    clock: Callable[[], datetime]
    keep: Keep | None = None

    def hindrance(self) -> FanalError | None:
        """Why can nothing be scored right now? None when it can."""
        try:
            self.watch.current()
        except FanalError as error:
            return error
        return None

    def rules(self) -> DoorRules:
        """What the door keeps for every request."""
        return DoorRules(self.access, self.settings.limits.max_body_mb, self.hindrance)


def create_app(installation: Callable[[], Installation]) -> FastAPI:
    """Make the ASGI application with all routes.

    Parameters
    ----------
    installation : callable
        Gives what the routes share; called when a request comes, so that making the application
        reads nothing.
    """
    app = FastAPI(
        title="Fanal", version=version("fanal"), openapi_url="/v1/openapi.json",
        docs_url=None, redoc_url=None,
        description="Which accounts will leave, which deals will close, and why.",
    )  # fmt: skip
    app.add_middleware(Door, rules=lambda: installation().rules())
    app.add_exception_handler(FanalError, _problem)

    @app.get("/", include_in_schema=False)
    async def entrance() -> RedirectResponse:
        """Stand before the entrance page of BentoML, which calls a tracking service."""
        return RedirectResponse("/v1/openapi.json")

    @app.post("/v1/score", responses=_SCORE_RESPONSES, openapi_extra=_SCORE_DOCS)
    async def score(request: Request) -> JSONResponse:
        """Score raw records of one or many accounts; nothing is stored unless asked for."""
        _require_json(request)
        body = await request.body()
        # a large body takes a while to check, and probes must be answered meanwhile
        return JSONResponse(await run_in_threadpool(score_body, body, installation()))

    @app.get("/v1/models", responses=problem_responses(401, 500))
    async def models() -> JSONResponse:
        """Say which models answer, and why those that do not are refused."""
        return JSONResponse(await run_in_threadpool(models_answer, installation().watch))

    return app


def score_body(body: bytes, installation: Installation) -> Json:
    """What is answered to the body of ``POST /v1/score``?

    Raises
    ------
    RequestError
        The body cannot be scored as a whole.
    NotReady, ModelError
        There is no champion to answer.
    """
    champions = installation.watch.current()
    return score_with(
        body, champions, settings=installation.settings, clock=installation.clock(),
        keep=installation.keep,
    )  # fmt: skip


def score_with(
    body: bytes,
    champions: Champions,
    *,
    settings: Settings,
    clock: datetime,
    keep: Keep | None = None,
) -> Json:
    """What do these champions answer to a body?

    Parameters
    ----------
    body : bytes
        As received.
    champions : Champions
        Who answers.
    settings : Settings
        Of this installation.
    clock : datetime
        Now, aware.
    keep : callable or None
        What ``store`` asks for.

    Raises
    ------
    RequestError
        The body cannot be scored as a whole.
    """
    request = read_score_request(
        body,
        portfolio=champions.portfolio,
        reference=champions.reference,
        read_tables=champions.read_tables,
        clock=clock,
        language=settings.language,
        max_accounts=settings.limits.max_accounts,
    )
    if not request.is_stored:
        return answer_request(request, champions, settings)
    if keep is None:
        raise RequestError("RQ033", "This service keeps no scores.", "Leave store out.")
    return keep(request, champions)


def warm_up(champions: Champions, *, settings: Settings, clock: datetime) -> None:
    """Score an account that nobody has, so that nothing is compiled or read during a request.

    Raises
    ------
    Exception
        Whatever these champions fail with.
    """
    for language in get_args(Language):
        body = json.dumps(_made_up(champions, language, clock)).encode()
        score_with(body, champions, settings=settings, clock=clock)


def _made_up(champions: Champions, language: str, clock: datetime) -> Json:
    times = [(clock - timedelta(days=days)).isoformat() for days in (90, 60, 30, 2)]
    stages = champions.reference.get("stages")
    words = ["open"] if stages is None else stages.column("stage").to_pylist()
    orders = [
        {"order_id": f"O-{place}", "ordered_at": at, "net_amount": 100.0}
        for place, at in enumerate(times)
    ]
    moves = [{"changed_at": times[2], "stage": words[0], "amount": 1000.0}]
    deal = {"opportunity_id": "D-1", "created_at": times[2], "history": moves}
    called = {"interaction_id": "I-1", "occurred_at": times[3], "kind": "call"}
    account = {
        "account_id": "A-1", "orders": orders, "interactions": [called], "opportunities": [deal]
    }  # fmt: skip
    return {"language": language, "accounts": [account]}


def models_answer(watch: ChampionWatch) -> Json:
    """What is answered to ``GET /v1/models``?"""
    serving = watch.status()
    champions: Champions | None = serving.champions
    facts = {
        name: model_facts(champion)
        for name, champion in ({} if champions is None else champions.by_model).items()
    }
    return {
        "portfolio": None if champions is None else champions.portfolio.name,
        "models": {**dict.fromkeys(MODELS), **facts},
        "faults": {
            name: {"code": error.code, "message": error.message, "fix": error.fix}
            for name, error in serving.faults.items()
        },
    }


async def _problem(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, FanalError):
        raise error
    return problem(error, request.url.path)


def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").lower()
    is_json = kind == "application/json" or (kind.startswith("application/") and "+json" in kind)
    if not is_json or encoding != "identity":
        raise RequestError(
            "RQ007", "The body is not declared as plain JSON.",
            "Send Content-Type: application/json, without Content-Encoding.",
        )  # fmt: skip
