"""What is answered to one score request, whichever door it came through?"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from serving.answers import Past, answer
from serving.api.body import ScoreRequest
from serving.champions import Champions
from serving.keeping import keep_scores
from serving.scoring import Scored, score_records
from serving.settings import Settings
from serving.store.store import Store


def answer_request(
    request: ScoreRequest, champions: Champions, settings: Settings
) -> dict[str, Any]:  # Any: JSON
    """Score the good accounts of a request, and report on the others."""
    scored = score_records(request.records, champions, as_of=request.as_of, settings=settings)
    return _answered(scored, request, Past())


def keep_request(
    request: ScoreRequest,
    champions: Champions,
    settings: Settings,
    *,
    store: Store,
    clock: datetime,
) -> dict[str, Any]:  # Any: JSON
    """Answer a request, and keep its scores with the records they were made of."""
    scored = score_records(request.records, champions, as_of=request.as_of, settings=settings)
    _, past = keep_scores(scored, store, clock, kind="request", with_records=True)
    return _answered(scored, request, past)


def _answered(scored: Scored, request: ScoreRequest, past: Past) -> dict[str, Any]:
    scored = replace(scored, warnings=(*request.warnings, *scored.warnings))
    document = answer(scored, language=request.language, past=past, order=request.account_ids)
    return {**document, "errors": [asdict(fault) for fault in request.errors]}
