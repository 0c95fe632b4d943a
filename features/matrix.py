"""Which feature row has each account or deal, on each day asked for?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.asof import US_PER_DAY, Instants, local_days
from features.context import Context
from features.events import ENTITY_OF_SOURCE, EventSet
from features.kernel import (
    ROWS_OF_A_CHUNK,
    Codes,
    Floats,
    Output,
    compile_program,
    in_chunks,
    reader,
    run,
)
from features.kernel import Statistic as S
from features.lookups import LookUps, look_ups
from features.plans import KEYS, Plan, plan_of
from features.registers import evaluate, write_out
from features.signals.catalogue import ACCOUNT_SIGNALS
from features.signals.declare import Entity


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
    return _rows("account", events, *_rows_asked_for(code, as_of), contexts)


def are_alike_for_accounts(one: Context, other: Context) -> bool:
    """Are the rows of accounts the same, whichever of two contexts they are made with?"""
    tables = {signal.context[0] for signal in ACCOUNT_SIGNALS if signal.context is not None}
    return one is other or all(
        one.tables[table].digest == other.tables[table].digest for table in tables
    )


def deal_rows(
    events: EventSet,
    code: Codes,
    as_of: Instants,
    contexts: Mapping[int, Context],
    accounts: FeatureMatrix | None = None,
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
    accounts : FeatureMatrix, optional
        Rows of all their accounts on these days, made with the same contexts; default: they are
        made here.
    """
    code, as_of = _rows_asked_for(code, as_of)
    account = _accounts_of_deals(events, code, as_of)
    if accounts is None:
        moments, moment = split_moments(as_of)
        # Deals of one account share its row: read it once.
        pairs, row = np.unique(account * moments.size + moment, return_inverse=True)
        owner, moment = pairs // moments.size, pairs % moments.size
        accounts = account_rows(events, owner, moments[moment], contexts)
    else:
        row = _places(accounts, account, as_of)
    rows = _rows("deal", events, code, as_of, contexts, (accounts.values, row))
    return replace(rows, keys={"segment": accounts.keys["segment"][row], **rows.keys})


def _rows_asked_for(code: Codes, as_of: Instants) -> tuple[Codes, Instants]:
    return np.ascontiguousarray(code, np.int64), np.ascontiguousarray(as_of, np.int64)


def _accounts_of_deals(events: EventSet, code: Codes, as_of: Instants) -> Codes:
    """Which account had each deal, as known then? Its first where the deal was not known yet."""
    created = events.sources.get("created")
    if created is None:
        return events.deal_account[code]
    known = np.empty((code.size, 1))
    run(created, compile_program(created, {0: Output(S.LAST, "account")}), code, as_of, known)
    return np.where(np.isnan(known[:, 0]), events.deal_account[code], known[:, 0]).astype(np.int64)


def _places(accounts: FeatureMatrix, code: Codes, as_of: Instants) -> Codes:
    """In which row of some accounts lies each (account, instant)?"""
    order = np.lexsort((accounts.as_of, accounts.code))
    row: Codes = _find(accounts.code, accounts.as_of, order, code, as_of)
    if (row < 0).any():
        raise ValueError("a deal's account has no row among those given")
    return row


@njit("int64[::1](int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])", cache=True)
def _find(code, as_of, order, wanted_code, wanted_as_of):  # type: ignore[no-untyped-def]
    """Find rows by bisection; -1 where there is none."""
    found = np.empty(wanted_code.size, dtype=np.int64)
    for i in range(wanted_code.size):
        low, high = 0, order.size
        while low < high:
            middle = (low + high) // 2
            row = order[middle]
            if code[row] < wanted_code[i] or (
                code[row] == wanted_code[i] and as_of[row] < wanted_as_of[i]
            ):
                low = middle + 1
            else:
                high = middle
        row = order[low] if low < order.size else -1
        is_it = row >= 0 and code[row] == wanted_code[i] and as_of[row] == wanted_as_of[i]
        found[i] = row if is_it else -1
    return found


@njit("Tuple((int64[::1], int64[::1]))(int64[::1])", cache=True, nogil=True)
def split_moments(as_of):  # type: ignore[no-untyped-def]
    """Which instants occur, ascending, and which of them has each row?"""
    is_new = np.ones(as_of.size, dtype=np.bool_)
    is_new[1:] = as_of[1:] != as_of[:-1]
    moments = np.unique(as_of[is_new])
    return moments, np.searchsorted(moments, as_of)


@dataclass(frozen=True)
class _Asked:
    """Rows that are asked for, and what is the same for all of one instant."""

    code: Codes
    as_of: Instants
    moment: Codes
    local_day: Floats
    utc_day: Floats
    found: LookUps
    carried: tuple[Floats, Codes] | None


def _rows(
    entity: Entity,
    events: EventSet,
    code: Codes,
    as_of: Instants,
    contexts: Mapping[int, Context],
    carried: tuple[Floats, Codes] | None = None,
) -> FeatureMatrix:
    """Make the rows of an entity; those of deals carry some columns of their accounts' rows."""
    shapes = tuple(
        (name, source.shape)
        for name, source in events.sources.items()
        if ENTITY_OF_SOURCE[name] == entity
    )
    plan = plan_of(entity, shapes)
    moments, moment = split_moments(as_of)
    asked_of = {
        table: events.words[table].words if table in plan.known else () for table, _ in plan.tables
    }
    found = look_ups(plan.tables, asked_of, contexts, moments.tolist())
    days = local_days(moments, events.portfolio.timezone).astype(np.float64)
    asked = _Asked(code, as_of, moment, days, moments / US_PER_DAY, found, carried)
    for source, program in plan.sources:
        events.sources[source].prepare(program)
    values = np.empty((code.size, len(plan.names)))
    keys = np.empty((len(plan.keys), code.size), dtype=np.int64)
    in_chunks(code.size, partial(_worker, plan, events, asked, values, keys))
    words = {
        name: np.array([*events.words[name].words, None], dtype=object)[key]
        if name in plan.known
        else np.full(code.size, None)
        for name, key in zip(KEYS[entity], keys, strict=True)
    }
    return FeatureMatrix(entity, code, as_of, plan.names, values, words)


def _worker(
    plan: Plan, events: EventSet, asked: _Asked, values: Floats, keys: Codes
) -> Callable[[int, int], None]:
    """Give one thread a block of its own, and what fills chunk after chunk of the result."""
    instructions, found = plan.instructions, asked.found
    block = instructions.block(min(ROWS_OF_A_CHUNK, asked.code.size))
    readers = [
        reader(events.sources[source], program, asked.code, asked.as_of)
        for source, program in plan.sources
    ]

    def fill(low: int, high: int) -> None:
        n = high - low
        moment = asked.moment[low:high]
        for read in readers:
            read(low, high, block.T[:n])
        block[plan.local_day, :n] = asked.local_day[moment]
        block[plan.utc_day, :n] = asked.utc_day[moment]
        if asked.carried is not None:
            of_account, row = asked.carried
            block[plan.carrying, :n] = of_account[row[low:high, None], plan.carried].T
        evaluate(instructions.table, block, n, moment, found.places, found.first_word, found.values)
        for target, function, inputs in plan.functions:
            block[target, :n] = function(*(block[place, :n] for place in inputs))
        write_out(block, n, values[low:high], plan.keys, keys[:, low:high])

    return fill
