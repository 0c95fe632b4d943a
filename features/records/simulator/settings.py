"""How large is the simulated portfolio, and how strong is each cause in it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from features.errors import SettingsError

HORIZON_DAYS = 90
ACTIVITY_DAYS = 180
MAX_STRENGTH = 2.0


CODES: Mapping[str, str] = {
    "SM001": "a portfolio that cannot be simulated",
}
"""Codes of this module, with what they mean; each has a line in docs/errors.md."""


@dataclass(frozen=True)
class Cause:
    """One stated cause of an outcome.

    Attributes
    ----------
    name : str
        Name of the cause, of its strength in `SimulatorSettings` and of its truth column
        (``log_odds_NAME``).
    log_odds : float
        What it adds to the daily log-odds at strength 1.
    meaning : str
        What it is and where the records show it, one sentence.
    begins_per_day, ends_per_day : float
        Daily chances that it begins and ends; 0 for causes that are no state.
    """

    name: str
    log_odds: float
    meaning: str
    begins_per_day: float = 0.0
    ends_per_day: float = 0.0


CHURN_CAUSES = (
    Cause(
        "service_trouble",
        2.0,
        "A complaint or ticket stays unanswered: interactions without resolved_at.",
        1 / 350,
        1 / 45,
    ),
    Cause(
        "contact_loss",
        1.6,
        "The key contact has left and nobody new is known: contacts.left_at without a later one.",
        1 / 400,
        1 / 75,
    ),
    Cause(
        "low_nps",
        1.3,
        "The last survey gave 6 or less: interactions.survey_score.",
        0.2 / 150,
        0.8 / 150,
    ),
    Cause(
        "price",
        1.2,
        "The discount was withdrawn: orders.discount_amount falls to 0, account_events price_rise.",
        1 / 450,
        1 / 120,
    ),
    Cause(
        "engagement",
        1.0,
        "The rep neglects the account: calls, meetings, visits every 150 days instead of 28.",
        1 / 300,
        1 / 150,
    ),
    Cause(
        "decline",
        1.8,
        "The account orders at 0.45 of its usual rhythm until it leaves: wider gaps in orders.",
        1 / 1100,
    ),
)
"""Causes of leaving that come and go; their order is the order of the bits of a state."""

SEGMENT_CAUSE = Cause("segment", 1.0, "Small businesses leave more, the public sector less.")

CLOSE_CAUSES = (
    Cause("deal_amount", -0.35, "Per standard deviation of the log of the first amount."),
    Cause("owner_skill", 0.5, "Per standard deviation of the skill of the deal's owner."),
    Cause("source", 1.0, "Referral +0.5, partner +0.3, web 0, event -0.1, prospecting -0.4."),
    Cause("deal_kind", 1.0, "Renewal +0.6, expansion 0, new -0.2."),
    Cause("competitor", -0.6, "A competitor is named."),
    Cause("stage", 1.0, "Qualified -0.7, discovery -0.2, proposal +0.3, negotiation +0.8."),
    Cause("stage_age", -0.7, "The deal has been in its stage for 30 days or more."),
    Cause("activity", 0.6, "Added while the deal is worked every 8 days, subtracted while quiet."),
    Cause("close_slip", -0.5, "The expected close date has slipped at least once."),
)


@dataclass(frozen=True)
class SimulatorSettings:
    """Which portfolio is simulated, and how strong is each effect in it?

    Attributes
    ----------
    accounts : int
        Accounts, prospects included; at least 20.
    days : int
        Days of history; 60 to 3,650.
    end_date : date
        Last day of the history; `data_as_of` is its last second.
    as_of_dates : tuple of date
        Days the truth is stated for; empty for the first of every month from day 180 on, and the
        day after `end_date`.
    departure : float
        Scales the daily odds of leaving; 0 = nobody ever leaves.
    rhythm_spread : float
        How much accounts differ in rhythm; 0 = one rhythm for all.
    regularity : float
        0 = memoryless orders (Poisson), 1 = gamma gaps of shape 2.
    season : float
        Weekends, August and year ends in the orders; 0 = flat.
    subscriptions : float
        Scales the 8 % of accounts that hold a subscription; 0 = none.
    decline, service_trouble, contact_loss, low_nps, engagement, price, segment : float
        Scale the log-odds of `CHURN_CAUSES` and `SEGMENT_CAUSE`.
    deal_amount, owner_skill, source, deal_kind, competitor, stage, stage_age, activity, close_slip
        Scale the log-odds of `CLOSE_CAUSES`.

    Raises
    ------
    SettingsError
        ``SM001``, with every value that is out of range. Strengths lie in 0 to 2.
    """

    accounts: int = 1000
    days: int = 730
    end_date: date = date(2026, 6, 30)
    as_of_dates: tuple[date, ...] = ()
    departure: float = 1.0
    rhythm_spread: float = 1.0
    regularity: float = 1.0
    season: float = 1.0
    subscriptions: float = 1.0
    decline: float = 1.0
    service_trouble: float = 1.0
    contact_loss: float = 1.0
    low_nps: float = 1.0
    engagement: float = 1.0
    price: float = 1.0
    segment: float = 1.0
    deal_amount: float = 1.0
    owner_skill: float = 1.0
    source: float = 1.0
    deal_kind: float = 1.0
    competitor: float = 1.0
    stage: float = 1.0
    stage_age: float = 1.0
    activity: float = 1.0
    close_slip: float = 1.0

    def __post_init__(self) -> None:
        faults = [
            f"{name} is {self.strength(name)}: it lies between 0 and {MAX_STRENGTH:g}."
            for name in STRENGTHS
            if not 0 <= self.strength(name) <= MAX_STRENGTH
        ]
        if self.accounts < 20:
            faults.append(f"accounts is {self.accounts}: at least 20 are needed.")
        if not 60 <= self.days <= 3650:
            faults.append(f"days is {self.days}: it lies between 60 and 3650.")
        last = self.end_date + timedelta(days=1)
        faults += [
            f"as_of_dates holds {day}: it lies after {self.origin} and not after {last}."
            for day in self.as_of_dates
            if not self.origin < day <= last
        ]
        if faults:
            raise SettingsError("SM001", "The simulator cannot run.", " ".join(faults))

    @classmethod
    def without_effects(cls, **sizes: Any) -> SimulatorSettings:
        """Which settings leave nothing to learn?

        One memoryless rhythm for all accounts, nobody leaves, every open deal has the same chance
        of being won or lost on every day: both labels are pure chance given the past.

        Parameters
        ----------
        **sizes
            `accounts`, `days`, `end_date`, `as_of_dates` (Any: each has its own type).
        """
        return cls(**{**dict.fromkeys(STRENGTHS, 0.0), **sizes})

    @property
    def origin(self) -> date:
        """First day of the history: day 0."""
        return self.end_date - timedelta(days=self.days - 1)

    @property
    def data_as_of(self) -> datetime:
        """Last second of the history, UTC."""
        end = self.end_date
        return datetime(end.year, end.month, end.day, 23, 59, 59, tzinfo=UTC)

    @property
    def as_of_days(self) -> tuple[int, ...]:
        """Days (0 = `origin`) the truth is stated for, ascending."""
        if self.as_of_dates:
            return tuple(sorted({(day - self.origin).days for day in self.as_of_dates}))
        days = range(min(ACTIVITY_DAYS, self.days), self.days)
        firsts = [day for day in days if (self.origin + timedelta(days=day)).day == 1]
        return (*firsts, self.days)

    def strength(self, name: str) -> float:
        """How strong is the effect of that name? 1 is the stated one."""
        return float(getattr(self, name))

    def log_odds(self, cause: Cause) -> float:
        """What does a cause add to the daily log-odds in this world?"""
        return self.strength(cause.name) * cause.log_odds


STRENGTHS = tuple(
    field.name
    for field in fields(SimulatorSettings)
    if field.name not in ("accounts", "days", "end_date", "as_of_dates")
)
"""Names of the effects that have a strength."""
