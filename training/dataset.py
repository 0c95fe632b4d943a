"""Which rows does a model learn from, or is tested on?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.asof import MISSING, day_of, default_as_of, instant
from features.cohorts import active_accounts, open_deals
from features.context import Context, ContextMaker
from features.errors import ContractError
from features.events import EventSet
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix, account_rows, deal_rows
from features.signals.declare import Entity
from training.labels import (
    Durations,
    Horizon,
    Labels,
    amount_basis,
    churn_labels,
    close_labels,
    durations,
    value_labels,
)

ModelName = Literal["churn", "close", "duration", "value"]


@dataclass(frozen=True)
class Task:
    """What is predicted of whom.

    Attributes
    ----------
    name : ModelName
        churn, close, duration or value.
    entity : Entity
        Whose rows.
    rule : str
        Feature of the one-column rule that a model must beat.
    key : str
        Key of the rung of shrunken rates.
    horizon : Horizon
        How far ahead.
    activity_days : int
        Accounts with an order in so many days are eligible.
    """

    name: ModelName
    entity: Entity
    rule: str
    key: str
    horizon: Horizon
    activity_days: int = 180


def task(
    name: ModelName, *, horizon_days: int = 90, lead_days: int = 0, activity_days: int = 180
) -> Task:
    """Which task has a name: of accounts (``churn``, ``value``) or open deals (the others)?"""
    horizon = Horizon(horizon_days, lead_days)
    if name == "churn":
        return Task(name, "account", "days_since_last_order", "segment", horizon, activity_days)
    if name == "value":
        return Task(name, "account", "revenue_365d", "segment", horizon, activity_days)
    return Task(name, "deal", "stage_win_rate", "stage", horizon, activity_days)


def value_horizon(first_day: date, data_end: date) -> int:
    """How many days ahead can a history teach what an account will bring in?

    The longest of 365, 90, 60 and 30 that fits in twice (to learn from, and to be tested on)
    with half a year, or once more itself, before that to read features from.

    >>> value_horizon(date(2010, 12, 1), date(2011, 12, 10))
    90
    """
    history = (data_end - first_day).days
    fitting = [days for days in _VALUE_HORIZONS if 2 * days + min(days, 180) <= history]
    return fitting[0] if fitting else _VALUE_HORIZONS[-1]


_VALUE_HORIZONS = (365, 90, 60, 30)

TASKS: tuple[ModelName, ...] = ("churn", "close")
"""Models that give a probability."""
QUANTITIES: tuple[ModelName, ...] = ("duration", "value")
"""Models that give the distribution of a number."""
MODELS: tuple[ModelName, ...] = (*TASKS, *QUANTITIES)
"""All models."""


def tasks_of(
    names: Iterable[ModelName],
    events: EventSet,
    *,
    horizon_days: int | None,
    lead_days: int = 0,
    activity_days: int = 180,
) -> list[Task]:
    """Which tasks are asked for, by default 90 days ahead, and value as far as the history teaches?

    Parameters
    ----------
    names : iterable of ModelName
        Which.
    events : EventSet
        Of the portfolio.
    horizon_days : int or None
        As asked for, for all of them.
    lead_days, activity_days : int
        As for `task`; durations have no lead.
    """
    asked = list(names)
    history = _history_teaches(events) if "value" in asked else 0
    return [
        task(
            name,
            horizon_days=horizon_days or (history if name == "value" and history else 90),
            lead_days=0 if name == "duration" else lead_days,
            activity_days=activity_days,
        )
        for name in asked
    ]


def _history_teaches(events: EventSet) -> int:
    """How many days ahead can amounts be learnt? 0 without orders."""
    orders = events.sources.get("orders")
    if orders is None or not (seen := orders.at[orders.at > MISSING // 2]).size:
        return 0
    return value_horizon(day_of(int(seen.min())), default_as_of(events.portfolio.data_as_of))


@dataclass(frozen=True)
class Dataset:
    """Feature rows with their outcomes.

    Attributes
    ----------
    matrix : FeatureMatrix
        (n, n_features).
    label : (n,) float64
        0 or 1, or an amount (value), or days (duration); rows without a known outcome are not in
        it.
    group : (n,) int64
        Account of each row: rows of one account are not independent.
    durations : Durations or None
        How the days of a duration ended.
    basis : str
        Which money an amount is: ``revenue`` or ``margin``.
    """

    matrix: FeatureMatrix
    label: Floats
    group: Codes
    durations: Durations | None = None
    basis: str = "revenue"

    def take(self, rows: Codes | NDArray[np.bool_]) -> Dataset:
        """Some of the rows."""
        places = np.arange(self.label.size)[rows]
        durations = None if self.durations is None else self.durations.take(places)
        return replace(
            self,
            matrix=self.matrix.take(places),
            label=self.label[places],
            group=self.group[places],
            durations=durations,
        )

    @property
    def ended(self) -> Durations:
        """How the days of a duration ended.

        Raises
        ------
        ValueError
            When these are no rows of `duration`.
        """
        if self.durations is None:
            raise ValueError("no rows of duration")
        return self.durations

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.label.size)


def join(parts: Iterable[Dataset]) -> Dataset:
    """Put datasets of one task one after the other."""
    found = list(parts)
    first = found[0].matrix
    matrix = FeatureMatrix(
        first.entity,
        np.concatenate([part.matrix.code for part in found]),
        np.concatenate([part.matrix.as_of for part in found]),
        first.names,
        np.concatenate([part.matrix.values for part in found]),
        {name: np.concatenate([part.matrix.keys[name] for part in found]) for name in first.keys},
    )
    durations = [part.durations for part in found if part.durations is not None]
    return Dataset(
        matrix,
        np.concatenate([part.label for part in found]),
        np.concatenate([part.group for part in found]),
        Durations(
            np.concatenate([part.days for part in durations]),
            np.concatenate([part.cause for part in durations]),
            np.concatenate([part.followed for part in durations]),
        )
        if durations
        else None,
        found[0].basis,
    )


_LABELS: Mapping[str, Callable[..., Labels]] = {"churn": churn_labels, "close": close_labels}


class Workshop:
    """Makes rows of one task from one portfolio; features and contexts of a day are made once.

    Parameters
    ----------
    events : EventSet
        All events of the portfolio.
    task : Task
        What is predicted.

    Raises
    ------
    ContractError
        CT022 when close or duration is asked for without a dated history of the deals, CT002 when
        churn is asked for without orders or subscriptions, or value without orders.
    """

    def __init__(self, events: EventSet, task: Task) -> None:
        require_tables(events, task)
        self.events = events
        self.task = task
        self.data_end = default_as_of(events.portfolio.data_as_of)
        self._maker = ContextMaker(events, task.horizon.horizon_days)
        self._contexts: dict[int, Context] = {}
        self._rows: dict[date, FeatureMatrix] = {}

    @cached_property
    def basis(self) -> str:
        """Which money is meant by value: ``margin`` or ``revenue``."""
        return amount_basis(self.events)

    @property
    def first_day(self) -> date:
        """First day with an event that the task's outcome is read from."""
        names = ("orders", "subscriptions") if self.task.entity == "account" else ("moves",)
        firsts = [
            int(events.at[events.at > MISSING // 2].min())
            for name in names
            if (events := self.events.sources.get(name)) is not None and events.at.size
        ]
        return day_of(min(firsts)) if firsts else self.data_end

    def context(self, day: date) -> Context:
        """Context of a day."""
        moment = instant(day)
        if moment not in self._contexts:
            self._contexts[moment] = self._maker.make(moment)
        return self._contexts[moment]

    def rows(self, day: date) -> FeatureMatrix:
        """Feature rows of everyone eligible on a day."""
        if day not in self._rows:
            moment = instant(day)
            contexts = {moment: self.context(day)}
            if self.task.entity == "account":
                code = active_accounts(self.events, moment, activity_days=self.task.activity_days)
                make = account_rows
            else:
                code = open_deals(self.events, moment)
                make = deal_rows
            self._rows[day] = make(self.events, code, np.full(code.size, moment), contexts)
        return self._rows[day]

    def labels(self, matrix: FeatureMatrix, known_by: date) -> Labels:
        """Outcomes of some rows, as known on a day."""
        label: Callable[..., Labels] = (
            partial(value_labels, basis=self.basis)
            if self.task.name == "value"
            else _LABELS[self.task.name]
        )
        return label(
            self.events, matrix.code, matrix.as_of, self.task.horizon, known_by=instant(known_by)
        )

    def dataset(self, days: Iterable[date], known_by: date) -> Dataset:
        """Rows of some days whose outcome was known on a later one."""
        asked = list(days)
        self._make_contexts(asked)
        return join([self._of_day(day, known_by) for day in asked])

    def _make_contexts(self, days: Iterable[date]) -> None:
        """Make what is not made yet together: that is quicker than day by day."""
        missing = {instant(day) for day in days} - set(self._contexts)
        self._contexts |= self._maker.make_all(sorted(missing))

    def _of_day(self, day: date, known_by: date) -> Dataset:
        matrix = self.rows(day)
        group = matrix.code if matrix.entity == "account" else self.events.deal_account[matrix.code]
        if self.task.name == "duration":
            found = durations(self.events, matrix.code, matrix.as_of, known_by=instant(known_by))
            return Dataset(matrix, found.days, group, found)
        label = self.labels(matrix, known_by).value
        known = np.flatnonzero(~np.isnan(label))
        basis = self.basis if self.task.name == "value" else "revenue"
        return Dataset(matrix.take(known), label[known], group[known], basis=basis)


def require_tables(events: EventSet, task: Task) -> None:
    """Refuse a task that the records cannot teach.

    Raises
    ------
    ContractError
        CT022 when close or duration is asked for without a dated history of the deals, CT002 when
        churn is asked for without orders or subscriptions, or value without orders.
    """
    if task.entity == "deal" and "moves" not in events.sources:
        raise ContractError(
            "CT022",
            f"the {task.name} model needs opportunity_history (dated stages): an export of the"
            " current state carries the outcome into the past.",
            "Map the history of stage changes, or dated snapshots of the deals.",
        )
    if task.entity == "deal" and not (events.stage_outcome == 1).any():
        raise ContractError(
            "CT022",
            f"the {task.name} model needs the stages table with at least one stage won.",
            "Map stages with position and outcome (open, won, lost).",
        )
    if task.name == "value" and "orders" not in events.sources:
        raise ContractError("CT002", "the value model needs orders.", "Map the table of orders.")
    if task.entity == "account" and not {"orders", "subscriptions"} & set(events.sources):
        raise ContractError(
            "CT002",
            "the churn model needs orders or subscriptions.",
            "Map at least one of the two tables.",
        )
