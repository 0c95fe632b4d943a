"""How do checked records become the sorted arrays that the kernel walks?

One builder per kind of event. Each says what the event is, when it happened, from when until when
each version of it counts, and which flags and measures declarations may name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from features.asof import MISSING, NEVER, US_PER_DAY, Instants, known_intervals, local_days
from features.closings import Spells, closing_spells
from features.errors import ModelError
from features.kernel import Codes, Events, Floats
from features.orders import roll_up
from features.records.contract import INTERACTION_KINDS
from features.records.folder import Portfolio, Records

pc: Any = pyarrow.compute  # the stubs refuse a Python scalar beside an array

Column: TypeAlias = Any  # an Array or a ChunkedArray: the stubs tell apart what both can do

ALWAYS = -(2**62)
"""The event time of what is known from the start."""

OUTCOMES = ("buying_signal", "objection")
"""Outcomes of an interaction that signals ask for by name."""


Present = TypeVar("Present")


@dataclass(frozen=True)
class Vocabulary:
    """Distinct texts of one kind (stages, owners, ...), and their codes by position."""

    words: tuple[str, ...]

    def code(self, column: Column) -> Codes:
        """Which code has each text? -1 where it is missing or unknown."""
        found = pc.index_in(column, value_set=pa.array(self.words, pa.string()))
        return _ints(pc.fill_null(found, -1).cast(pa.int64()))


@dataclass(frozen=True)
class EventSet:
    """All events of some records, by source.

    Attributes
    ----------
    portfolio : Portfolio
        What holds for all of them.
    accounts, deals : Vocabulary
        Ids, bytewise sorted; an entity's code is its position.
    deal_account : (n_deals,) int64
        Account of each deal.
    sources : mapping of str to Events
        Sources that exist, keyed by account or by deal as `ENTITY_OF_SOURCE` says.
    words : mapping of str to Vocabulary
        stage, owner, segment, country, product, source, competitor.
    stage_position, stage_outcome : arrays by stage code
        Place in the order of the sale (NaN unknown); 0 open, 1 won, 2 lost.
    records : Records
        Where the events came from.
    """

    portfolio: Portfolio
    accounts: Vocabulary
    deals: Vocabulary
    deal_account: Codes
    sources: Mapping[str, Events]
    words: Mapping[str, Vocabulary]
    stage_position: Floats
    stage_outcome: Codes
    records: Records


ENTITY_OF_SOURCE: Mapping[str, str] = {
    "orders": "account",
    "lines": "account",
    "invoices": "account",
    "interactions": "account",
    "contacts": "account",
    "subscriptions": "account",
    "account_deals": "account",
    "segment": "account",
    "country": "account",
    "account_owner": "account",
    "moves": "deal",
    "deal_interactions": "deal",
    "deal_outcomes": "deal",
    "created": "deal",
    "deal_owner": "deal",
    "product": "deal",
    "lead_source": "deal",
    "competitor": "deal",
}


def _ints(column: Column) -> Codes:
    return np.ascontiguousarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)


def _instants(table: pa.Table, name: str, missing: int) -> Instants:
    """Microseconds of an instant column; ``missing`` where there is none."""
    if name not in table.column_names:
        return np.full(table.num_rows, missing, dtype=np.int64)
    column = table.column(name).combine_chunks()
    if pa.types.is_date32(column.type):
        column = pc.multiply(column.cast(pa.int32()).cast(pa.int64()), US_PER_DAY)
    else:
        column = column.cast(pa.int64())
    return _ints(column.fill_null(missing))


def _numbers(table: pa.Table, name: str) -> Floats | None:
    """A number or date column as float64 (dates as days since 1970); None where it is absent."""
    if name not in table.column_names:
        return None
    column = table.column(name).combine_chunks()
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    return np.ascontiguousarray(
        column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    )


def _is(table: pa.Table, name: str, word: str) -> NDArray[np.bool_] | None:
    """Where does a column hold a word? None where it is absent."""
    if name not in table.column_names:
        return None
    return np.asarray(
        pc.fill_null(pc.equal(table.column(name), word), False).to_numpy(), dtype=bool
    )


def _required(column: Present | None) -> Present:
    """A column that the contract requires, and that checked records therefore have."""
    if column is None:
        raise ModelError("ME001", "records reached the signals unchecked", "Check them first.")
    return column


def _column(table: pa.Table, name: str) -> Column:
    if name in table.column_names:
        return table.column(name)
    return pa.nulls(table.num_rows, pa.string())


def _words(*columns: Column) -> Vocabulary:
    """Distinct texts of some columns, bytewise sorted."""
    found: set[str] = set()
    for column in columns:
        found.update(word for word in pc.unique(column).to_pylist() if word is not None)
    return Vocabulary(tuple(sorted(found, key=str.encode)))


def _fact_keys(table: pa.Table, columns: Sequence[str]) -> Codes | None:
    """Number versions of one fact alike; -1 where part of the key is missing."""
    if any(name not in table.column_names for name in columns):
        return None
    code = np.zeros(table.num_rows, dtype=np.int64)
    whole = np.ones(table.num_rows, dtype=bool)
    for name in columns:
        part = pc.dictionary_encode(table.column(name).combine_chunks())
        index = _ints(part.indices.fill_null(-1).cast(pa.int64()))
        whole &= index >= 0
        code = code * (len(part.dictionary) + 1) + index + 1
        _, code = np.unique(code, return_inverse=True)
    if code.size and np.unique(code).size == code.size:
        return None
    return np.where(whole, code, -1)


@dataclass(frozen=True)
class Versions:
    """Rows of a table with the interval in which each counts; deleted versions are gone."""

    table: pa.Table
    row: Codes
    at: Instants
    known_from: Instants
    known_until: Instants

    def take(self, rows: Codes) -> Versions:
        """Some of the rows, in the order asked for."""
        return Versions(
            self.table.take(rows), self.row[rows], self.at[rows],
            self.known_from[rows], self.known_until[rows],
        )  # fmt: skip


def _versions(
    records: Records, name: str, event_time: str | None, key: Sequence[str]
) -> Versions | None:
    """When does each row of a table count?"""
    table = records.tables.get(name)
    if table is None:
        return None
    at = (
        np.full(table.num_rows, ALWAYS, dtype=np.int64)
        if event_time is None
        else _instants(table, event_time, ALWAYS)
    )
    known_at = _instants(table, "known_at", MISSING)
    known_at = np.where(known_at == MISSING, at, known_at)
    keys = _fact_keys(table, key) if key else None
    known_from, known_until = known_intervals(keys, at, known_at)
    row = np.arange(table.num_rows, dtype=np.int64)
    if "is_deleted" in table.column_names:
        kept = ~np.asarray(pc.fill_null(table.column("is_deleted"), False).to_numpy(), dtype=bool)
        row, at, known_from, known_until = row[kept], at[kept], known_from[kept], known_until[kept]
        table = table.take(row)
    return Versions(table, row, at, known_from, known_until)


def sort_events(
    n_entities: int,
    entity: Codes,
    at: Instants,
    *,
    known_from: Instants,
    known_until: Instants,
    later: Instants | None = None,
    zone: str,
    flags: Mapping[str, NDArray[np.bool_] | None] | None = None,
    measures: Mapping[str, Floats | None] | None = None,
    record: Codes | None = None,
) -> Events:
    """Bring events into the order and form of the kernel: by entity and time, then as given.

    Events of no entity (-1) are left out, and so are flags, measures and later instants whose
    column is absent (None): what asks for them is then missing, not zero.
    """
    set_flags = {name: is_set for name, is_set in (flags or {}).items() if is_set is not None}
    read = {name: values for name, values in (measures or {}).items() if values is not None}
    order = np.lexsort((at, entity))
    order = order[np.searchsorted(entity[order], 0) :]
    bits = np.zeros(entity.size, dtype=np.int64)
    for position, is_set in enumerate(set_flags.values()):
        bits |= is_set.astype(np.int64) << position
    stacked = np.empty((len(read), order.size))
    for position, measure in enumerate(read.values()):
        stacked[position] = measure[order]
    offsets = np.searchsorted(entity[order], np.arange(n_entities + 1)).astype(np.int64)
    return Events(
        offsets,
        at[order],
        known_from[order],
        known_until[order],
        np.full(order.size, NEVER, dtype=np.int64) if later is None else later[order],
        later is not None,
        local_days(at[order], zone),
        bits[order],
        stacked,
        order.astype(np.int64) if record is None else record[order],
        tuple(set_flags),
        tuple(read),
    )


class _Builder:
    """Builds the sources of one set of records; each method is one kind of event."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.zone = records.portfolio.timezone
        tables = records.tables
        self.accounts = _words(
            *(
                table.column("account_id")
                for table in tables.values()
                if "account_id" in table.column_names
            )
        )
        self.opportunities = _versions(records, "opportunities", "created_at", ("opportunity_id",))
        self.deals = (
            Vocabulary(())
            if self.opportunities is None
            else _words(self.opportunities.table.column("opportunity_id"))
        )
        self.words = self._vocabularies()
        self.stage_position, self.stage_outcome = self._stages()
        self.deal_account = self._deal_accounts()

    def _vocabularies(self) -> dict[str, Vocabulary]:
        def column(table: str, name: str) -> Column:
            found = self.records.tables.get(table)
            return pa.nulls(0, pa.string()) if found is None else _column(found, name)

        history = self.records.tables.get("account_history")
        changed = {
            name: pa.nulls(0, pa.string())
            if history is None
            else history.filter(pc.equal(history.column("field"), name)).column("value")
            for name in ("segment", "country", "owner_id")
        }
        return {
            "stage": _words(column("stages", "stage"), column("opportunity_history", "stage")),
            "owner": _words(
                column("opportunities", "owner_id"),
                column("opportunity_history", "owner_id"),
                column("accounts", "owner_id"),
                changed["owner_id"],
            ),
            "segment": _words(column("accounts", "segment"), changed["segment"]),
            "country": _words(column("accounts", "country"), changed["country"]),
            "product": _words(
                column("orders", "product_id"), column("opportunities", "product_id")
            ),
            "lead_source": _words(column("opportunities", "source")),
            "competitor": _words(column("opportunities", "competitor")),
        }

    def _stages(self) -> tuple[Floats, Codes]:
        n = len(self.words["stage"].words)
        position, outcome = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
        table = self.records.tables.get("stages")
        if table is not None:
            code = self.words["stage"].code(table.column("stage"))
            position[code] = _required(_numbers(table, "position"))
            outcome[code[_required(_is(table, "outcome", "won"))]] = 1
            outcome[code[_required(_is(table, "outcome", "lost"))]] = 2
        return position, outcome

    def _deal_accounts(self) -> Codes:
        owner = np.full(len(self.deals.words), -1, dtype=np.int64)
        if self.opportunities is not None:
            table = self.opportunities.table
            code = self.deals.code(table.column("opportunity_id"))
            owner[code] = self.accounts.code(table.column("account_id"))
        return owner

    def _events(
        self,
        versions: Versions,
        entity: Codes,
        n_entities: int,
        *,
        later: Instants | None = None,
        flags: Mapping[str, NDArray[np.bool_] | None] | None = None,
        measures: Mapping[str, Floats | None] | None = None,
    ) -> Events:
        return sort_events(
            n_entities,
            entity,
            versions.at,
            known_from=versions.known_from,
            known_until=versions.known_until,
            later=later,
            zone=self.zone,
            flags=flags,
            measures=measures,
            record=versions.row,
        )

    def _by_account(self, versions: Versions, **parts: object) -> Events:
        entity = self.accounts.code(versions.table.column("account_id"))
        return self._events(versions, entity, len(self.accounts.words), **parts)  # type: ignore[arg-type]

    def orders(self) -> Events | None:
        """One event per order: placed at its first line, its amounts the sums of its lines."""
        lines = _versions(self.records, "orders", "ordered_at", ("order_id", "line_id"))
        if lines is None:
            return None
        account = self.accounts.code(lines.table.column("account_id"))
        order = _ranks(lines.table.column("order_id"))
        names = ("net_amount", "margin_amount", "discount_amount", "quantity")
        found = {name: _numbers(lines.table, name) for name in names}
        known = {name: values for name, values in found.items() if values is not None}
        measures = np.stack(list(known.values()))
        rolled = roll_up(
            account, order, lines.at, lines.known_from, lines.known_until, lines.row, measures
        )
        amounts = dict(zip(known, rolled.measures, strict=True))
        return sort_events(
            len(self.accounts.words),
            rolled.account,
            rolled.at,
            known_from=rolled.known_from,
            known_until=rolled.known_until,
            zone=self.zone,
            flags={
                "is_purchase": amounts["net_amount"] > 0,
                "is_credit_note": amounts["net_amount"] < 0,
            },
            measures={**amounts, "lines": rolled.lines},
            record=rolled.record,
        )

    def lines(self) -> Events | None:
        """One event per order line."""
        lines = _versions(self.records, "orders", "ordered_at", ("order_id", "line_id"))
        if lines is None or "product_id" not in lines.table.column_names:
            return None
        product = self.words["product"].code(lines.table.column("product_id")).astype(float)
        amount = _required(_numbers(lines.table, "net_amount"))
        return self._by_account(
            lines,
            flags={"is_purchase": amount > 0},
            measures={"product": np.where(product < 0, np.nan, product)},
        )

    def invoices(self) -> Events | None:
        """One event per invoice, settled when paid."""
        found = _versions(self.records, "invoices", "issued_at", ("invoice_id",))
        if found is None:
            return None
        paid = _instants(found.table, "paid_at", NEVER)
        due = _instants(found.table, "due_date", MISSING)
        # A whole day past due counts from the day after the due date.
        late = (paid - due) / US_PER_DAY - 1
        late = np.where((paid == NEVER) | (due == MISSING), np.nan, np.maximum(late, 0))
        return self._by_account(
            found,
            later=_if_present(found.table, "paid_at", paid),
            measures={"amount": _numbers(found.table, "amount"), "days_late": late},
        )

    def _interactions(self, entity: Callable[[pa.Table], Codes], n: int) -> Events | None:
        found = _versions(self.records, "interactions", "occurred_at", ("interaction_id",))
        if found is None:
            return None
        table = found.table
        resolved = _instants(table, "resolved_at", NEVER)
        is_kind = {f"is_{kind}": _required(_is(table, "kind", kind)) for kind in INTERACTION_KINDS}
        flags = {
            **is_kind,
            "is_meaningful": is_kind["is_call"] | is_kind["is_meeting"] | is_kind["is_visit"],
            "is_inbound": _is(table, "direction", "inbound"),
            "is_outbound": _is(table, "direction", "outbound"),
        }
        hours = np.where(resolved == NEVER, np.nan, (resolved - found.at) / (US_PER_DAY / 24))
        return self._events(
            found,
            entity(table),
            n,
            later=_if_present(table, "resolved_at", resolved),
            flags=flags,
            measures={
                "sentiment": _numbers(table, "sentiment"),
                "survey_score": _numbers(table, "survey_score"),
                "duration_minutes": _numbers(table, "duration_minutes"),
                "hours_to_resolve": hours,
            },
        )

    def interactions(self) -> Events | None:
        """One event per interaction of an account, settled when resolved."""
        return self._interactions(
            lambda table: self.accounts.code(table.column("account_id")), len(self.accounts.words)
        )

    def deal_interactions(self) -> Events | None:
        """One event per interaction about a deal."""
        table = self.records.tables.get("interactions")
        if table is None or "opportunity_id" not in table.column_names:
            return None
        return self._interactions(
            lambda table: self.deals.code(table.column("opportunity_id")), len(self.deals.words)
        )

    def deal_outcomes(self) -> Events | None:
        """One event per interaction about a deal whose outcome we know, known when it was."""
        found = _versions(self.records, "interactions", "occurred_at", ("interaction_id",))
        if found is None or not {"opportunity_id", "outcome"} <= set(found.table.column_names):
            return None
        table = found.table
        resolved = _instants(table, "resolved_at", NEVER)
        # What a ticket came to is known once it is resolved; what a call came to, at once, unless
        # it too was left to be resolved.
        waits = _required(_is(table, "kind", "ticket")) | _required(_is(table, "kind", "complaint"))
        at_once = (resolved == NEVER) & ~waits
        learnt = np.where(at_once, found.known_from, np.maximum(found.known_from, resolved))
        return self._events(
            replace(found, known_from=learnt),
            self.deals.code(table.column("opportunity_id")),
            len(self.deals.words),
            flags={f"has_{outcome}": _is(table, "outcome", outcome) for outcome in OUTCOMES},
        )

    def contacts(self) -> Events | None:
        """One event per contact, settled when the person left."""
        found = _versions(self.records, "contacts", "created_at", ("contact_id",))
        if found is None:
            return None
        left = _instants(found.table, "left_at", NEVER)
        left_day = np.where(left == NEVER, np.nan, left / US_PER_DAY)
        # Where nobody notes who left, everybody we know is taken to be there.
        return self._by_account(found, later=left, measures={"left_day": left_day})

    def subscriptions(self) -> Events | None:
        """One event per subscription, settled when it ended."""
        found = _versions(self.records, "subscriptions", "start_date", ("subscription_id",))
        if found is None:
            return None
        return self._by_account(
            found,
            later=_instants(found.table, "ended_at", NEVER),
            measures={
                "mrr_amount": _numbers(found.table, "mrr_amount"),
                "term_end_day": _numbers(found.table, "term_end_date"),
            },
        )

    def moves(self) -> Events | None:
        """One event per dated snapshot of a deal."""
        found = _versions(
            self.records, "opportunity_history", "changed_at",
            ("opportunity_id", "changed_at", "stage"),
        )  # fmt: skip
        if found is None or self.opportunities is None:
            return None
        table = found.table
        stage = self.words["stage"].code(table.column("stage"))
        outcome = self.stage_outcome[stage]
        has_stages = "stages" in self.records.tables
        return self._events(
            found,
            self.deals.code(table.column("opportunity_id")),
            len(self.deals.words),
            flags={"is_won": outcome == 1, "is_lost": outcome == 2, "is_closed": outcome > 0},
            measures={
                "stage": stage.astype(float),
                "position": self.stage_position[stage] if has_stages else None,
                "amount": _numbers(table, "amount"),
                "expected_close_day": _numbers(table, "expected_close_date"),
                "owner": self._codes(table, "owner_id", "owner"),
            },
        )

    def _codes(self, table: pa.Table, column: str, words: str) -> Floats | None:
        """Codes of a text column, NaN where it is missing; None where it is absent."""
        if column not in table.column_names:
            return None
        code = self.words[words].code(table.column(column)).astype(float)
        return np.where(code < 0, np.nan, code)

    def created(self) -> Events | None:
        """One event per deal: its opening, by an account."""
        found = self.opportunities
        if found is None:
            return None
        return self._events(
            found,
            self.deals.code(found.table.column("opportunity_id")),
            len(self.deals.words),
            measures={
                "account": self.accounts.code(found.table.column("account_id")).astype(float)
            },
        )

    def account_deals(self, spells: Spells) -> Events | None:
        """One event per deal of an account and spell of its state, settled when learnt closed."""
        found = self.opportunities
        if found is None:
            return None
        deal = self.deals.code(found.table.column("opportunity_id"))
        row, spell = spells.of_deals(deal)
        known_from = np.maximum(found.known_from[row], spells.since[spell])
        known_until = np.minimum(found.known_until[row], spells.until[spell])
        lasts = known_from < known_until
        row, spell = row[lasts], spell[lasts]
        versions = replace(
            found.take(row), known_from=known_from[lasts], known_until=known_until[lasts]
        )
        is_closed, is_won = spells.closed_at[spell] < NEVER, spells.is_won[spell]
        return self._by_account(
            versions,
            later=spells.learnt[spell],
            flags={"is_won": is_closed & is_won, "is_lost": is_closed & ~is_won},
        )

    def attribute(self, column: str, words: str) -> Events | None:
        """Values of an account's attribute: its history, and before it the one static value."""
        parts = [self._static_values(column, words), self._changes(column, words)]
        found = [part for part in parts if part is not None]
        if not found:
            return None
        versions = [versions for versions, _ in found]
        return sort_events(
            len(self.accounts.words),
            np.concatenate(
                [self.accounts.code(one.table.column("account_id")) for one in versions]
            ),
            np.concatenate([one.at for one in versions]),
            known_from=np.concatenate([one.known_from for one in versions]),
            known_until=np.concatenate([one.known_until for one in versions]),
            zone=self.zone,
            measures={"code": np.concatenate([code for _, code in found])},
            record=np.concatenate([one.row for one in versions]),
        )

    def _changes(self, column: str, words: str) -> tuple[Versions, Floats] | None:
        history = _versions(self.records, "account_history", "changed_at", ())
        if history is None:
            return None
        found = history.take(np.flatnonzero(_required(_is(history.table, "field", column))))
        return found, self.words[words].code(found.table.column("value")).astype(float)

    def _static_values(self, column: str, words: str) -> tuple[Versions, Floats] | None:
        found = _versions(self.records, "accounts", "created_at", ("account_id",))
        if found is None or f"accounts.{column}" not in self.records.portfolio.static:
            return None
        code = self._codes(found.table, column, words)
        return None if code is None else (found, code)

    def deal_attribute(self, column: str, words: str) -> Events | None:
        """The one value of a static attribute of each deal."""
        found = self.opportunities
        if found is None or f"opportunities.{column}" not in self.records.portfolio.static:
            return None
        return self._events(
            found,
            self.deals.code(found.table.column("opportunity_id")),
            len(self.deals.words),
            measures={"code": self._codes(found.table, column, words)},
        )


def _if_present(table: pa.Table, name: str, instants: Instants) -> Instants | None:
    """Later instants, or None where their column is absent: what is open is then not known."""
    return instants if name in table.column_names else None


def _ranks(column: Column) -> Codes:
    """Number texts in byte order: what two orders of one instant are sorted by."""
    found = pc.dictionary_encode(column.combine_chunks())
    rank = np.empty(len(found.dictionary), dtype=np.int64)
    rank[_ints(pc.sort_indices(found.dictionary).cast(pa.int64()))] = np.arange(rank.size)
    return rank[_ints(found.indices.cast(pa.int64()))]


def build_events(records: Records) -> EventSet:
    """What happened, entity by entity, in the form that the kernel walks?

    Parameters
    ----------
    records : Records
        Checked rows, in the loader's order.

    Returns
    -------
    EventSet
        Sources whose tables exist; the others are absent and their signals unavailable.
    """
    build = _Builder(records)
    moves = build.moves()
    sources = {
        "orders": build.orders(),
        "lines": build.lines(),
        "invoices": build.invoices(),
        "interactions": build.interactions(),
        "contacts": build.contacts(),
        "subscriptions": build.subscriptions(),
        "account_deals": build.account_deals(closing_spells(moves)) if moves is not None else None,
        "segment": build.attribute("segment", "segment"),
        "country": build.attribute("country", "country"),
        "account_owner": build.attribute("owner_id", "owner"),
        "moves": moves,
        "deal_interactions": build.deal_interactions(),
        "deal_outcomes": build.deal_outcomes(),
        "created": build.created(),
        "deal_owner": build.deal_attribute("owner_id", "owner"),
        "product": build.deal_attribute("product_id", "product"),
        "lead_source": build.deal_attribute("source", "lead_source"),
        "competitor": build.deal_attribute("competitor", "competitor"),
    }
    return EventSet(
        records.portfolio,
        build.accounts,
        build.deals,
        build.deal_account,
        {name: events for name, events in sources.items() if events is not None},
        build.words,
        build.stage_position,
        build.stage_outcome,
        records,
    )
