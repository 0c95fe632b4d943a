"""What was known of an order while its lines came in."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest

from features.asof import NEVER
from features.orders import OrderVersions, roll_up

Line = tuple[int, int, int, int, int, float]


def _roll(*lines: Line) -> OrderVersions:
    """Lines as (account, order, at, known_from, known_until, amount)."""
    columns = [np.array(column) for column in zip(*lines, strict=True)]
    account, order, at, known_from, known_until, amount = columns
    measures = np.array([amount.astype(float)])
    return roll_up(
        account, order, at, known_from, known_until, np.arange(len(lines)), measures
    )  # fmt: skip


def _versions(found: OrderVersions) -> list[tuple[int, int, int, float, float]]:
    return [
        (int(at), int(start), int(end), float(lines), float(amount))
        for at, start, end, lines, amount in zip(
            found.at, found.known_from, found.known_until, found.lines, found.measures[0],
            strict=True,
        )
    ]  # fmt: skip


def test_lines_known_together_make_one_version() -> None:
    found = _roll((0, 0, 1, 1, NEVER, 10.0), (0, 0, 1, 1, NEVER, 5.0))
    assert _versions(found) == [(1, 1, NEVER, 2, 15)]


def test_a_line_that_comes_late_makes_a_second_version() -> None:
    found = _roll((0, 0, 1, 1, NEVER, 10.0), (0, 0, 1, 7, NEVER, 5.0))
    assert _versions(found) == [(1, 1, 7, 1, 10), (1, 7, NEVER, 2, 15)]


def test_an_order_is_placed_at_its_first_line_even_one_learnt_last() -> None:
    found = _roll((0, 0, 5, 5, NEVER, 10.0), (0, 0, 2, 7, NEVER, 5.0))
    assert _versions(found) == [(5, 5, 7, 1, 10), (2, 7, NEVER, 2, 15)]
    assert found.record.tolist() == [0, 1]


def test_a_corrected_line_replaces_the_old_one() -> None:
    found = _roll(
        (0, 0, 1, 1, NEVER, 10.0), (0, 0, 1, 1, 4, 5.0), (0, 0, 1, 4, NEVER, 6.0)
    )  # fmt: skip
    assert _versions(found) == [(1, 1, 4, 2, 15), (1, 4, NEVER, 2, 16)]


def test_an_order_whose_lines_are_all_withdrawn_is_gone() -> None:
    assert _versions(_roll((0, 0, 1, 1, 4, 10.0))) == [(1, 1, 4, 1, 10)]


def test_a_line_of_no_amount_adds_nothing_and_an_order_of_such_lines_has_none() -> None:
    found = _roll((0, 0, 1, 1, NEVER, nan), (0, 0, 1, 1, NEVER, 5.0), (0, 1, 1, 1, NEVER, nan))
    assert found.measures[0][0] == 5
    assert np.isnan(found.measures[0][1])


def test_orders_of_one_id_at_two_accounts_are_two() -> None:
    found = _roll((0, 0, 1, 1, NEVER, 10.0), (1, 0, 1, 1, NEVER, 5.0))
    assert found.account.tolist() == [0, 1]
    assert found.measures.tolist() == [[10, 5]]


@pytest.mark.parametrize("until", [NEVER, 100])
def test_sums_are_taken_alike_whether_or_not_a_line_is_corrected_later(until: int) -> None:
    amounts = [0.1, 0.2, 0.3, 1e9, -1e9]
    lines: list[Line] = [(0, 0, 1, n + 1, NEVER, amount) for n, amount in enumerate(amounts)]
    lines[2] = (0, 0, 1, 3, until, 0.3)
    found = _roll(*lines)
    assert found.measures[0][4] == 0.1 + 0.2 + 0.3 + 1e9 - 1e9
