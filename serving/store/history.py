"""Which scores were given on past days, and from which features?

Requests are left out: whoever asked for a score by hand says nothing of the portfolio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from serving.store.models import InputTable, RunTable, ScoreTable
from serving.store.rows import EntityKind
from serving.store.store import Store

_CHUNK = 5_000
_REQUEST = "request"


@dataclass(frozen=True)
class PastScore:
    """One score of a past day, the last made as of that day.

    Attributes
    ----------
    score_id, entity_id : str
        Of the score, and of the account or deal.
    probability : float
        0..1.
    model_version : str or None
        Which version gave it.
    horizon_days : int or None
        How far ahead it looks.
    segment : str or None
        As known then.
    """

    score_id: str
    entity_id: str
    probability: float
    model_version: str | None
    horizon_days: int | None
    segment: str | None


def scored_days(
    store: Store, portfolio: str, model: str, entity_kind: EntityKind
) -> tuple[date, ...]:
    """As of which days was the portfolio scored, newest first?"""
    query = (
        select(ScoreTable.as_of)
        .join(RunTable, RunTable.run_id == ScoreTable.run_id)
        .where(
            ScoreTable.portfolio == portfolio,
            ScoreTable.model == model,
            ScoreTable.entity_kind == entity_kind,
            ScoreTable.probability.is_not(None),
            RunTable.kind != _REQUEST,
        )
        .distinct()
        .order_by(ScoreTable.as_of.desc())
    )
    with store.engine.connect() as connection:
        return tuple(connection.execute(query).scalars())


def scores_as_of(
    store: Store, portfolio: str, model: str, entity_kind: EntityKind, day: date
) -> tuple[PastScore, ...]:
    """Which scores were given as of a day, one per account or deal, by id?"""
    newest = func.row_number().over(
        partition_by=ScoreTable.entity_id,
        order_by=(ScoreTable.created_at.desc(), ScoreTable.score_id),
    )
    names = ("score_id", "entity_id", "probability", "model_version", "horizon_days", "segment")
    ranked = (
        select(*(getattr(ScoreTable, name) for name in names), newest.label("place"))
        .join(RunTable, RunTable.run_id == ScoreTable.run_id)
        .where(
            ScoreTable.portfolio == portfolio,
            ScoreTable.model == model,
            ScoreTable.entity_kind == entity_kind,
            ScoreTable.as_of == day,
            ScoreTable.probability.is_not(None),
            RunTable.kind != _REQUEST,
        )
        .subquery()
    )
    query = (
        select(*(ranked.c[name] for name in names))
        .where(ranked.c.place == 1)
        .order_by(ranked.c.entity_id)
    )
    with store.engine.connect() as connection:
        return tuple(PastScore(*row) for row in connection.execute(query))


def features_of(store: Store, score_ids: Sequence[str]) -> Mapping[str, Mapping[str, float | None]]:
    """From which features were scores made, by score? Scores whose inputs are gone are absent."""
    found: dict[str, Mapping[str, float | None]] = {}
    with store.engine.connect() as connection:
        for start in range(0, len(score_ids), _CHUNK):
            query = select(InputTable.score_id, InputTable.features).where(
                InputTable.score_id.in_(score_ids[start : start + _CHUNK])
            )
            found.update((score, features) for score, features in connection.execute(query))
    return found
