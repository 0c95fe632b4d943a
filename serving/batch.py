"""How is a whole portfolio scored and kept?"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from features.asof import default_as_of, instant
from features.errors import SettingsError
from features.events import build_events
from features.records.folder import Records
from portfolio.priority import Priority
from serving.answers import Past, priority_json, stored_reason
from serving.champions import Champions, store_context
from serving.scoring import ModelScores, Scored, score_records, trend_of
from serving.settings import Settings
from serving.store.rows import Run, ScoredRow, ScoreInput
from serving.store.store import Store
from training.artefact import Champion
from training.contexts import context_at
from training.dataset import Workshop

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Batch:
    """A scored portfolio, and under which run it is kept."""

    scored: Scored
    run: Run
    past: Past


def score_portfolio(
    records: Records,
    champions: Champions,
    store: Store,
    *,
    settings: Settings,
    clock: datetime,
    as_of: date | None = None,
    progress: Progress = lambda _: None,
) -> Batch:
    """Score everyone in a portfolio as of a day, and keep scores, inputs and contexts.

    Parameters
    ----------
    records : Records
        The whole portfolio.
    champions : Champions
        Who scores.
    store : Store
        Where scores are kept.
    settings : Settings
        Of this installation.
    clock : datetime
        Now.
    as_of : date or None
        By default the first midnight UTC after the records.

    Raises
    ------
    SettingsError
        ST011 for a day that the records do not reach.
    """
    latest = default_as_of(records.portfolio.data_as_of)
    day = as_of or latest
    if day > latest:
        raise SettingsError(
            "ST011",
            f"the records end before {latest}; {day} cannot be scored as if they did not.",
            f"Import newer records, or score as of {latest} or earlier.",
        )
    progress("contexts")
    champions = _with_context(records, champions, settings, day)
    progress("scores")
    scored = score_records(records, champions, as_of=day, settings=settings)
    progress("keeping them")
    return _keep(scored, store, clock)


def _with_context(
    records: Records, champions: Champions, settings: Settings, day: date
) -> Champions:
    """Make the context of the day for every champion that has none, and keep it."""
    found: dict[str, Champion | None] = {}
    for name, champion in champions.by_model.items():
        found[name] = champion
        if champion is None or champion.context_for(instant(day))[0].as_of == instant(day):
            continue
        workshop = Workshop(build_events(records), champion.task)
        context = context_at(workshop, champion, day)
        store_context(settings.home, champion, context)
        contexts = sorted((*champion.contexts, context), key=lambda c: c.as_of)
        found[name] = replace(champion, contexts=tuple(contexts))
    return Champions(champions.portfolio, found["churn"], found["close"])


def _keep(scored: Scored, store: Store, clock: datetime) -> Batch:
    portfolio = scored.champions.portfolio.name
    run = Run(
        uuid.uuid4().hex, portfolio, "score", clock, version("fanal"), as_of=scored.as_of,
        counts={"accounts": len(scored.events.accounts.words), "deals": int(scored.deals.code.size)},
    )  # fmt: skip
    previous = {
        (model, name): found.probability
        for model, kind, names in (
            ("churn", "account", scored.events.accounts.words),
            ("close", "opportunity", scored.events.deals.words),
        )
        for name, found in store.previous(
            portfolio, model, kind, names, before=scored.as_of
        ).items()
    }
    rows = [*_account_rows(scored, previous, clock), *_deal_rows(scored, previous, clock)]
    store.save_run(run)
    store.save_scores(run, rows, list(_inputs(scored, rows)))
    store.save_run(replace(run, finished_at=clock))
    ids = {(row.model, row.entity_id): row.score_id for row in rows}
    return Batch(scored, run, Past(previous, ids))


def _account_rows(
    scored: Scored, previous: dict[tuple[str, str], float], clock: datetime
) -> Iterator[ScoredRow]:
    accounts = scored.accounts
    owners = _current_owners(scored)
    for code, name in enumerate(scored.events.accounts.words):
        row = int(accounts.churn_row[code])
        place = int(accounts.priority_row[code])
        if row < 0 and place < 0:
            continue
        yield ScoredRow(
            entity_kind="account",
            entity_id=name,
            account_id=name,
            model="churn",
            status=None if accounts.status[code] == "scored" else str(accounts.status[code]),
            owner_id=owners.get(name),
            segment=accounts.rows.keys["segment"][code],
            **_common(scored, clock),
            **_said(scored, accounts.churn, row, name, previous),
            **_urgency(scored, accounts.priority, place, str(accounts.action[code])),
        )


def _deal_rows(
    scored: Scored, previous: dict[tuple[str, str], float], clock: datetime
) -> Iterator[ScoredRow]:
    deals, close = scored.deals, scored.deals.close
    if close is None:
        return
    owners = _current_owners(scored)
    for place in np.flatnonzero(deals.close_row >= 0):
        row, code = int(deals.close_row[place]), int(deals.code[place])
        name = scored.events.deals.words[code]
        account = scored.events.accounts.words[int(scored.events.deal_account[code])]
        yield ScoredRow(
            entity_kind="opportunity",
            entity_id=name,
            account_id=account,
            model="close",
            owner_id=close.rows.keys["owner"][row] or owners.get(account),
            segment=close.rows.keys["segment"][row],
            **_common(scored, clock),
            **_said(scored, close, row, name, previous),
            **_urgency(scored, deals.priority, row, str(deals.action[place])),
        )


def _common(scored: Scored, clock: datetime) -> dict[str, Any]:  # Any: fields of several types
    return {
        "score_id": uuid.uuid4().hex,
        "as_of": scored.as_of,
        "created_at": clock,
        "data_as_of": scored.events.portfolio.data_as_of,
    }


def _said(
    scored: Scored,
    scores: ModelScores | None,
    row: int,
    name: str,
    previous: dict[tuple[str, str], float],
) -> dict[str, Any]:
    """What the champion says of one row; nothing for an entity that it does not score."""
    if scores is None or row < 0:
        return {}
    key = (scores.champion.model, name)
    probability = float(scores.probability[row])
    before = {name: previous[key]} if key in previous else {}
    code = int(scores.rows.code[row])
    return {
        "probability": probability,
        "margin": float(scores.margin[row]),
        "grade": str(scores.grade[row]) or None,
        "trend": trend_of(before, name, probability),
        "previous": previous.get(key),
        "rung": scores.champion.rung.name,
        "horizon_days": scores.champion.task.horizon.horizon_days,
        "reasons": tuple(
            stored_reason(reason, scores, scored.events, code)
            for reason in scores.explanations[row].reasons
        ),
        "is_stale": scores.is_stale(int(scores.rows.as_of[row])),
        "model_version": scores.champion.version,
        "model_digest": scores.champion.digest,
        "feature_set_version": scores.champion.feature_set_version,
        "context_version": scores.context.version,
    }


def _urgency(scored: Scored, priority: Priority, place: int, action: str) -> dict[str, Any]:
    if place < 0:
        return {}
    found = priority_json(priority, place, action, scored.champions.portfolio.currency)
    return {
        "priority": found["score"],
        "expected_amount": found["expected_amount"],
        "action": action,
        "terms": tuple(found["terms"]),
    }


def _current_owners(scored: Scored) -> dict[str, str]:
    """Who owns each account now: whose list it goes on, not a signal."""
    table = scored.events.records.tables.get("accounts")
    if table is None or "owner_id" not in table.column_names:
        return {}
    pairs = zip(
        table.column("account_id").to_pylist(), table.column("owner_id").to_pylist(), strict=True
    )
    return {account: owner for account, owner in pairs if owner is not None}


def _inputs(scored: Scored, rows: list[ScoredRow]) -> Iterator[ScoreInput]:
    """Feature rows of the scores, by score."""
    ids = {(row.model, row.entity_id): row.score_id for row in rows if row.probability is not None}
    for scores, words in (
        (scored.accounts.churn, scored.events.accounts.words),
        (scored.deals.close, scored.events.deals.words),
    ):
        if scores is None:
            continue
        values = np.where(np.isnan(scores.rows.values), None, scores.rows.values)
        for code, features in zip(scores.rows.code, values.tolist(), strict=True):
            key = (scores.champion.model, words[int(code)])
            yield ScoreInput(ids[key], dict(zip(scores.rows.names, features, strict=True)))
