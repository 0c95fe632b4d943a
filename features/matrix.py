"""Which feature row has each account or deal, on each day asked for?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.asof import US_PER_DAY, Instants, local_days
from features.context import PORTFOLIO, Context, ContextTable
from features.errors import NotReady
from features.events import EventSet
from features.kernel import Codes, Events, Floats, Output, State, compile_program, run
from features.signals.catalogue import (
    ACCOUNT_SIGNALS,
    DEAL_SIGNALS,
    account_prefix,
    feature_names,
)
from features.signals.deals import OF_ACCOUNT
from features.signals.declare import Entity, Signal


@dataclass(frozen=True)
class FeatureMatrix:
    """Feature rows, one per (entity, as_of instant).

    Attributes
    ----------
    entity : Entity
        account or deal.
    code : (n,) int64
        Position of the entity in the ids of the event set.
    as_of : (n,) int64
        Instants.
    names : tuple of str
        Columns.
    values : (n, n_features) float64
        NaN is missing.
    keys : mapping of str to (n,) object
        What the row belongs to as known then: segment, and for deals stage and owner; None where
        it is not known.
    """

    entity: Entity
    code: Codes
    as_of: Instants
    names: tuple[str, ...]
    values: Floats
    keys: Mapping[str, NDArray[np.object_]]

    def column(self, name: str) -> Floats:
        """Values of one feature."""
        return self.values[:, self.names.index(name)]

    def take(self, rows: Codes) -> FeatureMatrix:
        """Some of the rows, in the order asked for."""
        return FeatureMatrix(
            self.entity,
            self.code[rows],
            self.as_of[rows],
            self.names,
            self.values[rows],
            {name: key[rows] for name, key in self.keys.items()},
        )


Columns = dict[str, Floats]

DEAL_KEYS = ("stage", "owner", "product", "lead_source", "competitor")


def _aggregates(
    events: EventSet, signals: Sequence[Signal], entity: Codes, as_of: Instants
) -> Columns:
    """Run the kernel once per source and keep every aggregate by its name."""
    columns: Columns = {}
    by_source: dict[str, list[Signal]] = {}
    for signal in signals:
        if signal.source is not None:
            by_source.setdefault(signal.source, []).append(signal)
    for source, members in by_source.items():
        found = events.sources.get(source)
        out = np.full((entity.size, len(members)), np.nan)
        if found is not None:
            outputs = {
                position: signal.output
                for position, signal in enumerate(members)
                if signal.output is not None and _is_readable(signal.output, found)
            }
            run(found, compile_program(found, outputs, len(members)), entity, as_of, out)
        for position, signal in enumerate(members):
            columns[signal.name] = out[:, position]
    return columns


def _is_readable(output: Output, events: Events) -> bool:
    """Do the events carry what is asked for (absent columns leave it out)?"""
    return (
        all(name in events.measure_names for name in (output.measure, output.weight) if name)
        and (output.state is State.ANY or events.has_later)
        and all(flag in events.flag_names for flag in output.where)
    )


def _look_up(
    signal: Signal,
    keys: Floats,
    as_of: Instants,
    events: EventSet,
    contexts: Mapping[int, Context],
) -> Floats:
    """What did the context of each row's day say for the row's key?"""
    table, name = signal.context or ("", "")
    words = events.words[table].words
    code = np.where(np.isnan(keys), len(words), keys).astype(np.int64)
    result = np.full(code.size, np.nan)
    for moment in np.unique(as_of):
        context = _context(contexts, int(moment), table)
        values = np.array([context.get(word, name) for word in (*words, PORTFOLIO)])
        rows = as_of == moment
        result[rows] = values[code[rows]]
    return result


def _context(contexts: Mapping[int, Context], moment: int, table: str) -> ContextTable:
    try:
        return contexts[moment].tables[table]
    except KeyError:
        raise NotReady(
            "NR001",
            f"no context was made for the as_of instant of a row, or one without its {table} table"
            " by an earlier version",
            "Make it first; where a champion brought it, train anew.",
        ) from None


def _fill(
    columns: Columns,
    signals: Sequence[Signal],
    as_of: Instants,
    events: EventSet,
    contexts: Mapping[int, Context],
) -> Columns:
    """Add looked-up and derived signals, in the order of their declaration."""
    for signal in signals:
        if signal.context is not None:
            columns[signal.name] = _look_up(
                signal, columns[signal.inputs[0]], as_of, events, contexts
            )
        elif signal.formula is not None:
            columns[signal.name] = np.asarray(
                signal.formula(*(columns[name] for name in signal.inputs)), dtype=np.float64
            )
    return columns


def _account_columns(
    events: EventSet, code: Codes, as_of: Instants, contexts: Mapping[int, Context]
) -> Columns:
    columns = _aggregates(events, ACCOUNT_SIGNALS, code, as_of)
    columns["_as_of_day"] = local_days(as_of, events.portfolio.timezone).astype(np.float64)
    columns["_as_of_utc_day"] = as_of / US_PER_DAY
    return _fill(columns, ACCOUNT_SIGNALS, as_of, events, contexts)


def account_rows(
    events: EventSet, code: Codes, as_of: Instants, contexts: Mapping[int, Context]
) -> FeatureMatrix:
    """Which feature row has each account on each day?

    Parameters
    ----------
    events : EventSet
        Events of the accounts.
    code, as_of : (n,) int64
        Account (position in ``events.accounts``) and instant of each row.
    contexts : mapping of int to Context
        Context of every instant that occurs.
    """
    columns = _account_columns(events, code, as_of, contexts)
    names = feature_names("account")
    keys = {name: _words(events, name, columns[f"_{name}"]) for name in ("segment", "country")}
    return FeatureMatrix("account", code, as_of, names, _stack(columns, names, code.size), keys)


def deal_rows(
    events: EventSet, code: Codes, as_of: Instants, contexts: Mapping[int, Context]
) -> FeatureMatrix:
    """Which feature row has each deal on each day, its account's signals included?

    Parameters
    ----------
    events : EventSet
        Events of the deals and of their accounts.
    code, as_of : (n,) int64
        Deal (position in ``events.deals``) and instant of each row.
    contexts : mapping of int to Context
        Context of every instant that occurs.
    """
    columns = _aggregates(events, DEAL_SIGNALS, code, as_of)
    account = _accounts_of_deals(events, code, columns["_account"])
    # Deals of one account share its row: read it once.
    pairs, row = np.unique(np.stack((account, as_of)), axis=1, return_inverse=True)
    of_account = _account_columns(events, pairs[0], pairs[1], contexts)
    for name in OF_ACCOUNT:
        columns[account_prefix(name)] = of_account[name][row]
    columns["_as_of_day"] = of_account["_as_of_day"][row]
    _fill(columns, DEAL_SIGNALS, as_of, events, contexts)
    names = feature_names("deal")
    keys = {
        "segment": _words(events, "segment", of_account["_segment"][row]),
        **{name: _words(events, name, columns[f"_{name}"]) for name in (*DEAL_KEYS, "deal_kind")},
    }
    return FeatureMatrix("deal", code, as_of, names, _stack(columns, names, code.size), keys)


def _accounts_of_deals(events: EventSet, code: Codes, known: Floats) -> Codes:
    """Which account had each deal, as known then? Its first where the deal was not known yet."""
    return np.where(np.isnan(known), events.deal_account[code], known).astype(np.int64)


def _words(events: EventSet, name: str, code: Floats) -> NDArray[np.object_]:
    words = np.array([*events.words[name].words, None], dtype=object)
    return words[np.where(np.isnan(code), -1, code).astype(np.int64)]


def _stack(columns: Columns, names: Sequence[str], n: int) -> Floats:
    values = np.empty((n, len(names)))
    for position, name in enumerate(names):
        values[:, position] = columns[name]
    # An infinity is no number a model or a person can use.
    values[~np.isfinite(values)] = np.nan
    return values
