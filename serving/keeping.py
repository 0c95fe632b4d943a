"""How are scores kept, with what they were made of?"""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa

from features.records.folder import Records
from portfolio.priority import Priority
from serving.answers import Past, priority_json, stored_reason
from serving.scoring import ModelScores, Scored, trend_of
from serving.store.rows import Run, ScoredRow, ScoreInput, StoredContext
from serving.store.store import Store

Previous = Mapping[tuple[str, str], float]


def keep_scores(
    scored: Scored, store: Store, clock: datetime, *, kind: str, with_records: bool = False
) -> tuple[Run, Past]:
    """Keep scores, feature rows and contexts of a day under one run.

    Parameters
    ----------
    scored : Scored
        What was said.
    store : Store
        Where to.
    clock : datetime
        Now.
    kind : str
        What ran: ``score`` for a whole portfolio, ``request`` for a request.
    with_records : bool
        Keep the records themselves too, where no portfolio folder holds them.

    Returns
    -------
    run, past
        The run, and the earlier probabilities and new ids that the answer shows.
    """
    portfolio = scored.champions.portfolio.name
    run = Run(
        uuid.uuid4().hex, portfolio, kind, clock, version("fanal"), as_of=scored.as_of,
        counts={
            "accounts": len(scored.events.accounts.words), "deals": int(scored.deals.code.size),
        },
    )  # fmt: skip
    previous = _previous(scored, store, portfolio)
    rows = [*_account_rows(scored, previous, clock), *_deal_rows(scored, previous, clock)]
    store.save_run(run)
    _keep_contexts(scored, store, portfolio)
    store.save_scores(run, rows, list(_inputs(scored, rows, with_records=with_records)))
    store.save_run(replace(run, finished_at=clock))
    ids = {(row.model, row.entity_id): row.score_id for row in rows}
    return run, Past(previous, ids)


def _previous(scored: Scored, store: Store, portfolio: str) -> dict[tuple[str, str], float]:
    accounts = store.previous(
        portfolio, "churn", "account", scored.events.accounts.words, before=scored.as_of
    )
    deals = store.previous(
        portfolio, "close", "opportunity", scored.events.deals.words, before=scored.as_of
    )
    return {
        **{("churn", name): found.probability for name, found in accounts.items()},
        **{("close", name): found.probability for name, found in deals.items()},
    }


def _keep_contexts(scored: Scored, store: Store, portfolio: str) -> None:
    """Keep what the scores joined besides the entities' own records."""
    for scores in (scored.accounts.churn, scored.deals.close):
        if scores is not None:
            store.save_context(
                StoredContext(
                    scores.context.version, portfolio, scores.champion.model,
                    scores.context.as_of_date, {"json": scores.context.to_json()},
                )
            )  # fmt: skip


def _account_rows(scored: Scored, previous: Previous, clock: datetime) -> Iterator[ScoredRow]:
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


def _deal_rows(scored: Scored, previous: Previous, clock: datetime) -> Iterator[ScoredRow]:
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
    previous: Previous,
) -> dict[str, Any]:
    """What the champion says of one row; nothing for an entity that it does not score."""
    if scores is None or row < 0:
        return {}
    key = (scores.champion.model, name)
    probability = float(scores.probability[row])
    code = int(scores.rows.code[row])
    return {
        "probability": probability,
        "margin": float(scores.margin[row]),
        "grade": str(scores.grade[row]) or None,
        "trend": trend_of(previous.get(key), probability),
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
    return {str(account): str(owner) for account, owner in pairs if owner is not None}


def _inputs(
    scored: Scored, rows: Sequence[ScoredRow], *, with_records: bool
) -> Iterator[ScoreInput]:
    """Feature rows of the scores, by score."""
    kept = {(row.model, row.entity_id): row for row in rows if row.probability is not None}
    for scores, words in (
        (scored.accounts.churn, scored.events.accounts.words),
        (scored.deals.close, scored.events.deals.words),
    ):
        if scores is None:
            continue
        values = scores.rows.values.astype(object)
        values[np.isnan(scores.rows.values)] = None
        for code, features in zip(scores.rows.code, values.tolist(), strict=True):
            row = kept[scores.champion.model, words[int(code)]]
            records = _records_of(scored.events.records, row.account_id) if with_records else None
            named = dict(zip(scores.rows.names, features, strict=True))
            yield ScoreInput(row.score_id, named, records)


def _records_of(records: Records, account: str) -> dict[str, Any]:  # Any: JSON
    """All rows of one account by table, instants and days in ISO 8601."""
    found: dict[str, Any] = {}
    deals: set[object] = set()
    for name, table in records.tables.items():
        if "account_id" in table.column_names:
            found[name] = _rows_where(table, "account_id", {account})
    deals.update(deal["opportunity_id"] for deal in found.get("opportunities", ()))
    if "opportunity_history" in records.tables:
        history = records.tables["opportunity_history"]
        found["opportunity_history"] = _rows_where(history, "opportunity_id", deals)
    return {name: rows for name, rows in found.items() if rows}


def _rows_where(table: pa.Table, column: str, wanted: Container[object]) -> list[dict[str, Any]]:
    places = [
        place for place, value in enumerate(table.column(column).to_pylist()) if value in wanted
    ]
    return [_plain_row(row) for row in table.take(pa.array(places, pa.int64())).to_pylist()]


def _plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date | datetime) else value
        for name, value in row.items()
        if value is not None
    }
