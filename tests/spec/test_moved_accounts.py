"""What moves to another account is read alike in buckets and whole.

The deal D-1 and the invoice I-1 are A's until, on 2011-03-01, we learn that they are B's. A reader
of A's rows alone would take them for A's for ever.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from features.asof import instant
from features.context import ContextMaker
from features.events import build_events
from features.matrix import account_rows, deal_rows
from features.records.folder import Records
from features.records.reading import TableReader
from tests.spec.features_portfolio import records

OPPORTUNITIES = """
    opportunity_id  account_id  created_at  known_at
    D-1             A           2011-01-01  2011-01-01
    D-1             B           2011-01-01  2011-03-01
    D-2             C           2011-01-05  2011-01-05
"""
HISTORY = """
    opportunity_id  changed_at  stage
    D-1             2011-01-01  lead
    D-1             2011-04-10  won
    D-2             2011-01-05  lead
"""
STAGES = """
    stage  position  outcome
    lead   0         open
    won    1         won
"""
INVOICES = """
    invoice_id  account_id  issued_at   due_date    amount  known_at
    I-1         A           2011-01-02  2011-02-01  100     2011-01-02
    I-1         B           2011-01-02  2011-02-01  100     2011-03-01
    I-2         C           2011-01-03  2011-02-02  40      2011-01-03
"""
INTERACTIONS = """
    interaction_id  account_id  occurred_at  kind  opportunity_id
    T-1             A           2011-01-10   call  D-1
    T-2             B           2011-03-10   call  D-1
    T-3             C           2011-01-11   call  D-2
"""
TABLES = {
    "opportunities": OPPORTUNITIES, "opportunity_history": HISTORY, "stages": STAGES,
    "invoices": INVOICES, "interactions": INTERACTIONS,
}  # fmt: skip
Rows = dict[str, list[float]]


def _rows(whole: Records, part: Records, day: str) -> Rows:
    """Rows of all accounts and deals of a part, with the context of the whole."""
    moment, events = instant(date.fromisoformat(day)), build_events(part)
    contexts = {moment: ContextMaker(build_events(whole), 90).make(moment)}
    found: Rows = {}
    for make, words in ((account_rows, events.accounts.words), (deal_rows, events.deals.words)):
        matrix = make(events, np.arange(len(words)), np.full(len(words), moment), contexts)
        found |= dict(zip(words, matrix.values.tolist(), strict=True))
    return found


@pytest.mark.parametrize("day", ["2011-02-15", "2011-03-15", "2011-05-01"])
def test_rows_of_buckets_are_those_of_the_whole(day: str) -> None:
    whole = records(TABLES)
    buckets = TableReader(whole.tables).buckets(64)
    parts = [Records(whole.portfolio, tables) for tables in buckets]
    # A and B are read together, C apart from them.
    assert [part.tables["accounts"].num_rows for part in parts] in ([2, 1], [1, 2])
    found = [_rows(whole, part, day) for part in parts]
    together = {name: values for rows in found for name, values in rows.items()}
    np.testing.assert_equal(together, _rows(whole, whole, day))
    assert sum(map(len, found)) == len(together)


def test_a_chain_of_accounts_is_read_together() -> None:
    # D-1 links A and B, D-2 links B and C; D has only itself.
    moves = """
        opportunity_id  account_id  created_at  known_at
        D-1             A           2011-01-01  2011-01-01
        D-1             B           2011-01-01  2011-03-01
        D-2             C           2011-01-01  2011-01-01
        D-2             B           2011-01-01  2011-03-01
        D-3             D           2011-01-01  2011-01-01
    """
    reader = TableReader(records({"opportunities": moves}).tables)
    buckets = [tables["accounts"].column("account_id").to_pylist() for tables in reader.buckets(64)]
    assert sorted(buckets) == [["A", "B", "C"], ["D"]]
