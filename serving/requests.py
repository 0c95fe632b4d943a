"""What is answered to one score request, whichever door it came through?"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from serving.answers import answer
from serving.api.body import ScoreRequest
from serving.champions import Champions
from serving.scoring import score_records
from serving.settings import Settings


def answer_request(
    request: ScoreRequest, champions: Champions, settings: Settings
) -> dict[str, Any]:  # Any: JSON
    """Score the good accounts of a request, and report on the others."""
    scored = score_records(request.records, champions, as_of=request.as_of, settings=settings)
    scored = replace(scored, warnings=(*request.warnings, *scored.warnings))
    document = answer(scored, language=request.language, order=request.account_ids)
    return {**document, "errors": [asdict(fault) for fault in request.errors]}
