"""What is one row of the score store, outside the store?

Worked example: run ``r1`` scores the portfolio ``Giftware`` as of 2011-09-10; account 17850 gets
the score ``s1`` with ``p_churn`` 0.61, whose previous one, as of 2011-09-03, was 0.48.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

EntityKind = Literal["account", "opportunity"]
Trend = Literal["up", "down", "flat"]
Item = Mapping[str, Any]  # a term, a reason or a record as JSON has it: values of any JSON type


@dataclass(frozen=True)
class Run:
    """One run of a verb over a portfolio.

    Attributes
    ----------
    run_id : str
        Unique id.
    portfolio : str
        Name of the portfolio.
    kind : str
        What ran: ``score``, ``nightly``, ...
    started_at, finished_at : datetime
        Aware instants; ``finished_at`` is None while it runs, and when it broke off.
    as_of : date or None
        The as_of_date scored.
    fanal_version : str
        Version of Fanal that ran.
    counts : mapping of str to int
        How many of what: rows scored, refused, ...
    """

    run_id: str
    portfolio: str
    kind: str
    started_at: datetime
    fanal_version: str
    as_of: date | None = None
    finished_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredRow:
    """One score of one entity by one model, as of one day.

    Attributes
    ----------
    score_id : str
        Unique id.
    entity_kind, entity_id, account_id : str
        What is scored, and the account it belongs to (itself for an account).
    model : str
        ``churn``, ``close``, ...
    as_of : date
        The as_of_date; midnight UTC of that day.
    created_at, data_as_of : datetime
        When it was scored; the latest instant the records knew of. Aware.
    probability : float or None
        0..1; None when ``status`` says why there is none.
    margin : float or None
        Calibrated log-odds; reasons add up to it.
    grade : str or None
        A to D, A the best for us.
    trend, previous : str and float, or None
        ``up``, ``down`` or ``flat`` against the previous probability; None for a first score.
    horizon_days : int or None
        Days the probability looks ahead.
    priority, expected_amount : float or None
        0..100; portfolio currency.
    action : str or None
        The action the priority ranks: win, expand, save, reactivate.
    terms, reasons : tuple of mapping
        Terms of the priority and reasons of the score, in the form of the HTTP answer.
    status : str or None
        ``lapsed``, ``no_history``, ``won``, ``lost``; None for an ordinary score.
    """

    score_id: str
    entity_kind: EntityKind
    entity_id: str
    account_id: str
    model: str
    as_of: date
    created_at: datetime
    data_as_of: datetime
    probability: float | None = None
    margin: float | None = None
    grade: str | None = None
    trend: Trend | None = None
    previous: float | None = None
    rung: str | None = None
    horizon_days: int | None = None
    priority: float | None = None
    expected_amount: float | None = None
    action: str | None = None
    terms: tuple[Item, ...] = ()
    reasons: tuple[Item, ...] = ()
    status: str | None = None
    is_stale: bool = False
    model_version: str | None = None
    model_digest: str | None = None
    feature_set_version: str | None = None
    context_version: str | None = None
    owner_id: str | None = None
    segment: str | None = None


@dataclass(frozen=True)
class StoredScore:
    """A score as the store gives it back: the row, and the run and portfolio it belongs to."""

    run_id: str
    portfolio: str
    row: ScoredRow


@dataclass(frozen=True)
class PreviousScore:
    """The score an entity had before: its day and its probability (0..1)."""

    as_of: date
    probability: float


@dataclass(frozen=True)
class ScoreInput:
    """What one score was made of.

    Attributes
    ----------
    score_id : str
        The score.
    features : mapping of str to float or None
        The feature row; None for a missing value.
    records : mapping or None
        The records themselves, where they came in a request; None where the digest is enough.
    records_digest : str or None
        sha256 of the records.
    """

    score_id: str
    features: Mapping[str, float | None]
    records: Item | None = None
    records_digest: str | None = None


@dataclass(frozen=True)
class StoredContext:
    """A context by its digest: what scores of this day joined besides the entity's own records."""

    digest: str
    portfolio: str
    model: str
    as_of: date
    body: Item


@dataclass(frozen=True)
class AuditEntry:
    """Who did what, and when; ``detail`` holds ids and versions, never names or contents."""

    at: datetime
    who: str
    what: str
    detail: Item = field(default_factory=dict)
