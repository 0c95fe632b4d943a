"""Small random portfolios with everything that real exports do to us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeGuard
from zoneinfo import ZoneInfo

import hypothesis.strategies as st

from features.records.contract import TABLES
from features.records.folder import Records
from tests.spec.features_portfolio import records

START = datetime(2011, 1, 1, tzinfo=UTC)
AS_OF = ("2011-02-15", "2011-06-30", "2012-02-20")
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata")
STATIC = (
    "accounts.segment", "accounts.country", "accounts.parent_account_id", "accounts.employees",
    "accounts.wallet_revenue", "accounts.potential_revenue", "opportunities.owner_id",
    "opportunities.product_id", "opportunities.source", "opportunities.competitor",
    "opportunities.kind",
)  # fmt: skip
ACCOUNTS = ("A", "B", "C")
Rows = list[dict[str, object]]
Cells = st.SearchStrategy[object]

# Few days and hours, so that instants meet each other, the windows' edges and the as_of dates.
days = st.sampled_from(
    (0, 1, 5, 15, 44, 45, 46, 50, 60, 90, 95, 135, 150, 179, 180, 181, 200, 235, 330, 400)
)
hours = st.sampled_from((0, 0, 9, 12, 23))
instants = st.builds(lambda day, hour: START + timedelta(days=day, hours=hour), days, hours)
lags = st.sampled_from((None, None, None, -3.0, 0.0, 0.5, 20.0, 150.0))
amounts = st.integers(-40, 200).map(lambda quarters: quarters / 4)
whole = st.integers(0, 10).map(float)
flags = st.sampled_from((None, None, False, True))


def _maybe(cells: Cells) -> Cells:
    return st.one_of(st.none(), cells)


def _word(*words: str) -> Cells:
    return _maybe(st.sampled_from(words))


def _plan() -> Cells:
    return days.map(lambda day: date(2011, 1, 1) + timedelta(days=day))


@dataclass(frozen=True)
class Kind:
    """How the rows of a table are drawn: its key, its event time and its other columns."""

    id: str | None
    event: str
    columns: Mapping[str, Cells]
    has_account: bool = True
    keys: int = 6


KINDS: Mapping[str, Kind] = {
    "accounts": Kind(
        "account_id", "created_at",
        {"segment": _word("small", "large"), "country": _word("FR", "DE"),
         "parent_account_id": _word("G", "H"), "employees": _maybe(whole),
         "wallet_revenue": _maybe(whole), "potential_revenue": _maybe(whole)},
    ),
    "account_history": Kind(
        None, "changed_at",
        {"account_id": st.sampled_from(ACCOUNTS),
         "field": st.sampled_from(
             ("segment", "segment", "country", "parent_account_id", "employees", "wallet_revenue")
         ),
         "value": st.sampled_from(("small", "large", "other", "FR", "G", "3", "inf"))},
    ),
    "account_events": Kind(
        None, "occurred_at",
        {"account_id": st.sampled_from(ACCOUNTS),
         "kind": st.sampled_from(("funding", "growth", "move", "merger", "weather"))},
    ),
    "subscriptions": Kind(
        "subscription_id", "start_date",
        {"term_end_date": _maybe(_plan()), "mrr_amount": _maybe(whole),
         "cancelled_at": _maybe(instants), "ended_at": _maybe(instants)},
        keys=9,
    ),
    "orders": Kind(
        "order_id", "ordered_at",
        {"line_id": _word("1", "2"), "net_amount": amounts,
         "product_id": _word("P-1", "P-2", "P-3", "P-4"),
         "margin_amount": _maybe(amounts), "discount_amount": _maybe(whole),
         "currency": st.sampled_from((None, None, "EUR", "USD", "USD", "CHF"))},
        keys=15,
    ),
    "invoices": Kind(
        "invoice_id", "issued_at",
        {"due_date": _plan(), "amount": amounts, "paid_at": _maybe(instants)},
        keys=9,
    ),
    "contacts": Kind("contact_id", "created_at", {"left_at": _maybe(instants)}),
    "interactions": Kind(
        "interaction_id", "occurred_at",
        {"kind": st.sampled_from(
            ("call", "call", "meeting", "email", "ticket", "complaint", "survey", "visit", "web",
             "proposal_viewed", "campaign")
         ),
         "direction": _word("inbound", "outbound"), "sentiment": _maybe(st.sampled_from((-1., .5))),
         "outcome": _word("objection", "buying_signal", "answered", "clicked"),
         "contact_id": _word("K-1", "K-2"), "survey_score": _maybe(whole),
         "resolved_at": _maybe(instants), "duration_minutes": _maybe(whole),
         "opportunity_id": st.integers(0, 3)},
        keys=24,
    ),
    "opportunities": Kind(
        "opportunity_id", "created_at",
        {"owner_id": _word("U", "V"), "product_id": _word("P-1", "P-3"),
         "source": _word("web", "fair"), "competitor": _word("Acme"),
         "kind": _word("new", "renewal")},
    ),
    "opportunity_history": Kind(
        "opportunity_id", "changed_at",
        {"stage": st.sampled_from(("lead", "offer", "won", "lost", "mystery")),
         "amount": _maybe(whole), "expected_close_date": _maybe(_plan()),
         "owner_id": _word("U", "V", "W")},
        has_account=False,
    ),
    "fx_rates": Kind(
        None, "date",
        {"currency": st.sampled_from(("USD", "USD", "CHF", "EUR")),
         "rate": st.sampled_from((0.0, 0.5, 2.0, 2.5))},
        has_account=False,
    ),
}  # fmt: skip


def _learnt(day: int | None, deleted: bool | None) -> dict[str, object]:
    known_at = None if day is None else START + timedelta(days=day)
    return {"known_at": known_at, "is_deleted": deleted}


def _stage(
    name: str, position: float, outcome: str, day: int | None = None, deleted: bool | None = None
) -> dict[str, object]:
    return {"stage": name, "position": position, "outcome": outcome, **_learnt(day, deleted)}


def _product(
    name: str, category: str | None, day: int | None = None, deleted: bool | None = None
) -> dict[str, object]:
    return {"product_id": name, "category": category, **_learnt(day, deleted)}


STAGES: Rows = [
    _stage("lead", 0.0, "open"),
    _stage("offer", 4.0, "lost"),
    _stage("offer", 1.0, "open", 180),
    _stage("won", 2.0, "won"),
    _stage("lost", 3.0, "lost", 60),
    _stage("mystery", 5.0, "won"),
    _stage("mystery", 5.0, "won", 90, deleted=True),
]
PRODUCTS: Rows = [
    _product("P-1", "paint"),
    _product("P-2", "paint"),
    _product("P-2", "tools", 50),
    _product("P-3", "tools"),
    _product("P-3", "tools", 180, deleted=True),
    _product("P-4", "wood", 45),
    _product("P-5", None),
]


def moment_of(value: object, zone: str) -> datetime | None:
    """Instant of an event time: that of a day is its beginning in the zone."""
    if isinstance(value, datetime):
        return value
    if not _is_day(value):
        return None
    return datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(zone))


def _is_day(value: object) -> TypeGuard[date]:
    return isinstance(value, date)


@st.composite
def rows(draw: st.DrawFn, table: str) -> dict[str, object]:
    """One row: of one of a few keys, each of which belongs to one account."""
    kind = KINDS[table]
    number = draw(st.integers(0, kind.keys - 1))
    at, lag = draw(instants), draw(lags)
    found: dict[str, object] = {name: draw(cells) for name, cells in kind.columns.items()}
    found[kind.event] = at.date() if kind.event.endswith("date") else at
    if table == "accounts":
        found["account_id"] = ACCOUNTS[number % 3]
    elif kind.id is not None:
        found[kind.id] = f"{kind.id[0]}-{number}"
    if kind.has_account:
        found.setdefault("account_id", ACCOUNTS[number % 3])
    if isinstance(deal := found.get("opportunity_id"), int):
        # A deal of the same account, none, or (by mistake) one that may be another's.
        places = (number % 3, number % 3 + 3, None, number % 6)
        found["opportunity_id"] = None if places[deal] is None else f"o-{places[deal]}"
    if table == "contacts" and draw(st.booleans()):
        found["created_at"] = None
    found["known_at"] = None if lag is None else at + timedelta(days=lag)
    found["is_deleted"] = draw(flags)
    return found


@dataclass(frozen=True)
class Drawn:
    """Rows by table, the zone, and which columns of which tables are absent."""

    rows: Mapping[str, Rows]
    zone: str
    absent: frozenset[str] = frozenset()
    has_stages: bool = True
    has_products: bool = True

    def records(self) -> Records:
        tables: dict[str, Rows] = {
            table: [
                {name: value for name, value in row.items() if f"{table}.{name}" not in self.absent}
                for row in rows
            ]
            for table, rows in self.rows.items()
            if rows
        }
        if self.has_stages:
            tables["stages"] = STAGES
        if self.has_products and tables:
            tables["products"] = PRODUCTS
        return records(tables, timezone=self.zone, static=STATIC)


def _optional(table: str) -> list[str]:
    required = {*TABLES[table].required}
    names = {*KINDS[table].columns, "known_at", "is_deleted"} - required
    return sorted(f"{table}.{name}" for name in names)


@st.composite
def portfolios(draw: st.DrawFn, *, is_whole: bool = False) -> Drawn:
    """A portfolio of three accounts and six deals; `is_whole`: no table or column is absent."""
    zone = draw(st.sampled_from(ZONES))
    drawn = {}
    for table in KINDS:
        # Lists are short unless told: some tables are full, some thin, some empty.
        least = draw(st.sampled_from((0, 6, 6, 18)))
        drawn[table] = draw(st.lists(rows(table), min_size=least, max_size=max(14, least)))
    if is_whole:
        return Drawn(drawn, zone)
    gone = draw(st.sets(st.sampled_from(sorted(KINDS)), max_size=2))
    optional = [name for table in KINDS for name in _optional(table)]
    absent = draw(st.frozensets(st.sampled_from(optional), max_size=8))
    kept = {table: found for table, found in drawn.items() if table not in gone}
    has_stages = draw(st.booleans()) or draw(st.booleans())
    has_products = draw(st.booleans()) or draw(st.booleans())
    return Drawn(kept, zone, absent, has_stages, has_products)
