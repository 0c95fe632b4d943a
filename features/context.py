"""What did the rest of the portfolio look like on a day?

Everything a signal needs from *other* entities (an owner's win rate, the usual age of a stage, a
segment's usual gap) is computed here per as_of_date, by the same kernel keyed by owner, stage or
segment, from what was known before that date. A score names the context it was made with.

Rates are shares of *matured* deals: opened (or, for a stage, entered) at least a horizon before the
as_of instant, won within that horizon. Counting deals already decided instead would favour the
quick ones. A rate leans on the portfolio's like `PRIOR_DEALS` more deals.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from features.asof import NEVER, US_PER_DAY, Instants, day_of, instant
from features.events import EventSet, sort_events
from features.kernel import Codes, Events, Floats, Output, State, compile_program, run
from features.kernel import Statistic as S

PRIOR_DEALS = 20.0
PORTFOLIO = ""
"""Key of the row that holds for the whole portfolio, and for any key that is not known."""

_PEER_ACTIVITY_DAYS = 365


@dataclass(frozen=True)
class ContextTable:
    """Values per key; the row ``PORTFOLIO`` answers for unknown keys.

    Attributes
    ----------
    values : mapping of str to mapping of str to float
        Key -> name -> value; NaN where nothing is known yet.
    """

    values: Mapping[str, Mapping[str, float]]

    def get(self, key: str | None, name: str) -> float:
        """Which value holds for a key; the portfolio's when the key is unknown."""
        row = self.values.get(key or PORTFOLIO) or self.values.get(PORTFOLIO, {})
        return row.get(name, float("nan"))


@dataclass(frozen=True)
class Context:
    """What a row's signals may know of other entities on its day.

    Attributes
    ----------
    as_of : int
        Instant; only what was known before it went in.
    horizon_days : int
        Horizon of the win rates.
    tables : mapping of str to ContextTable
        stage, owner, product, lead_source, competitor, segment: what features look up.
    peers : mapping of str to mapping of str to float
        Segment -> feature -> median, and ``PORTFOLIO`` for all: what reasons compare with.
    scales : mapping of str to tuple of float
        Quartiles of the probability per model, and the money scale of the priority formula.
    """

    as_of: int
    horizon_days: int
    tables: Mapping[str, ContextTable]
    peers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    scales: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def as_of_date(self) -> date:
        """Day of the context."""
        return day_of(self.as_of)

    def to_json(self) -> str:
        """The context as canonical JSON: equal contexts give equal text. NaN is null."""
        body = {
            "as_of": self.as_of_date.isoformat(),
            "horizon_days": self.horizon_days,
            "tables": {
                name: {key: _nulls(row) for key, row in table.values.items()}
                for name, table in self.tables.items()
            },
            "peers": {key: _nulls(row) for key, row in self.peers.items()},
            "scales": {name: list(values) for name, values in self.scales.items()},
        }
        return json.dumps(body, sort_keys=True, ensure_ascii=False, allow_nan=False)

    @property
    def version(self) -> str:
        """First 12 digits of the sha256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]


def context_from_json(text: str) -> Context:
    """Read back what `Context.to_json` wrote."""
    body = json.loads(text)
    return Context(
        instant(date.fromisoformat(body["as_of"])),
        body["horizon_days"],
        {
            name: ContextTable({key: _nans(row) for key, row in table.items()})
            for name, table in body["tables"].items()
        },
        {key: _nans(row) for key, row in body["peers"].items()},
        {name: tuple(values) for name, values in body["scales"].items()},
    )


def _nulls(row: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else float(value) for name, value in row.items()}


def _nans(row: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float("nan") if value is None else value for name, value in row.items()}


def _read(events: Events, outputs: Sequence[Output], as_of: int) -> Floats:
    """Read outputs for every entity of some events at one instant; (n_entities, n_outputs)."""
    n = events.offsets.size - 1
    out = np.full((n, len(outputs)), np.nan)
    program = compile_program(events, dict(enumerate(outputs)), len(outputs))
    run(events, program, np.arange(n, dtype=np.int64), np.full(n, as_of, dtype=np.int64), out)
    return out


def _last_code(events: Events | None, n: int, as_of: int) -> Codes:
    """Code of an attribute of each entity as it was known; -1 where it was not."""
    if events is None:
        return np.full(n, -1, dtype=np.int64)
    last = _read(events, [Output(S.LAST, "code")], as_of)[:, 0]
    return np.where(np.isnan(last), -1, last).astype(np.int64)


def shrunken(mean: Floats, count: Floats, usual: float) -> Floats:
    """Which rate may be believed, leaning on the usual one like `PRIOR_DEALS` more deals?"""
    wins = np.where(count > 0, mean * count, 0.0)
    return np.asarray((wins + PRIOR_DEALS * usual) / (count + PRIOR_DEALS))


def _rekeyed(
    key: Codes,
    n_keys: int,
    at: Instants,
    *,
    later: Instants | None = None,
    known_until: Instants,
    measures: Mapping[str, Floats],
) -> Events:
    """Events of deals, keyed by something else (stage, owner, ...) and by all (the last key)."""
    everyone = np.full(key.size, n_keys, dtype=np.int64)

    def twice(values):  # type: ignore[no-untyped-def]
        return np.concatenate((values, values))

    return sort_events(
        n_keys + 1,
        np.concatenate((key, everyone)),
        twice(at),
        known_from=twice(at),
        known_until=twice(known_until),
        later=None if later is None else twice(later),
        zone="UTC",
        measures={name: twice(values) for name, values in measures.items()},
    )


@dataclass(frozen=True)
class _StageEntries:
    deal: Codes
    stage: Codes
    at: Instants
    known_from: Instants
    known_until: Instants
    left: Instants


@dataclass(frozen=True)
class _StageEvents:
    stays: Events
    matured: Events
    ways: Events


def _days(start: Instants, end: Instants) -> Floats:
    """Days between two instants; NaN where the second does not come."""
    return np.where(end == NEVER, np.nan, (end - start) / US_PER_DAY)


class ContextMaker:
    """Makes the contexts of one portfolio for any number of dates.

    Parameters
    ----------
    events : EventSet
        All events of the portfolio.
    horizon_days : int
        Within how many days a deal must be won to count as won.
    """

    def __init__(self, events: EventSet, horizon_days: int) -> None:
        self.events = events
        self.horizon_days = horizon_days
        self._closed, self._won = self._closings()
        self._stages = self._stage_events()
        self._by_deal_key = {
            name: self._matured_deals(name)
            for name in ("owner", "product", "lead_source", "competitor", "segment")
        }

    def make(self, as_of: int) -> Context:
        """Make the context of one instant."""
        tables = {"stage": self._stage(as_of), "segment": self._segment(as_of)}
        for name in ("owner", "product", "lead_source", "competitor"):
            tables[name] = self._deal_key(name, as_of)
        return Context(as_of, self.horizon_days, tables)

    def _closings(self) -> tuple[Instants, Floats]:
        n = len(self.events.deals.words)
        closed, won = np.full(n, NEVER, dtype=np.int64), np.zeros(n)
        moves = self.events.sources.get("moves")
        if moves is not None:
            bit = moves.flag_names.index("is_closed")
            rows = np.flatnonzero((moves.flags >> bit) & 1)
            deal = np.repeat(np.arange(n), np.diff(moves.offsets))[rows]
            deal, first = np.unique(deal, return_index=True)
            closed[deal] = moves.at[rows[first]]
            won[deal] = (moves.flags[rows[first]] >> moves.flag_names.index("is_won")) & 1
        return closed, won

    def _stage_entries(self) -> _StageEntries | None:
        """Entries into a stage by deals that were still open, in the order of the moves."""
        moves = self.events.sources.get("moves")
        if moves is None:
            return None
        deal = np.repeat(np.arange(len(self.events.deals.words)), np.diff(moves.offsets))
        left = np.full(moves.at.size, NEVER, dtype=np.int64)
        stays = deal[1:] == deal[:-1]
        left[:-1][stays] = moves.known_from[1:][stays]
        is_open = moves.at < self._closed[deal]
        stage = moves.measures[moves.measure_names.index("stage")].astype(np.int64)
        return _StageEntries(
            deal[is_open], stage[is_open], moves.at[is_open], moves.known_from[is_open],
            moves.known_until[is_open], left[is_open],
        )  # fmt: skip

    def _stage_events(self) -> _StageEvents | None:
        """Entries keyed by stage: settled on leaving, dated at maturity, settled on closing."""
        found = self._stage_entries()
        if found is None:
            return None
        n = len(self.events.words["stage"].words)

        def keyed(at: Instants, later: Instants | None, name: str, values: Floats) -> Events:
            return _rekeyed(
                found.stage, n, at, later=later, known_until=found.known_until,
                measures={name: values},
            )  # fmt: skip

        closed = self._closed[found.deal]
        return _StageEvents(
            keyed(found.known_from, found.left, "days", _days(found.at, found.left)),
            keyed(
                found.known_from + self.horizon_days * US_PER_DAY, None, "won",
                self._won_within_horizon(found.deal, found.known_from),
            ),
            keyed(found.known_from, closed, "days", _days(found.at, closed)),
        )  # fmt: skip

    def _won_within_horizon(self, deal: Codes, start: Instants) -> Floats:
        end = start + self.horizon_days * US_PER_DAY
        return np.where((self._won[deal] == 1) & (self._closed[deal] < end), 1.0, 0.0)

    def _deal_codes(self, name: str) -> Codes:
        """Which owner, product, ... has each deal (-1 unknown)?"""
        n = len(self.events.deals.words)
        source = {"owner": "deal_owner"}.get(name, name)
        if name == "segment":
            account = _last_code(
                self.events.sources.get("segment"), len(self.events.accounts.words), NEVER - 1
            )
            return account[self.events.deal_account]
        code = _last_code(self.events.sources.get(source), n, NEVER - 1)
        moves = self.events.sources.get("moves")
        if name == "owner" and moves is not None:
            # The first rep named in the history: the one who had the deal while it matured.
            first = _read(moves, [Output(S.FIRST, "owner")], NEVER - 1)[:, 0]
            code = np.where(np.isnan(first), code, first).astype(np.int64)
        return code

    def _matured_deals(self, name: str) -> tuple[Events, Events] | None:
        """Deals by key: dated when matured, and dated when opened (settled when closed)."""
        created = self.events.sources.get("created")
        if created is None or "moves" not in self.events.sources:
            return None
        deal = np.repeat(np.arange(len(self.events.deals.words)), np.diff(created.offsets))
        key = self._deal_codes(name)[deal]
        n_keys = len(self.events.words[name].words)
        matured = created.known_from + self.horizon_days * US_PER_DAY
        won = self._won_within_horizon(deal, created.known_from)
        decided = np.where(self._closed[deal] == NEVER, np.nan, self._won[deal])
        return (
            _rekeyed(key, n_keys, matured, known_until=created.known_until, measures={"won": won}),
            _rekeyed(
                key, n_keys, created.known_from, later=self._closed[deal],
                known_until=created.known_until, measures={"won": decided},
            ),
        )  # fmt: skip

    def _stage(self, as_of: int) -> ContextTable:
        words = self.events.words["stage"].words
        if self._stages is None:
            return _table((), {"win_rate": np.array([np.nan])})
        age = _read(self._stages.stays, [Output(S.MEDIAN, "days", state=State.SETTLED)], as_of)[:, 0]
        mean, count = _read(
            self._stages.matured, [Output(S.MEAN, "won"), Output(S.COUNT)], as_of
        ).T
        settled = State.SETTLED
        median, p80 = _read(
            self._stages.ways,
            [Output(S.MEDIAN, "days", state=settled), Output(S.P80, "days", state=settled)],
            as_of,
        ).T
        return _table(
            words,
            {
                "usual_age_days": age,
                "win_rate": _rates(mean, count),
                "days_to_close": _or_last(median),
                "days_to_close_p80": _or_last(p80),
            },
        )

    def _deal_key(self, name: str, as_of: int) -> ContextTable:
        sources = self._by_deal_key[name]
        if sources is None:
            return _table((), {"win_rate": np.array([np.nan])})
        matured, opened = sources
        mean, count = _read(matured, [Output(S.MEAN, "won"), Output(S.COUNT)], as_of).T
        is_open = _read(opened, [Output(S.COUNT, state=State.OPEN)], as_of)[:, 0]
        if name == "owner":
            # A rep we do not know has the load of the usual one, not of all together.
            busy = is_open[:-1][is_open[:-1] > 0]
            is_open[-1] = np.median(busy) if busy.size else 0.0
        return _table(
            self.events.words[name].words,
            {"win_rate": _rates(mean, count), "open_deals": is_open},
        )

    def _segment(self, as_of: int) -> ContextTable:
        words = self.events.words["segment"].words
        values = {"usual_gap_days": self._usual_gaps(as_of)}
        sources = self._by_deal_key["segment"]
        if sources is not None:
            mean, count = _read(
                sources[1],
                [Output(S.MEAN, "won", state=State.SETTLED),
                 Output(S.COUNT, "won", state=State.SETTLED)],
                as_of,
            ).T  # fmt: skip
            values["decided_win_rate"] = _rates(mean, count)
        return _table(words, values | self._money(as_of))

    def _account_segments(self, as_of: int) -> Codes:
        events = self.events
        return _last_code(events.sources.get("segment"), len(events.accounts.words), as_of)

    def _money(self, as_of: int) -> dict[str, Floats]:
        """Margin rate, and quantiles of what may be at stake, per segment and (last) for all.

        At stake are the trailing 365 days of every account that bought (margin where margins are
        known, revenue else) and the margin of every open deal: one scale for every kind of action.
        """
        n = len(self.events.words["segment"].words)
        segment = self._account_segments(as_of)
        revenue, margin = self._trailing(as_of)
        rate = _by_segment(segment, n, lambda own: _margin_rate(revenue[own], margin[own]))
        rate = _or_last(rate)
        known = rate[np.where(segment < 0, n, segment)]
        value = np.where(np.isnan(known), revenue, revenue * known)
        deal, amount = self._open_amounts(as_of)
        account = self.events.deal_account[deal]
        deal_rate = known[account]
        amount = np.where(np.isnan(deal_rate), amount, amount * deal_rate)
        stake = np.concatenate((value, amount))
        member = np.concatenate((segment, segment[account]))
        is_real = stake > 0
        stake, member = stake[is_real], member[is_real]
        return {
            "margin_rate": rate,
            "stake_median": _by_segment(member, n, lambda own: _quantile(stake[own], 0.5)),
            "stake_p95": _by_segment(member, n, lambda own: _quantile(stake[own], 0.95)),
        }

    def _trailing(self, as_of: int) -> tuple[Floats, Floats]:
        """Net revenue and margin of each account over 365 days; NaN where margins are unknown."""
        orders = self.events.sources.get("orders")
        nothing = np.zeros(len(self.events.accounts.words))
        if orders is None:
            return nothing, np.full(nothing.size, np.nan)
        window = float(_PEER_ACTIVITY_DAYS)
        revenue = _read(orders, [Output(S.SUM, "net_amount", window_days=window)], as_of)[:, 0]
        if "margin_amount" not in orders.measure_names:
            return revenue, np.full(revenue.size, np.nan)
        return revenue, _read(orders, [Output(S.SUM, "margin_amount", window_days=window)], as_of)[
            :, 0
        ]

    def _open_amounts(self, as_of: int) -> tuple[Codes, Floats]:
        """Amounts of the deals that are open."""
        moves = self.events.sources.get("moves")
        if moves is None:
            return np.empty(0, dtype=np.int64), np.empty(0)
        if "amount" not in moves.measure_names:
            return np.empty(0, dtype=np.int64), np.empty(0)
        amount, closed = _read(
            moves, [Output(S.LAST, "amount"), Output(S.COUNT, where=("is_closed",))], as_of
        ).T
        deal = np.flatnonzero((closed == 0) & (amount > 0))
        return deal, amount[deal]

    def _usual_gaps(self, as_of: int) -> Floats:
        """Median over accounts of their median gap, per segment and (last) for all."""
        n_segments = len(self.events.words["segment"].words)
        usual = np.full(n_segments + 1, np.nan)
        orders = self.events.sources.get("orders")
        if orders is None:
            return usual
        gap, age = _read(
            orders,
            [Output(S.GAP_MEDIAN, where=("is_purchase",)),
             Output(S.AGE_LAST, where=("is_purchase",))],
            as_of,
        ).T  # fmt: skip
        segment = self._account_segments(as_of)
        known = ~np.isnan(gap) & (age <= _PEER_ACTIVITY_DAYS)
        if not known.any():
            return usual
        usual[-1] = np.median(gap[known])
        for code in range(n_segments):
            own = gap[known & (segment == code)]
            # A thin segment leans on the portfolio.
            weight = own.size / (own.size + PRIOR_DEALS)
            middle = np.median(own) if own.size else 0.0
            usual[code] = weight * middle + (1.0 - weight) * usual[-1]
        return usual


def _rates(mean: Floats, count: Floats) -> Floats:
    """Shrink each key's rate towards the last one, the portfolio's."""
    if not count[-1] > 0:
        return np.full(mean.size, np.nan)
    rates = shrunken(mean, count, float(mean[-1]))
    rates[-1] = mean[-1]
    return rates


def _by_segment(
    segment: Codes, n: int, value: Callable[[NDArray[np.bool_]], float]
) -> Floats:
    """A value per segment, and last for all."""
    found = [value(segment == code) for code in range(n)]
    return np.array([*found, value(np.ones(segment.size, dtype=bool))])


def _margin_rate(revenue: Floats, margin: Floats) -> float:
    known = ~np.isnan(margin)
    total = float(revenue[known].sum())
    return float(margin[known].sum() / total) if total > 0 else float("nan")


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share)) if values.size else float("nan")


def _or_last(values: Floats) -> Floats:
    """The portfolio's value (the last) where a key has none."""
    return np.where(np.isnan(values), values[-1], values)


def _table(words: tuple[str, ...], columns: Mapping[str, Floats]) -> ContextTable:
    keys = (*words, PORTFOLIO)
    return ContextTable(
        {
            key: {name: float(values[row]) for name, values in columns.items()}
            for row, key in enumerate(keys)
        }
    )
