from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.gates.planted import sound
from training.gates.evidence import Remembered, Reread, Rewritten
from training.gates.past import did_not_change

WAS = np.repeat([0.0, 1.0], 100)


def test_rows_that_are_what_they_were_pass_and_are_counted() -> None:
    found = did_not_change(sound())
    assert found.passed
    assert found.text == (
        "400 rows of 2011-03-01 are the same without later records; 200 rows of version 1 have not"
        " been rewritten with their outcome"
    )


@pytest.mark.parametrize(
    ("column", "passed"),
    [
        (Rewritten("amount", 0.3, 0.5), True),
        (Rewritten("amount", 0.3, 0.65), False),
        (Rewritten("amount", 0.3, 0.35), False),
        (Rewritten("amount", 0.005, 1.0), True),
    ],
)
def test_a_rewritten_value_is_a_leak_when_the_change_tells_the_outcome(
    column: Rewritten, passed: bool
) -> None:
    evidence = replace(sound(), remembered=Remembered("3", WAS, WAS, 200, (column,)))
    assert did_not_change(evidence).passed is passed


def test_a_value_from_later_records_is_named_with_its_share() -> None:
    columns = (Rewritten("complaints", 0.25, 0.5), Rewritten("orders_90d", 0.125, 0.5))
    found = did_not_change(replace(sound(), reread=Reread("2011-03-01", 400, 0, columns)))
    assert (found.passed, found.text) == (
        False,
        "complaints of 25.0% of the rows of 2011-03-01 comes from records that were known only"
        " later, and so do 1 others",
    )


def test_rows_that_were_not_there_yet_are_a_leak() -> None:
    found = did_not_change(replace(sound(), reread=Reread("2011-03-01", 400, 40, ())))
    assert (found.passed, found.text) == (
        False, "40 of 400 rows of 2011-03-01 were not there yet on that day",
    )  # fmt: skip
