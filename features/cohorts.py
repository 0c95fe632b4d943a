"""Who is eligible on a date?"""

from __future__ import annotations

import numpy as np

from features.events import EventSet
from features.kernel import Codes, Output, State, compile_program, run
from features.kernel import Statistic as S


def _read(events: EventSet, source: str, output: Output, as_of: int, n: int) -> Codes:
    out = np.zeros((n, 1))
    found = events.sources.get(source)
    if found is not None:
        moments = np.full(n, as_of, dtype=np.int64)
        run(found, compile_program(found, {0: output}), np.arange(n), moments, out)
    return out[:, 0].astype(np.int64)


def live_subscriptions(events: EventSet, as_of: int) -> Codes:
    """How many subscriptions of each account run on a date?"""
    n = len(events.accounts.words)
    return _read(events, "subscriptions", Output(S.COUNT, state=State.OPEN), as_of, n)


def active_accounts(events: EventSet, as_of: int, *, activity_days: int) -> Codes:
    """Which accounts had an order in the activity window, or a subscription that runs?

    Credit notes admit nobody.

    Returns
    -------
    (n,) int64
        Codes, ascending.
    """
    n = len(events.accounts.words)
    bought = Output(S.COUNT, where=("is_purchase",), window_days=activity_days)
    orders = _read(events, "orders", bought, as_of, n)
    return np.flatnonzero((orders > 0) | (live_subscriptions(events, as_of) > 0))


def open_deals(events: EventSet, as_of: int) -> Codes:
    """Which deals were opened and not yet closed, with at least one dated stage?

    Returns
    -------
    (n,) int64
        Codes, ascending.
    """
    n = len(events.deals.words)
    moves = _read(events, "moves", Output(S.COUNT), as_of, n)
    closed = _read(events, "moves", Output(S.COUNT, where=("is_closed",)), as_of, n)
    created = _read(events, "created", Output(S.COUNT), as_of, n)
    return np.flatnonzero((created > 0) & (moves > 0) & (closed == 0))
