"""What formulas give, held to plain numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from features.formulas import (
    MISSING,
    Expression,
    change,
    clip,
    col,
    equal,
    is_missing,
    maximum,
    minimum,
    ratio,
    where,
)
from features.kernel import Floats
from features.registers import Assembler, evaluate, value_of

A, B, C = col("a"), col("b"), col("c")
VALUES = (-2.5, -1.0, -0.0, 0.0, 0.1, 3.0, 1e308, np.inf, -np.inf, np.nan)
Numpy = Callable[[Floats, Floats], Floats]

CASES: list[tuple[Expression, Numpy]] = [
    (A + B, np.add),
    (A - B, np.subtract),
    (A * B, np.multiply),
    (A / B, np.divide),
    (-A, lambda a, _: -a),
    (2.0 * A + 0.5, lambda a, _: 2.0 * a + 0.5),
    (1.0 + A * A, lambda a, _: 1.0 + a * a),
    (A % 7.0, lambda a, _: a % 7.0),
    (minimum(A, B), np.minimum),
    (maximum(A, B), np.maximum),
    (clip(A, -1.0, 1.0), lambda a, _: np.clip(a, -1.0, 1.0)),
    (where(A > B, 1.0, 0.0), lambda a, b: np.where(a > b, 1.0, 0.0)),
    (where(A < B, A, B), lambda a, b: np.where(a < b, a, b)),
    (where(A >= B, A, MISSING), lambda a, b: np.where(a >= b, a, np.nan)),
    (where(equal(A, B), 1.0, A), lambda a, b: np.where(a == b, 1.0, a)),
    (where(is_missing(A), B, A), lambda a, b: np.where(np.isnan(a), b, a)),
    (ratio(A, B), lambda a, b: np.where(b > 0, a / b, np.nan)),
    (change(A, B), lambda a, b: np.where(b > 0, (2.0 * a - b) / b, np.nan)),
    ((A + B) / (A - B) - (B * A) / (A + 1.0),
     lambda a, b: (a + b) / (a - b) - (b * a) / (a + 1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "expected"), CASES, ids=[str(case[0]) for case in CASES])
def test_a_formula_gives_what_numpy_gives(formula: Expression, expected: Numpy) -> None:
    for a in VALUES:
        for b in VALUES:
            with np.errstate(all="ignore"):
                value = float(expected(np.array([a]), np.array([b]))[0])
            found = value_of(formula, a=a, b=b)
            assert found == value or np.isnan([found, value]).all(), (a, b)


def test_a_formula_reads_what_one_before_it_wrote() -> None:
    assembler = Assembler({"a": 0, "double": 1, "more": 2})
    assembler.compute("double", 2.0 * A)
    assembler.compute("more", col("double") + 2.0)
    program = assembler.finish()
    block = program.block(3)
    block[0] = [1.0, 2.0, 3.0]
    none = np.zeros(3, dtype=np.int64)
    evaluate(program.table, block, 3, none, none[None], none, np.empty(0))
    assert block[2].tolist() == [4.0, 6.0, 8.0]


def test_a_look_up_takes_the_row_of_its_word_and_the_last_for_what_is_missing() -> None:
    assembler = Assembler({"key": 0, "first": 1, "second": 2})
    assembler.look_up("first", "key", table=0, name=0)
    assembler.look_up("second", "key", table=0, name=1)
    program = assembler.finish()
    block = program.block(4)
    block[0] = [0.0, 1.0, np.nan, 0.0]
    # Two words and the portfolio; in the second context the first word is not known.
    places = np.array([[0, 2, 4], [10, 8, 10]])
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 7.0, 8.0, 9.0, 10.0])
    moment, first_word = np.array([0, 0, 0, 1]), np.array([0, 3])
    evaluate(program.table, block, 4, moment, places, first_word, values)
    assert block[1].tolist() == [1.0, 3.0, 5.0, 9.0]
    assert block[2].tolist() == [2.0, 4.0, 6.0, 10.0]


def test_a_formula_says_what_it_computes_and_from_what() -> None:
    formula = ratio(A, maximum(B, 1.0)) - A
    assert str(formula) == (
        "subtract(where(greater(maximum(b, 1.0), 0.0), divide(a, maximum(b, 1.0)), nan), a)"
    )
    assert set(formula.columns()) == {"a", "b"}
    assert formula == ratio(A, maximum(B, 1.0)) - A
    assert formula != ratio(A, maximum(B, 2.0)) - A


def test_a_bare_column_is_no_formula() -> None:
    with pytest.raises(ValueError, match="no formula"):
        Assembler({"a": 0, "b": 1}).compute("b", A)
