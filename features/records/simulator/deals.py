"""Which deals are opened, how do they move, and how do they end?

On every day after its creation an open deal is first won, lost or neither, by the state it woke
up in: the odds against staying open are exp(base + z) for winning and exp(base - z / 2) for losing,
z being the sum of its causes. If it stays open its stage, activity and expected close then move,
each by its own chance. So the true chance of winning depends on the past through that state alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.records.simulator.accounts import Accounts
from features.records.simulator.clock import NEVER, Flags, Floats, Ints
from features.records.simulator.settings import CLOSE_CAUSES, SimulatorSettings

STAGES = ("qualified", "discovery", "proposal", "negotiation", "won", "lost")
N_OPEN_STAGES = 4
WON, LOST = 4, 5
KINDS = ("new", "expansion", "renewal")
SOURCES = ("referral", "partner", "web", "event", "prospecting")
COMPETITORS = ("Équipro", "Northway Supplies", "Distrimax")

STALE_DAYS = 30
"""Days in one stage from which a deal counts as stale."""

ADVANCES_PER_DAY = 1 / 18
WAKES_PER_DAY, TIRES_PER_DAY = 1 / 25, 1 / 35
SLIPS_PER_DAY = 1 / 70
WIN_ODDS_PER_DAY, LOSE_ODDS_PER_DAY = 0.0040, 0.0072
STAGE_LOG_ODDS = np.array([-0.7, -0.2, 0.3, 0.8])
_SOURCE_LOG_ODDS = np.array([0.5, 0.3, 0.0, -0.1, -0.4])
_KIND_LOG_ODDS = np.array([-0.2, 0.0, 0.6])
_SEGMENT_AMOUNTS = np.array([45_000.0, 15_000.0, 5_000.0, 20_000.0])
_DEALS_PER_YEAR = 0.65
_TOUCHES_PER_DAY = np.array([1 / 60, 1 / 8])
_LOG_AMOUNT_MEAN, _LOG_AMOUNT_SD = np.log(10_500.0), 1.1
_CAUSES = {cause.name: cause for cause in CLOSE_CAUSES}

_Columns = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Openings:
    """Deals as they were opened, by day.

    Attributes
    ----------
    account, created, kind, source, competitor : ndarray of int
        Whose, on which day, and positions in the lists of words; competitor is -1 for none.
    amount : ndarray
        First amount, in euros.
    expected : ndarray of int
        First expected day of closing.
    skill : ndarray
        Skill of the owner, in standard deviations.
    """

    account: Ints
    created: Ints
    kind: Ints
    source: Ints
    competitor: Ints
    amount: Floats
    expected: Ints
    skill: Floats


@dataclass(frozen=True)
class Deals:
    """All deals and what became of them.

    Attributes
    ----------
    openings : Openings
        The deals; the frames name them by their position here.
    closed : ndarray of int
        Day of the outcome, NEVER while open.
    is_won : ndarray of bool
        Whether that outcome is a win.
    changes : DataFrame
        deal, day, stage, amount, expected: one row per change, the creation included.
    touches : DataFrame
        deal, day, stage: one row per interaction about a deal.
    snapshots : DataFrame
        day, deal, stage, age (days in the stage, at most 30), is_active, has_slipped: one row per
        as_of day and deal open at its midnight.
    """

    openings: Openings
    closed: Ints
    is_won: Flags
    changes: pd.DataFrame
    touches: pd.DataFrame
    snapshots: pd.DataFrame

    def without(self, removed: Flags) -> Deals:
        """What is left when some deals were never opened?"""
        return replace(
            self,
            changes=self.changes[~removed[self.changes["deal"]]],
            touches=self.touches[~removed[self.touches["deal"]]],
            snapshots=self.snapshots[~removed[self.snapshots["deal"]]],
        )


def open_deals(
    random: np.random.Generator, accounts: Accounts, settings: SimulatorSettings
) -> Openings:
    """Which deals are opened? Evenly over the history, or over an account's part of it."""
    known = np.floor(accounts.created).astype(np.int64) + 1
    begins = np.maximum(np.where(accounts.is_prospect, known, accounts.start), 1)
    spans = settings.days - begins
    rate = np.where(accounts.is_prospect, 0.8, _DEALS_PER_YEAR) / 365
    account = np.repeat(np.arange(accounts.size), random.poisson(rate * spans))
    n = account.size
    created = begins[account] + np.floor(random.random(n) * spans[account]).astype(np.int64)
    order = np.argsort(created, kind="stable")
    account, created = account[order], created[order]
    customer_kind = random.choice([1, 2], n, p=(0.7, 0.3))
    amount = _SEGMENT_AMOUNTS[accounts.segment[account]] * np.exp(random.normal(0, 0.7, n))
    return Openings(
        account=account,
        created=created,
        kind=np.where(accounts.is_prospect[account], 0, customer_kind),
        source=random.choice(5, n, p=(0.2, 0.1, 0.3, 0.15, 0.25)),
        competitor=np.where(random.random(n) < 0.4, random.integers(len(COMPETITORS), size=n), -1),
        amount=np.round(amount, -2) + 100,
        expected=created + random.integers(30, 120, n),
        skill=accounts.skill[account],
    )


def fixed_log_odds(openings: Openings, settings: SimulatorSettings) -> dict[str, Floats]:
    """What does each cause that never changes add to each deal's log-odds of winning?"""
    parts = {
        "deal_amount": (np.log(openings.amount) - _LOG_AMOUNT_MEAN) / _LOG_AMOUNT_SD,
        "owner_skill": openings.skill,
        "source": _SOURCE_LOG_ODDS[openings.source],
        "deal_kind": _KIND_LOG_ODDS[openings.kind],
        "competitor": (openings.competitor >= 0).astype(np.float64),
    }
    return {name: settings.log_odds(_CAUSES[name]) * part for name, part in parts.items()}


def moving_log_odds(
    stage: Ints, age: Ints, is_active: Flags, has_slipped: Flags, settings: SimulatorSettings
) -> dict[str, Floats]:
    """What does each cause that changes add to each deal's log-odds of winning on a day?"""
    parts = {
        "stage": STAGE_LOG_ODDS[stage],
        "stage_age": (age >= STALE_DAYS).astype(np.float64),
        "activity": np.where(is_active, 1.0, -1.0),
        "close_slip": has_slipped.astype(np.float64),
    }
    return {name: settings.log_odds(_CAUSES[name]) * part for name, part in parts.items()}


def closing_per_day(log_odds: Floats) -> tuple[Floats, Floats]:
    """How likely is a deal won, and lost, on a day? Same shape as the sum of its log-odds."""
    win = WIN_ODDS_PER_DAY * np.exp(log_odds)
    lose = LOSE_ODDS_PER_DAY * np.exp(-log_odds / 2)
    total = 1 + win + lose
    return win / total, lose / total


@dataclass
class _Floor:
    """The state of every deal while the days pass; the loop of `work_deals` writes to it."""

    openings: Openings
    fixed: Floats
    stage: Ints
    age: Ints
    is_active: Flags
    has_slipped: Flags
    amount: Floats
    expected: Ints
    closed: Ints
    is_won: Flags
    changes: list[_Columns] = field(default_factory=list)
    touches: list[_Columns] = field(default_factory=list)
    snapshots: list[_Columns] = field(default_factory=list)

    def note_changes(self, deals: Ints, day: int) -> None:
        frame: _Columns = {
            "deal": deals,
            "day": np.full(deals.size, day),
            "stage": self.stage[deals],
            "amount": self.amount[deals],
            "expected": self.expected[deals],
        }
        self.changes.append(frame)

    def note_touches(self, deals: Ints, day: int) -> None:
        days = np.full(deals.size, day)
        self.touches.append({"deal": deals, "day": days, "stage": self.stage[deals]})

    def note_snapshot(self, deals: Ints, day: int) -> None:
        frame: _Columns = {
            "day": np.full(deals.size, day),
            "deal": deals,
            "stage": self.stage[deals],
            "age": self.age[deals],
            "is_active": self.is_active[deals],
            "has_slipped": self.has_slipped[deals],
        }
        self.snapshots.append(frame)

    def close(
        self, random: np.random.Generator, deals: Ints, day: int, settings: SimulatorSettings
    ) -> Ints:
        """Close some of the open deals; the others are returned."""
        moving = moving_log_odds(
            self.stage[deals], self.age[deals], self.is_active[deals], self.has_slipped[deals],
            settings,
        )  # fmt: skip
        win, lose = closing_per_day(self.fixed[deals] + sum(moving.values()))
        draw = random.random(deals.size)
        ends = deals[draw < win + lose]
        self.is_won[ends] = (draw < win)[draw < win + lose]
        self.closed[ends] = day
        self.stage[ends] = np.where(self.is_won[ends], WON, LOST)
        self.note_changes(ends, day)
        return deals[draw >= win + lose]

    def move(self, random: np.random.Generator, deals: Ints, day: int) -> None:
        """Move the deals that stay open; what each cause does next depends on itself alone."""
        draws = random.random((5, deals.size))
        is_active = self.is_active[deals]
        touched = draws[0] < _TOUCHES_PER_DAY[is_active.astype(np.int64)]
        self.note_touches(deals[touched], day)
        advances = (draws[1] < ADVANCES_PER_DAY) & (self.stage[deals] < N_OPEN_STAGES - 1)
        self.stage[deals] += advances
        self.age[deals] = np.where(advances, 0, np.minimum(self.age[deals] + 1, STALE_DAYS))
        turns = draws[2] < np.where(is_active, TIRES_PER_DAY, WAKES_PER_DAY)
        self.is_active[deals] = is_active ^ turns
        slips = draws[3] < SLIPS_PER_DAY
        self.has_slipped[deals] |= slips
        late = deals[slips]
        self.expected[late] = np.maximum(self.expected[late], day) + random.integers(
            20, 60, late.size
        )
        revised = deals[advances & (draws[4] < 0.4)]
        change = np.exp(random.normal(0, 0.15, revised.size))
        self.amount[revised] = np.round(self.amount[revised] * change, -2) + 100
        self.note_changes(deals[advances | slips], day)


def _joined(parts: list[_Columns]) -> pd.DataFrame:
    return pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def work_deals(
    random: np.random.Generator, openings: Openings, settings: SimulatorSettings
) -> Deals:
    """What becomes of the deals? Those open at the end of the history stay open."""
    n, days = openings.created.size, settings.days
    floor = _Floor(
        openings=openings,
        fixed=np.asarray(sum(fixed_log_odds(openings, settings).values())),
        stage=np.zeros(n, dtype=np.int64),
        age=np.zeros(n, dtype=np.int64),
        is_active=np.ones(n, dtype=np.bool_),
        has_slipped=np.zeros(n, dtype=np.bool_),
        amount=openings.amount.copy(),
        expected=openings.expected.copy(),
        closed=np.full(n, NEVER),
        is_won=np.zeros(n, dtype=np.bool_),
    )
    firsts = np.searchsorted(openings.created, np.arange(days + 1))
    as_of_days = set(settings.as_of_days)
    still_open = np.arange(0)
    for day in range(days + 1):
        if day in as_of_days:
            floor.note_snapshot(still_open, day)
        if day == days:
            break
        still_open = floor.close(random, still_open, day, settings)
        floor.move(random, still_open, day)
        created = np.arange(firsts[day], firsts[day + 1])
        floor.note_changes(created, day)
        still_open = np.concatenate([still_open, created])
    changes, touches, snapshots = map(_joined, (floor.changes, floor.touches, floor.snapshots))
    return Deals(openings, floor.closed, floor.is_won, changes, touches, snapshots)


def first_wins(deals: Deals, n_accounts: int) -> Ints:
    """On which day does each account win us its first deal? NEVER when none is won."""
    days = np.full(n_accounts, NEVER)
    np.minimum.at(days, deals.openings.account, np.where(deals.is_won, deals.closed, NEVER))
    return days
