"""Which calls, meetings, tickets, complaints, surveys and campaigns does each account see?

What an account's state makes likelier is drawn from the state of that same midnight, so nothing
here knows the future: with all strengths at 0 these rows are noise beside the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from features.records.simulator.accounts import Accounts
from features.records.simulator.clock import NEVER, Flags, Floats, Ints, office_hours
from features.records.simulator.deals import Deals
from features.records.simulator.life import Life
from features.records.simulator.settings import SimulatorSettings
from features.records.simulator.tables import choose, contract_table, ids, instants, numbers

KINDS = (
    "call", "email", "meeting", "visit", "ticket", "complaint", "survey", "web",
    "proposal_viewed", "campaign",
)  # fmt: skip
OUTCOMES = ("answered", "buying_signal", "objection", "solved")
DIRECTIONS = ("inbound", "outbound")

_CALL, _MEETING, _TICKET, _COMPLAINT, _SURVEY, _WEB, _PROPOSAL, _CAMPAIGN = 0, 2, 4, 5, 6, 7, 8, 9
_MINUTES = np.array([12.0, np.nan, 60.0, 90.0] + [np.nan] * 6)
_CONTACTS_PER_DAY = 1 / 28
_NEGLECTED_SHARE = 28 / 150
_SURVEYS_PER_DAY = 1 / 150
_LOW_SCORE_CHANCE = 0.2


def interaction_table(
    random: np.random.Generator,
    accounts: Accounts,
    life: Life,
    deals: Deals,
    settings: SimulatorSettings,
) -> pa.Table:
    """Which interactions took place? One row each, by day, with an id that says nothing."""
    scene = _Scene(random, life, settings)
    parts = [
        _contact_rows(scene),
        _noise_rows(scene, kind=_TICKET, per_day=1 / 180, longest_answer=6),
        _noise_rows(scene, kind=_COMPLAINT, per_day=1 / 500, longest_answer=5),
        _noise_rows(scene, kind=_WEB, per_day=1 / 150, longest_answer=0),
        _unanswered_rows(scene),
        _survey_rows(scene),
        _campaign_rows(scene, accounts.has_consent),
        _deal_rows(scene, deals),
    ]
    rows = pd.concat(parts, ignore_index=True).sort_values("day", kind="stable")
    return _typed(random, rows, accounts, settings)


@dataclass(frozen=True)
class _Scene:
    random: np.random.Generator
    life: Life
    settings: SimulatorSettings

    def moments(self, per_day: float, ends: Ints | None = None) -> tuple[Ints, Ints]:
        """At which accounts and days does something happen at a constant rate while they stay?"""
        ends = self.life.departed if ends is None else ends
        spans = np.maximum(np.minimum(ends, self.settings.days) - self.life.start, 0)
        account = np.repeat(np.arange(spans.size), self.random.poisson(per_day * spans))
        within = np.floor(self.random.random(account.size) * spans[account]).astype(np.int64)
        return account, self.life.start[account] + within


def _rows(account: Ints, day: Ints, kind: Ints | int, **columns: object) -> pd.DataFrame:
    base = {
        "account": account, "day": day, "kind": kind, "direction": -1, "outcome": -1,
        "sentiment": np.nan, "score": np.nan, "resolved": NEVER, "deal": -1,
    }  # fmt: skip
    return pd.DataFrame({**base, **columns})


def _contact_rows(scene: _Scene) -> pd.DataFrame:
    random, life = scene.random, scene.life
    account, day = scene.moments(_CONTACTS_PER_DAY)
    is_neglected = life.has("engagement")[day, account]
    kept = random.random(day.size) < np.where(is_neglected, _NEGLECTED_SHARE, 1.0)
    account, day = account[kept], day[kept]
    # Someone who waits for an answer, or has just given a bad mark, sounds like it.
    annoyed = life.has("service_trouble") | life.has("low_nps")
    mood = 0.25 - 0.4 * annoyed[day, account]
    return _rows(
        account,
        day,
        random.choice(4, day.size, p=(0.5, 0.25, 0.17, 0.08)),
        direction=(random.random(day.size) < 0.8).astype(np.int64),
        outcome=random.choice([-1, 0, 1, 2], day.size, p=(0.4, 0.4, 0.1, 0.1)),
        sentiment=np.clip(mood + random.normal(0, 0.3, day.size), -1, 1),
    )


def _noise_rows(scene: _Scene, *, kind: int, per_day: float, longest_answer: int) -> pd.DataFrame:
    account, day = scene.moments(per_day)
    resolved = np.full(day.size, NEVER)
    if longest_answer:
        resolved = day + scene.random.integers(1, longest_answer + 1, day.size)
    return _rows(account, day, kind, direction=0, resolved=resolved)


def _unanswered_rows(scene: _Scene) -> pd.DataFrame:
    account, begin, end = scene.life.spells("service_trouble")
    kind = scene.random.choice([_TICKET, _COMPLAINT], begin.size, p=(0.4, 0.6))
    return _rows(account, begin, kind, direction=0, resolved=end)


def _survey_rows(scene: _Scene) -> pd.DataFrame:
    """Which surveys were answered? Those that turn the mark low or high again, and the others."""
    random, low = scene.random, scene.life.has("low_nps")
    account, begin, end = scene.life.spells("low_nps")
    again, day = scene.moments(_SURVEYS_PER_DAY)
    is_low = low[day, again]
    # Given that the mark did not turn that day, a survey confirmed it.
    chance = np.where(is_low, _LOW_SCORE_CHANCE, 1 - _LOW_SCORE_CHANCE)
    kept = (random.random(day.size) < chance) & (low[day + 1, again] == is_low)
    better = end < NEVER
    rises, falls = np.ones(begin.size, dtype=np.bool_), np.zeros(better.sum(), dtype=np.bool_)
    return pd.concat(
        [
            _score_rows(random, account, begin, rises),
            _score_rows(random, account[better], end[better], falls),
            _score_rows(random, again[kept], day[kept], is_low[kept]),
        ]
    )


def _score_rows(
    random: np.random.Generator, account: Ints, day: Ints, is_low: Flags
) -> pd.DataFrame:
    score = np.where(is_low, random.integers(0, 7, day.size), random.integers(7, 11, day.size))
    return _rows(account, day, _SURVEY, direction=0, score=score.astype(np.float64))


def _campaign_rows(scene: _Scene, has_consent: Flags) -> pd.DataFrame:
    # Campaigns go on after an account has left: nobody has told the mailing list.
    account, day = scene.moments(1 / 180, ends=np.where(has_consent, NEVER, 0))
    return _rows(account, day, _CAMPAIGN, direction=1)


def _deal_rows(scene: _Scene, deals: Deals) -> pd.DataFrame:
    random = scene.random
    deal, day, stage = (deals.touches[name].to_numpy() for name in ("deal", "day", "stage"))
    kind = random.choice([0, 1, 2], deal.size, p=(0.4, 0.35, 0.25))
    kind[(stage >= 2) & (random.random(deal.size) < 0.3)] = _PROPOSAL
    return _rows(
        deals.openings.account[deal],
        day,
        kind,
        direction=np.where(kind == _PROPOSAL, 0, random.integers(0, 2, deal.size)),
        outcome=random.choice([-1, 0, 1, 2], deal.size, p=(0.3, 0.4, 0.15, 0.15)),
        deal=deal,
    )


def _typed(
    random: np.random.Generator,
    rows: pd.DataFrame,
    accounts: Accounts,
    settings: SimulatorSettings,
) -> pa.Table:
    column = {str(name): rows[name].to_numpy() for name in rows}
    kind, day, resolved = column["kind"], column["day"], column["resolved"]
    is_case = (kind == _TICKET) | (kind == _COMPLAINT)
    is_solved = is_case & (resolved < settings.days)
    due: Floats = np.where(is_case, day + 3.5, np.nan)
    minutes = _MINUTES[kind] * np.exp(random.normal(0, 0.3, kind.size))
    return contract_table(
        "interactions",
        {
            "interaction_id": ids("I", np.arange(kind.size), 7),
            "account_id": ids("A", column["account"]),
            "occurred_at": instants(settings, office_hours(random, day)),
            "kind": choose(KINDS, kind),
            "direction": choose(DIRECTIONS, column["direction"]),
            "outcome": choose(OUTCOMES, np.where(is_solved, 3, column["outcome"])),
            "sentiment": numbers(column["sentiment"]),
            "survey_score": numbers(column["score"]),
            "status": choose(("closed",), np.where(is_solved, 0, -1)),
            "due_at": instants(settings, due, may_be_future=True),
            "resolved_at": instants(settings, office_hours(random, resolved)),
            "opportunity_id": ids("D", column["deal"]),
            "owner_id": ids("R", accounts.owner[column["account"]], 3),
            "duration_minutes": numbers(np.round(minutes)),
        },
    )
