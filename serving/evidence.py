"""Which records stand behind a reason?

Only what was visible as of the score's day counts, by the rule of `features.asof`: a complaint that
was resolved later is still open as seen from then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.asof import US_PER_DAY
from features.events import EventSet
from features.kernel import Codes, Events
from features.signals.declare import Entity


@dataclass(frozen=True)
class _Trail:
    """Where the records of a reason lie.

    Attributes
    ----------
    source, table, id_column : str
        Source of events, the table they came from, and the column that names its rows.
    flag, or_flag : str or None
        Flag that an event must carry, and one that will do as well.
    measure : str or None
        Measure that an event must have.
    open_first, is_settled : bool
        Whether those not yet settled come before the others; whether only settled ones count.
    oldest_first : bool
        Whether the first event tells more than the last.
    between_days : (int, int) or None
        How many days before the score an event must lie, from more than the first to at most the
        second.
    """

    source: str
    table: str
    id_column: str
    flag: str | None = None
    or_flag: str | None = None
    measure: str | None = None
    open_first: bool = False
    is_settled: bool = False
    oldest_first: bool = False
    between_days: tuple[int, int] | None = None


_BOUGHT = _Trail("orders", "orders", "order_id", "is_purchase")
_TALKS = _Trail("interactions", "interactions", "interaction_id")
_MEETINGS = _Trail("interactions", "interactions", "interaction_id", "is_meaningful")
_DEAL_TALKS = _Trail("deal_interactions", "interactions", "interaction_id")
_A_YEAR_AGO = (275, 410)
"""The 90 days around this day a year ago, and the 90 that followed it."""
_DEAL = _Trail("created", "opportunities", "opportunity_id")


def _outcomes(flag: str) -> _Trail:
    return _Trail("deal_outcomes", "interactions", "interaction_id", flag)


def _said(flag: str) -> _Trail:
    return _Trail("interaction_outcomes", "interactions", "interaction_id", flag)


def _matters(flag: str) -> _Trail:
    return _Trail("interactions", "interactions", "interaction_id", flag, open_first=True)


_TRAILS: Mapping[str, _Trail] = {
    **dict.fromkeys(
        (
            "RHYTHM_BROKEN", "ORDER_RHYTHM", "REGULARITY", "ORDER_FREQUENCY", "ORDER_TREND",
            "SPEND_LEVEL", "SPEND_TREND", "BASKET", "BASKET_REGULARITY", "MARGIN", "DISCOUNT",
            "PRODUCT_RANGE", "PRODUCT_CONCENTRATION", "CATEGORY_RANGE", "STILL_BUYING",
            "BASKET_TREND", "SHARE_OF_WALLET", "POSITION",
        ),
        _BOUGHT,
    ),
    "TENURE": _Trail("orders", "orders", "order_id", "is_purchase", oldest_first=True),
    "SEASON_ORDERS": _Trail("orders", "orders", "order_id", "is_purchase",
                            between_days=_A_YEAR_AGO),
    "CREDIT_NOTES": _Trail("orders", "orders", "order_id", "is_credit_note"),
    "LATE_PAYMENT": _Trail("invoices", "invoices", "invoice_id", open_first=True),
    "CONTACT_SILENCE": _MEETINGS,
    "CONTACT_RHYTHM": _MEETINGS,
    "CONTACT_ACTIVITY": _TALKS,
    "CONTACT_TREND": _TALKS,
    "COMPLAINTS": _matters("is_complaint"),
    "TICKETS": _matters("is_ticket"),
    "DIGITAL_INTEREST": _Trail("interactions", "interactions", "interaction_id", "is_web",
                                "is_proposal_viewed"),
    "RESPONSE": _said("has_response"),
    **dict.fromkeys(
        ("SUBSCRIPTIONS", "RENEWAL"),
        _Trail("subscriptions", "subscriptions", "subscription_id", open_first=True),
    ),
    "CONTRACT_TENURE": _Trail(
        "subscriptions", "subscriptions", "subscription_id", oldest_first=True
    ),
    "MRR_TREND": _Trail("mrr_moves", "subscriptions", "subscription_id"),
    "NOTICE": _Trail("notices", "subscriptions", "subscription_id", open_first=True),
    "RESOLUTION": _Trail("interactions", "interactions", "interaction_id",
                         measure="hours_to_resolve", is_settled=True),
    "SURVEY": _Trail("interactions", "interactions", "interaction_id", measure="survey_score"),
    "SENTIMENT": _Trail("interactions", "interactions", "interaction_id", measure="sentiment"),
    "CONTACT_BREADTH": _Trail("contacts", "contacts", "contact_id", open_first=True),
    "CONTACT_LOST": _Trail("contacts", "contacts", "contact_id", is_settled=True),
    "ACCOUNT_DEALS": _Trail("account_deals", "opportunities", "opportunity_id"),
    **dict.fromkeys(
        (
            "DEAL_STAGE", "STAGE_AGE", "DEAL_MOVES", "SETBACKS", "OWNER_CHANGES", "DEAL_AGE",
            "CLOSE_DATE", "DEAL_AMOUNT", "STAGE_RATE",
        ),
        _DEAL,
    ),
    "DEAL_ACTIVITY": _DEAL_TALKS,
    "DEAL_SILENCE": _DEAL_TALKS,
    "BUYING_SIGNALS": _outcomes("has_buying_signal"),
    "OBJECTIONS": _outcomes("has_objection"),
}  # fmt: skip
"""Reason code -> trail. A rate of others, the calendar, or rows without ids give no record."""

_OF_ACCOUNT: Mapping[str, _Trail] = {
    "BUYING_SIGNALS": _said("has_buying_signal"),
    "OBJECTIONS": _said("has_objection"),
}
"""Reason code -> trail, where an account has another than its deals."""

_OF_DEAL = frozenset({"created", "deal_interactions", "deal_outcomes"})


def find_evidence(
    events: EventSet, entity: Entity, code: int, as_of: int, reason_code: str, limit: int = 3
) -> tuple[str, ...]:
    """Which records stand behind a reason, the most telling first?

    Parameters
    ----------
    events : EventSet
        Events that the score was made of.
    entity : Entity
        account or deal.
    code : int
        Position of the entity in the ids of the event set.
    as_of : int
        Instant of the score.
    reason_code : str
        Code of the reason; one without records of its own gives none.
    limit : int
        At most so many ids.
    """
    trail = _TRAILS.get(reason_code)
    if entity == "account":
        trail = _OF_ACCOUNT.get(reason_code, trail)
    found = None if trail is None else events.sources.get(trail.source)
    if trail is None or found is None:
        return ()
    if entity == "deal" and trail.source not in _OF_DEAL:
        code = int(events.deal_account[code])
    if code < 0:
        return ()
    rows = _ordered(found, _visible(found, code, as_of), as_of, trail)
    return _ids(events.records.tables[trail.table], trail.id_column, found.record[rows], limit)


def _visible(events: Events, code: int, as_of: int) -> Codes:
    """Events of an entity that were known, and not yet replaced, just before an instant."""
    low, high = int(events.offsets[code]), int(events.offsets[code + 1])
    rows = np.arange(low, high)
    is_known = (events.at[rows] < as_of) & (events.known_from[rows] < as_of)
    return rows[is_known & (as_of <= events.known_until[rows])]


def _ordered(events: Events, rows: Codes, as_of: int, trail: _Trail) -> Codes:
    """Keep the events of a trail, the most telling first."""
    if trail.flag is not None:
        if trail.flag not in events.flag_names:
            return rows[:0]
        wanted = sum(
            1 << bit
            for bit, name in enumerate(events.flag_names)
            if name in (trail.flag, trail.or_flag)
        )
        rows = rows[events.flags[rows] & wanted != 0]
    if trail.between_days is not None:
        days = (as_of - events.at[rows]) / US_PER_DAY
        rows = rows[(days > trail.between_days[0]) & (days <= trail.between_days[1])]
    if trail.measure is not None:
        if trail.measure not in events.measure_names:
            return rows[:0]
        rows = rows[~np.isnan(events.measures[events.measure_names.index(trail.measure), rows])]
    is_settled = events.later[rows] < as_of
    if trail.is_settled:
        rows = rows[is_settled]
        return rows[np.argsort(-events.later[rows], kind="stable")]
    age = events.at[rows] if trail.oldest_first else -events.at[rows]
    return rows[np.lexsort((age, is_settled & trail.open_first))]


def _ids(table: pa.Table, column: str, records: Codes, limit: int) -> tuple[str, ...]:
    """Ids of some rows of a table, each once, in their order."""
    found: dict[str, None] = {}
    for record in records.tolist():
        if len(found) == limit:
            break
        found[str(table.column(column)[record])] = None
    return tuple(found)
