"""Which tables and columns may a portfolio have, and what does each mean?

The whole contract is data: a reader (person or program) finds every table, column, kind, rule and
violation code here, and nowhere else. ``checking.py`` applies it to rows.

Worked example used through the package: account 17850 places order 536365 on 2010-12-01 08:26;
seen from the as_of_date 2011-09-10, the order is 282.65 days old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["id", "text", "code", "number", "instant", "date", "flag"]
"""id, text, code: text; number: float64; instant: timestamp[us, UTC]; date: date32; flag: bool."""

INTERACTION_KINDS = (
    "call", "email", "meeting", "visit", "ticket", "complaint",
    "survey", "web", "proposal_viewed", "campaign", "other",
)  # fmt: skip
OPPORTUNITY_KINDS = ("new", "expansion", "renewal")
STAGE_OUTCOMES = ("open", "won", "lost")
DIRECTIONS = ("inbound", "outbound")
ARMS = ("treated", "held_out")


@dataclass(frozen=True)
class Column:
    """One column of a contract table.

    Attributes
    ----------
    name : str
        Name; the suffix tells the unit (``_at`` an instant, ``_date`` a day).
    kind : str
        One of `Kind`.
    meaning : str
        One line for people.
    required : bool
        True for the columns in bold in the contract: a table without it is refused, and so is a
        row without a value in it.
    words : tuple of str
        The only values allowed; empty when free.
    low, high : float or None
        Closed bounds of a number.
    is_plan : bool
        True when the value may lie in the future (due dates, ends of term, quotas).
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    is_plan: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the contract.

    Attributes
    ----------
    name : str
        Name of the table, and of its file.
    meaning : str
        One line for people.
    columns : tuple of Column
        Every column allowed, `known_at` and `is_deleted` included.
    key : tuple of str
        Columns that name one fact: of several rows with one key, the latest known counts. Empty
        for append-only tables whose every row is a fact of its own.
    event_time : str or None
        Column that says when the fact happened; None when known from the start.
    decides : mapping of str to tuple of str
        Later instants of a row and the columns they decide: all missing until the instant comes.
    mutable : tuple of str
        Columns that an export overwrites: used only with history, or when listed as static.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    event_time: str | None = None
    decides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mutable: tuple[str, ...] = ()

    def column(self, name: str) -> Column | None:
        """Find a column by name; None when the contract has none."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that no row may miss."""
        return tuple(column.name for column in self.columns if column.required)


_KNOWN_AT = Column("known_at", "instant", "when our side learned it; default: its own event time")
_IS_DELETED = Column("is_deleted", "flag", "true when this version withdraws the row")


def _id(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "id", meaning, required)


def _text(
    name: str, meaning: str, words: tuple[str, ...] = (), *, required: bool = False
) -> Column:
    return Column(name, "code" if words else "text", meaning, required, words)


def _number(
    name: str,
    meaning: str,
    *,
    required: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Column:
    return Column(name, "number", meaning, required, (), low, high)


def _at(name: str, meaning: str, *, required: bool = False, is_plan: bool = False) -> Column:
    return Column(name, "instant", meaning, required, is_plan=is_plan)


def _date(name: str, meaning: str, *, required: bool = False, is_plan: bool = False) -> Column:
    return Column(name, "date", meaning, required, is_plan=is_plan)


def _flag(name: str, meaning: str) -> Column:
    return Column(name, "flag", meaning)


def _table(
    name: str,
    meaning: str,
    *columns: Column,
    key: tuple[str, ...] = (),
    event_time: str | None = None,
    decides: Mapping[str, tuple[str, ...]] | None = None,
    mutable: tuple[str, ...] = (),
) -> Table:
    return Table(
        name, meaning, (*columns, _KNOWN_AT, _IS_DELETED), key, event_time, decides or {}, mutable
    )


_ALL = (
    _table(
        "accounts",
        "companies that buy or may buy",
        _id("account_id", "the account", required=True),
        _text("name", "name of the company"),
        _text("segment", "segment it is managed in"),
        _text("industry", "industry"),
        _text("country", "country"),
        _at("created_at", "when it entered our records"),
        _id("owner_id", "the rep who owns it"),
        _text("acquisition_channel", "where it came from"),
        _id("parent_account_id", "the account it belongs to"),
        _number("employees", "head count", low=0),
        _number("potential_revenue", "what it could buy from us in a year", low=0),
        _number("wallet_revenue", "what it spends in a year on what we sell", low=0),
        _number("service_cost_annual", "what serving it costs in a year", low=0),
        _flag("is_natural_person", "true for a sole trader: rules on natural persons apply"),
        _flag("consent_marketing", "true when campaigns may be sent"),
        key=("account_id",),
        event_time="created_at",
        mutable=(
            "segment", "industry", "country", "owner_id", "acquisition_channel",
            "parent_account_id", "employees", "potential_revenue", "wallet_revenue",
            "service_cost_annual",
        ),
    ),
    _table(
        "account_history",
        "changes of an account's attributes, append-only",
        _id("account_id", "the account", required=True),
        _at("changed_at", "when the value became true", required=True),
        _text("field", "column of accounts that changed", required=True),
        _text("value", "the new value, as text", required=True),
        event_time="changed_at",
    ),
    _table(
        "contacts",
        "people at the account",
        _id("contact_id", "the person", required=True),
        _id("account_id", "the account", required=True),
        _text("name", "name"),
        _text("role", "role"),
        _at("created_at", "when we came to know the person"),
        _at("left_at", "when the person left"),
        _flag("consent_marketing", "true when campaigns may be sent"),
        key=("contact_id",),
        event_time="created_at",
        decides={"left_at": ()},
    ),
    _table(
        "orders",
        "order lines; lines of one order_id make one order",
        _id("order_id", "the order", required=True),
        _id("account_id", "the account", required=True),
        _at("ordered_at", "when it was placed", required=True),
        _number("net_amount", "net amount of the line; negative for a credit note", required=True),
        _id("line_id", "the line within its order"),
        _id("product_id", "the product"),
        _number("quantity", "units"),
        _text("currency", "currency of the amounts; default: the portfolio's"),
        _number("margin_amount", "margin of the line"),
        _number("discount_amount", "discount given on the line"),
        _at("delivered_at", "when it was delivered"),
        key=("order_id", "line_id"),
        event_time="ordered_at",
        decides={"delivered_at": ()},
    ),
    _table(
        "invoices",
        "what was billed, and when it was paid",
        _id("invoice_id", "the invoice", required=True),
        _id("account_id", "the account", required=True),
        _at("issued_at", "when it was issued", required=True),
        _date("due_date", "when it is due", required=True, is_plan=True),
        _number("amount", "amount, in portfolio currency", required=True),
        _at("paid_at", "when it was paid"),
        key=("invoice_id",),
        event_time="issued_at",
        decides={"paid_at": ()},
    ),
    _table(
        "interactions",
        "calls, mails, meetings, tickets, complaints and the like",
        _id("interaction_id", "the interaction", required=True),
        _id("account_id", "the account", required=True),
        _at("occurred_at", "when it happened", required=True),
        _text("kind", "what it was", INTERACTION_KINDS, required=True),
        _text("direction", "who began it", DIRECTIONS),
        _text("outcome", "what came of it, coded: objection, buying_signal, answered, ..."),
        _number("sentiment", "tone, from -1 (bad) to 1 (good)", low=-1, high=1),
        _number("survey_score", "answer to 'would you recommend us', 0 to 10", low=0, high=10),
        _text("status", "where it stands"),
        _at("due_at", "when it must be dealt with", is_plan=True),
        _at("resolved_at", "when it was dealt with"),
        _id("contact_id", "the person"),
        _id("opportunity_id", "the deal it was about"),
        _id("owner_id", "who of ours"),
        _number("duration_minutes", "how long", low=0),
        key=("interaction_id",),
        event_time="occurred_at",
        decides={"resolved_at": ("status", "outcome")},
    ),
    _table(
        "opportunities",
        "possible sales",
        _id("opportunity_id", "the deal", required=True),
        _id("account_id", "the account", required=True),
        _at("created_at", "when it was opened", required=True),
        _text("name", "name"),
        _id("owner_id", "the rep who works it"),
        _text("kind", "new business, expansion or renewal", OPPORTUNITY_KINDS),
        _text("source", "where it came from"),
        _id("product_id", "what is sold"),
        _text("competitor", "who else is in it"),
        key=("opportunity_id",),
        event_time="created_at",
        mutable=("owner_id", "kind", "source", "product_id", "competitor"),
    ),
    _table(
        "opportunity_history",
        "dated snapshots of a deal's stage, amount and expected close, append-only",
        _id("opportunity_id", "the deal", required=True),
        _at("changed_at", "when it changed", required=True),
        _text("stage", "stage from then on", required=True),
        _number("amount", "amount from then on, in portfolio currency"),
        _date("expected_close_date", "expected close from then on", is_plan=True),
        _id("owner_id", "who works it from then on"),
        event_time="changed_at",
    ),
    _table(
        "stages",
        "the stages of a sale, in order",
        _text("stage", "the stage", required=True),
        _number("position", "place in the order, from 0", required=True, low=0),
        _text("outcome", "open, won or lost", STAGE_OUTCOMES, required=True),
        key=("stage",),
    ),
    _table(
        "subscriptions",
        "contracts that run until they end",
        _id("subscription_id", "the contract", required=True),
        _id("account_id", "the account", required=True),
        _date("start_date", "first day", required=True),
        _date("term_end_date", "end of the current term", is_plan=True),
        _at("cancelled_at", "when notice was given"),
        _at("ended_at", "when it ended"),
        _number("mrr_amount", "monthly amount, in portfolio currency", low=0),
        _id("product_id", "what is subscribed to"),
        key=("subscription_id",),
        event_time="start_date",
        decides={"cancelled_at": (), "ended_at": ()},
    ),
    _table(
        "account_events",
        "what happened at the account: new role, growth, funding, project, move, ...",
        _id("account_id", "the account", required=True),
        _at("occurred_at", "when it happened", required=True),
        _text("kind", "what happened", required=True),
        _text("text", "in words"),
        event_time="occurred_at",
    ),
    _table(
        "actions",
        "what was done with our advice",
        _id("action_id", "the action", required=True),
        _id("account_id", "the account", required=True),
        _text("play", "which play", required=True),
        _at("assigned_at", "when it was given to a rep", required=True),
        _id("opportunity_id", "the deal"),
        _id("owner_id", "the rep"),
        _text("arm", "treated, or held out to measure the effect", ARMS),
        _number("propensity", "chance of being treated", low=0, high=1),
        _at("done_at", "when it was done"),
        _text("outcome", "what came of it"),
        key=("action_id",),
        event_time="assigned_at",
        decides={"done_at": ("outcome",)},
    ),
    _table(
        "owners",
        "the reps",
        _id("owner_id", "the rep", required=True),
        _text("name", "name"),
        _text("team", "team"),
        _number("weekly_hours", "hours for customers in a week", low=0, high=168),
        key=("owner_id",),
    ),
    _table(
        "quotas",
        "what must be sold in a period",
        _date("period_start", "first day", required=True, is_plan=True),
        _date("period_end", "day after the last", required=True, is_plan=True),
        _number("amount", "target, in portfolio currency", required=True, low=0),
        _id("owner_id", "the rep; empty for all"),
        _text("segment", "the segment; empty for all"),
        key=("period_start", "period_end", "owner_id", "segment"),
    ),
    _table(
        "products",
        "what we sell",
        _id("product_id", "the product", required=True),
        _text("name", "name"),
        _text("category", "category"),
        _number("margin_rate", "margin over net amount", low=-1, high=1),
        key=("product_id",),
    ),
    _table(
        "fx_rates",
        "how much portfolio currency one unit of another is worth on a day",
        _date("date", "the day", required=True),
        _text("currency", "the other currency", required=True),
        _number("rate", "portfolio currency per unit", required=True, low=0),
        key=("date", "currency"),
    ),
    _table(
        "channel_costs",
        "what acquiring by a channel cost in a period",
        _date("period_start", "first day", required=True),
        _date("period_end", "day after the last", required=True, is_plan=True),
        _text("acquisition_channel", "the channel", required=True),
        _number("amount", "cost, in portfolio currency", required=True, low=0),
        key=("period_start", "period_end", "acquisition_channel"),
    ),
)  # fmt: skip

TABLES: Mapping[str, Table] = {table.name: table for table in _ALL}

CORE_TABLES = ("orders", "opportunities", "subscriptions")
"""A portfolio needs one of these; accounts are derived from their ids when not given."""

VIOLATIONS: Mapping[str, str] = {
    "CT001": "a table that the contract does not have",
    "CT002": "none of orders, opportunities and subscriptions is there",
    "CT003": "a table lacks a column that it needs",
    "CT004": "a column that the contract does not have",
    "CT005": "a source file is missing or cannot be read",
    "CT006": "an expression of the mapping does not run",
    "CT007": "no valid row is left in a table",
    "CT010": "a value is missing where one is needed",
    "CT011": "text was expected",
    "CT012": "a number is not finite",
    "CT013": "an instant or a day was expected",
    "CT014": "a number was expected",
    "CT015": "a number lies outside its bounds",
    "CT016": "a word that is not in the list",
    "CT017": "the row is dated after now",
    "CT018": "true or false was expected",
    "CT019": "two rows of one request carry the same key",
    "CT020": "a row points to a deal that is not there",
    "CT021": "two types of value in one column",
    "CT022": "close needs opportunity_history: a current state carries the outcome into the past",
    "CT023": "a text holds the character NUL",
}
"""Every violation code, with what it means; each has a line in docs/errors.md."""
