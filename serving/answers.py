"""In which JSON does every door answer? The shape of docs/http.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from features.events import EventSet
from portfolio.priority import TERMS, Priority
from serving.evidence import find_evidence
from serving.explanations import Reason
from serving.scoring import ModelScores, Scored, trend_of
from serving.scoring.of_duration import WON_BY_DAYS, Durations
from serving.scoring.of_value import YEAR_DAYS
from serving.scoring.said import model_of
from serving.wording import word
from training.artefact import Champion

Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Past:
    """What the store knows of the entities: earlier probabilities and ids of the new scores.

    Attributes
    ----------
    previous : mapping of (model, entity id) to float
        Probability of the score before.
    score_ids : mapping of (model, entity id) to str
        Ids under which the new scores are kept; empty when nothing is kept.
    """

    previous: Mapping[tuple[str, str], float] = field(default_factory=dict)
    score_ids: Mapping[tuple[str, str], str] = field(default_factory=dict)


_NOTHING_KEPT = Past()


def answer(
    scored: Scored,
    *,
    language: str,
    past: Past = _NOTHING_KEPT,
    order: Sequence[str] | None = None,
) -> Json:
    """What is said of the accounts, as JSON, in the order given or that of the ids."""
    said = {"churn": scored.accounts.churn, "close": scored.deals.close}
    contexts = [
        scores.context.as_of_date.isoformat() for scores in said.values() if scores is not None
    ]
    return {
        "as_of": scored.as_of.isoformat(),
        "models": {
            name: _facts_used(champion, said.get(name))
            for name, champion in scored.champions.by_model.items()
        },
        "context_as_of": max(contexts, default=None),
        "warnings": list(scored.warnings),
        "results": results(scored, order, language=language, past=past),
        "errors": [],
    }


def _facts_used(champion: Champion | None, scores: ModelScores | None) -> Json | None:
    """Which champion answered, and with which context."""
    facts = model_facts(champion)
    if facts is not None and scores is not None:
        facts["context_version"] = scores.context.version
    return facts


def model_facts(champion: Champion | None) -> Json | None:
    """Which champion answered, None where there is none."""
    if champion is None:
        return None
    return {
        "version": champion.version,
        "rung": champion.rung.name,
        "feature_set_version": champion.feature_set_version,
        "context_version": champion.contexts[-1].version,
        "horizon_days": champion.task.horizon.horizon_days,
        "trained_through": champion.facts["trained_through"],
    }


def results(
    scored: Scored, order: Sequence[str] | None, *, language: str, past: Past
) -> list[Json]:
    """One entry per account."""
    deals = _deals_by_account(scored)
    names = scored.events.accounts.words
    places = {name: code for code, name in enumerate(names)}
    return [
        _account(scored, places[name], name, deals.get(places[name], ()), language, past)
        for name in (names if order is None else order)
    ]


def _deals_by_account(scored: Scored) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for place, code in enumerate(scored.deals.code):
        found.setdefault(int(scored.events.deal_account[code]), []).append(place)
    return found


def _account(
    scored: Scored, code: int, name: str, deals: Sequence[int], language: str, past: Past
) -> Json:
    accounts = scored.accounts
    row = int(accounts.churn_row[code])
    churn = None
    if accounts.churn is not None and row >= 0:
        churn = _score(scored, accounts.churn, row, name, language, past)
    entry: Json = {"account_id": name, "churn": churn}
    if accounts.status[code] != "scored":
        entry["status"] = str(accounts.status[code])
    entry["value"] = _value(scored, code)
    place = int(accounts.priority_row[code])
    entry["priority"] = (
        None
        if place < 0
        else priority_json(
            accounts.priority, place, str(accounts.action[code]),
            scored.champions.portfolio.currency,
        )
    )  # fmt: skip
    entry["opportunities"] = [_deal(scored, deal, language, past) for deal in deals]
    return entry


def _value(scored: Scored, code: int) -> Json:
    """How much an account is worth: as the value model says, else its trailing year."""
    accounts, currency = scored.accounts, scored.champions.portfolio.currency
    valued = accounts.value
    row = -1 if valued is None else int(valued.row[code])
    if valued is None or row < 0:
        return {
            "amount": round(float(accounts.yearly_value[code]), 2),
            "low": None,
            "high": None,
            "currency": currency,
            "basis": "margin" if scored.value_is_margin else "revenue",
            "horizon_days": YEAR_DAYS,
            "rung": "prior",
        }
    is_margin = scored.value_is_margin or valued.champion.facts.get("basis") == "margin"
    return {
        "amount": round(float(valued.amount[row]), 2),
        "low": round(float(valued.low[row]), 2),
        "high": round(float(valued.high[row]), 2),
        "currency": currency,
        "basis": "margin" if is_margin else "revenue",
        "horizon_days": valued.champion.task.horizon.horizon_days,
        "rung": valued.champion.rung.name,
        "model_version": valued.champion.version,
        "beyond": {
            "amount": round(float(valued.year[row]), 2),
            "horizon_days": YEAR_DAYS,
            "rung": "bgnbd",
            "extrapolated": True,
        }
        if valued.is_year_extrapolated
        else None,
    }


def _duration(durations: Durations | None, row: int) -> Json | None:
    """When a deal closes; None where nothing is known of it."""
    if durations is None:
        return None
    found: Json = {
        "expected_days": _number(durations.expected_days[row]),
        "p80_days": _number(durations.p80_days[row]),
        "rung": durations.rung,
    }
    if durations.won_by is not None:
        found["won_by"] = [
            {"days": days, "probability": float(chance)}
            for days, chance in zip(WON_BY_DAYS, durations.won_by[row], strict=True)
        ]
    return found


def _deal(scored: Scored, place: int, language: str, past: Past) -> Json:
    deals = scored.deals
    name = scored.events.deals.words[int(deals.code[place])]
    row = int(deals.close_row[place])
    entry: Json = {"opportunity_id": name, "close": None}
    if deals.status[place] != "open":
        return {**entry, "status": str(deals.status[place]), "duration": None, "priority": None}
    duration = _duration(deals.durations, int(deals.open_row[place]))
    if deals.close is None or row < 0:
        return {**entry, "duration": duration, "priority": None}
    entry["close"] = _score(scored, deals.close, row, name, language, past)
    entry["duration"] = duration
    entry["priority"] = priority_json(
        deals.priority, row, str(deals.action[place]), scored.champions.portfolio.currency
    )
    return entry


def _score(
    scored: Scored, scores: ModelScores, row: int, name: str, language: str, past: Past
) -> Json:
    key = (scores.champion.model, name)
    probability = float(scores.probability[row])
    code = int(scores.rows.code[row])
    return {
        "score_id": past.score_ids.get(key),
        "as_of": scored.as_of.isoformat(),
        "probability": probability,
        "horizon_days": scores.champion.task.horizon.horizon_days,
        "grade": str(scores.grade[row]) or None,
        "trend": trend_of(past.previous.get(key), probability),
        "previous": past.previous.get(key),
        "rung": scores.champion.rung.name,
        "model_version": scores.champion.version,
        "feature_set_version": scores.champion.feature_set_version,
        "context_version": scores.context.version,
        "data_as_of": scored.events.portfolio.data_as_of.isoformat(),
        "stale": scores.is_stale(int(scores.rows.as_of[row])),
        "reasons": [
            reason_json(reason, scores, scored.events, code, language)
            for reason in scores.explanations[row].reasons
        ],
    }  # fmt: skip


def reason_json(
    reason: Reason, scores: ModelScores, events: EventSet, code: int, language: str
) -> Json:
    """One reason with its evidence and its sentence."""
    text = word(
        reason,
        language,
        currency=scores.champion.portfolio.currency,
        model=model_of(scores.champion),
    )
    stored = stored_reason(reason, scores, events, code)
    return {name: value for name, value in stored.items() if name != "feature"} | {"text": text}


def stored_reason(reason: Reason, scores: ModelScores, events: EventSet, code: int) -> Json:
    """One reason with its evidence, before it is put into words; `read_reason` reads it back."""
    entity = scores.rows.entity
    as_of = int(scores.rows.as_of[0])
    return {
        "code": reason.code,
        "theme": reason.theme,
        "direction": reason.direction,
        "strength": reason.strength,
        "points": reason.points,
        "value": _number(reason.value),
        "usual_value": _number(reason.usual_value),
        "peer_value": _number(reason.peer_value),
        "unit": reason.unit,
        "feature": reason.feature,
        "evidence": list(find_evidence(events, entity, code, as_of, reason.code)),
    }


def read_reason(stored: Mapping[str, Any]) -> Reason:
    """Which reason did `stored_reason` write?"""
    return Reason(**{**stored, "evidence": tuple(stored["evidence"])})


def priority_json(priority: Priority, row: int, action: str, currency: str) -> Json:
    """The priority of one action with its four terms."""
    return {
        "action": action,
        "score": round(float(priority.score[row]), 4),
        "expected_amount": round(float(priority.expected_amount[row]), 2),
        "currency": currency,
        "terms": [
            {
                "name": name,
                "value": float(priority.value[row, term]),
                "weight": float(priority.weight[row, term]),
                "points": float(priority.points[row, term]),
            }
            for term, name in enumerate(TERMS)
        ],
    }


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
