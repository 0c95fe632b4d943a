"""Which features are there? The one list that documents, selects and words them."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from features.signals import (
    deals,
    frequency,
    interactions,
    monetary,
    recency,
    subscriptions,
    surroundings,
)
from features.signals.declare import About, Entity, Signal

ACCOUNT_SIGNALS: tuple[Signal, ...] = tuple(
    signal
    for family in (
        recency,
        frequency,
        monetary,
        interactions,
        subscriptions,
        surroundings,
        deals,
    )
    for signal in family.SIGNALS
    if signal.entity == "account"
)
DEAL_SIGNALS: tuple[Signal, ...] = tuple(
    signal for signal in deals.SIGNALS if signal.entity == "deal"
)
FROM_CALLER: Mapping[str, str] = {
    "_as_of_day": "local day of the as_of instant",
    "_as_of_utc_day": "the as_of instant in days since 1970-01-01 UTC",
}
"""Steps that every row brings along."""


@dataclass(frozen=True)
class Feature:
    """One column of a feature row, as people read of it."""

    name: str
    entity: Entity
    table: str
    window_days: float | None
    about: About


def account_prefix(name: str) -> str:
    """Under which name does a deal's row carry a feature of its account?"""
    return name if name.startswith("account_") else f"account_{name}"


def _features() -> tuple[Feature, ...]:
    own = [
        Feature(signal.name, signal.entity, signal.table, signal.window_days, signal.about)
        for signal in (*ACCOUNT_SIGNALS, *DEAL_SIGNALS)
        if signal.about is not None
    ]
    carried = [
        replace(feature, name=account_prefix(feature.name), entity="deal")
        for feature in own
        if feature.entity == "account" and feature.name in deals.OF_ACCOUNT
    ]
    return (*own, *carried)


CATALOGUE: tuple[Feature, ...] = _features()
BY_NAME: Mapping[tuple[Entity, str], Feature] = {
    (feature.entity, feature.name): feature for feature in CATALOGUE
}


def feature_names(entity: Entity) -> tuple[str, ...]:
    """Which columns has the feature row of an entity, in order?"""
    return tuple(feature.name for feature in CATALOGUE if feature.entity == entity)


def feature_set_version(names: tuple[str, ...], entity: Entity) -> str:
    """Which version of the declarations do these columns have (12 hexadecimal digits)?

    Changes when a feature is added, removed, or read off differently.
    """
    signals = ACCOUNT_SIGNALS if entity == "account" else (*ACCOUNT_SIGNALS, *DEAL_SIGNALS)
    declared = [(s.name, s.source, repr(s.output), s.inputs, s.context, _code(s)) for s in signals]
    body = json.dumps([list(names), declared], default=str)
    return hashlib.sha256(body.encode()).hexdigest()[:12]


def _code(signal: Signal) -> str:
    """What tells one formula from another, on any machine: its words, or a function's source."""
    if signal.function is not None:
        return "".join(inspect.getsource(signal.function).split())
    return "" if signal.formula is None else str(signal.formula)
