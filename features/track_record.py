"""What became of deals, as known on a day: by stage, rep, product, origin, competitor, segment?

Rates are shares of *matured* deals: opened (or, for a stage, entered) at least a horizon before the
as_of instant, won within that horizon. Counting deals already decided instead would favour the
quick ones. A rate leans on the portfolio's like `PRIOR_DEALS` more deals.

Worked example: with a horizon of 90 days, a deal opened on 2011-06-12 has matured on 2011-09-10;
one opened a day later has not, even where it is already won.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.asof import NEVER, US_PER_DAY, Instants
from features.closings import Spells
from features.events import EventSet
from features.kernel import Codes, Events, Floats, Output
from features.kernel import Statistic as S
from features.sight import Read, codes_read, last_codes

PRIOR_DEALS = 20.0
DEAL_KEYS = ("product", "lead_source", "competitor", "deal_kind")

Mask = NDArray[np.bool_]


def rates(key: Codes, is_won: Mask, n_keys: int) -> Floats:
    """Which share was won per key, leaning on the share of all, which stands last?

    All missing without a single deal; deals of no key (-1) count for all only.

    >>> rates(np.array([0, 0, -1, -1]), np.array([True, True, False, False]), 1).round(4).tolist()
    [0.5455, 0.5]
    """
    if not is_won.size:
        return np.full(n_keys + 1, np.nan)
    usual = float(is_won.mean())
    count = np.bincount(key[key >= 0], minlength=n_keys)
    wins = np.bincount(key[(key >= 0) & is_won], minlength=n_keys)
    return np.append((wins + PRIOR_DEALS * usual) / (count + PRIOR_DEALS), usual)


def _quantiles(key: Codes, values: Floats, n_keys: int, share: float) -> Floats:
    """A quantile per key, and last of all; NaN without a value."""
    groups = [values[key == code] for code in range(n_keys)]
    return np.array([np.quantile(g, share) if g.size else np.nan for g in (*groups, values)])


def _or_last(values: Floats) -> Floats:
    return np.where(np.isnan(values), values[-1], values)


@dataclass(frozen=True)
class StageEntries:
    """Entries of open deals into a stage; `left` and `closed` may be ``NEVER``.

    A move that leaves the stage as it is (a new amount, a close put off) is none. `seen` are the
    stages of all moves, those of closed deals included.
    """

    deal: Codes
    stage: Codes
    at: Instants
    left: Instants
    closed: Instants
    seen: Codes


@dataclass(frozen=True)
class TrackRecord:
    """Deals as known just before an instant; arrays by deal code.

    Attributes
    ----------
    as_of, horizon : int
        Instant, and horizon in microseconds.
    opened, closed : (n_deals,) int64
        ``NEVER`` for a deal that was not known, or not closed.
    is_won : (n_deals,) bool
    account : (n_deals,) int64
        -1 for a deal that was not known.
    first_owner, owner : (n_deals,) int64
        Who had the deal while it matured, and who has it; -1 unknown.
    keys : mapping of str to (n_deals,) int64
        Codes of `DEAL_KEYS`.
    entries : StageEntries
    """

    as_of: int
    horizon: int
    opened: Instants
    closed: Instants
    is_won: Mask
    account: Codes
    first_owner: Codes
    owner: Codes
    keys: Mapping[str, Codes]
    entries: StageEntries

    def _is_won_in_time(self, deal: Codes, start: Instants) -> Mask:
        return self.is_won[deal] & (self.closed[deal] < start + self.horizon)

    def matured_rates(self, key: Codes, n_keys: int) -> Floats:
        """Share of the matured deals of each key (and, last, of all) won within the horizon."""
        # Compared this way round, NEVER cannot overflow.
        deal = np.flatnonzero(self.opened <= self.as_of - self.horizon)
        return rates(key[deal], self._is_won_in_time(deal, self.opened[deal]), n_keys)

    def decided_rates(self, key: Codes, n_keys: int) -> Floats:
        """Share of the closed deals of each key (and, last, of all) won."""
        deal = np.flatnonzero((self.opened < NEVER) & (self.closed < NEVER))
        return rates(key[deal], self.is_won[deal], n_keys)

    def open_deals(self, n_owners: int) -> Floats:
        """How many open deals has each rep, and (last) the usual one who has any?"""
        mine = self.owner[(self.opened < NEVER) & (self.closed == NEVER) & (self.owner >= 0)]
        count = np.bincount(mine, minlength=n_owners).astype(np.float64)
        busy = count[count > 0]
        # A rep we do not know has the load of the usual one, not of all together.
        return np.append(count, np.median(busy) if busy.size else 0.0)

    def of_stages(self, n_stages: int) -> dict[str, Floats]:
        """Usual stay, share won within the horizon and days to close, per stage and for all."""
        found = self.entries
        left, closed = found.left < NEVER, found.closed < NEVER
        matured = found.at <= self.as_of - self.horizon
        is_won = self._is_won_in_time(found.deal, found.at)
        stay = (found.left[left] - found.at[left]) / US_PER_DAY
        way = (found.closed[closed] - found.at[closed]) / US_PER_DAY
        to_close = found.stage[closed]
        return {
            "usual_age_days": _quantiles(found.stage[left], stay, n_stages, 0.5),
            "win_rate": rates(found.stage[matured], is_won[matured], n_stages),
            "days_to_close": _or_last(_quantiles(to_close, way, n_stages, 0.5)),
            "days_to_close_p80": _or_last(_quantiles(to_close, way, n_stages, 0.8)),
        }


def _entities(events: Events) -> Codes:
    return np.repeat(np.arange(events.offsets.size - 1), np.diff(events.offsets))


def _visible(events: Events, as_of: int) -> Codes:
    is_known = (events.known_from < as_of) & (as_of <= events.known_until)
    return np.flatnonzero((events.at < as_of) & is_known)


def _entries(moves: Events, opened: Instants, closed: Instants, as_of: int) -> StageEntries:
    seen = _visible(moves, as_of)
    deal = _entities(moves)[seen]
    seen, deal = seen[opened[deal] < NEVER], deal[opened[deal] < NEVER]
    stages = moves.measures[moves.measure_names.index("stage"), seen].astype(np.int64)
    enters = np.ones(deal.size, dtype=bool)
    enters[1:] = (deal[1:] != deal[:-1]) | (stages[1:] != stages[:-1])
    deal, stage, at = deal[enters], stages[enters], moves.at[seen][enters]
    left = np.full(at.size, NEVER, dtype=np.int64)
    stays = deal[1:] == deal[:-1]
    left[:-1][stays] = at[1:][stays]
    is_open = at < closed[deal]
    return StageEntries(
        deal[is_open], stage[is_open], at[is_open], left[is_open], closed[deal[is_open]], stages
    )


def track_record(
    events: EventSet, spells: Spells, read: Read, as_of: int, horizon_days: int
) -> TrackRecord:
    """What became of the deals, as known on a day?

    Parameters
    ----------
    events : EventSet
        With the sources ``created`` and ``moves``.
    spells : Spells
        Of the moves.
    read : Read
        Reads at the instant.
    as_of : int
        Instant.
    horizon_days : int
        Within how many days a deal must be won to count as won.
    """
    created, moves = events.sources["created"], events.sources["moves"]
    n = len(events.deals.words)
    seen = _visible(created, as_of)
    opened = np.full(n, NEVER, dtype=np.int64)
    opened[_entities(created)[seen]] = created.at[seen]
    closed, is_won = spells.seen(as_of)
    static = last_codes(read, events.sources.get("deal_owner"), n)
    first = codes_read(read, moves, Output(S.FIRST, "owner"), n)
    last = codes_read(read, moves, Output(S.LAST, "owner"), n)
    return TrackRecord(
        as_of,
        horizon_days * US_PER_DAY,
        opened,
        closed,
        is_won,
        codes_read(read, created, Output(S.LAST, "account"), n),
        np.where(first < 0, static, first),
        np.where(last < 0, static, last),
        {name: last_codes(read, events.sources.get(name), n) for name in DEAL_KEYS},
        _entries(moves, opened, closed, as_of),
    )
