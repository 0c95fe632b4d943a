"""How is a number of a row computed from others of the same row? A small language for it.

A formula is data: a tree of operations on columns and constants, built by writing arithmetic on
`col`. It can be read, compared and written down, and it is compiled once into a program of integers
that one compiled loop runs over any number of rows (`features.registers`).

Missing is NaN and spreads through arithmetic. A comparison with a missing value does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias


class Operation(IntEnum):
    """What is done with the operands, in the sense of IEEE 754."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3
    REMAINDER = 4
    """Of a division rounded down: never negative for a positive divisor."""
    NEGATE = 5
    MINIMUM = 6
    """Missing where either is."""
    MAXIMUM = 7
    """Missing where either is."""
    GREATER = 8
    AT_LEAST = 9
    EQUAL = 10
    IS_MISSING = 11
    WHERE = 12
    """The second operand where the first holds, else the third."""
    LOOK_UP = 13
    """What the context of the row's day says; a program has it, a formula does not."""


Operand: TypeAlias = "Expression | float"


@dataclass(frozen=True)
class Expression:
    """A column, a number, or an operation on expressions.

    Attributes
    ----------
    operation : Operation or None
        None for a column or a number.
    operands : tuple of Expression
        What it is done with.
    column : str or None
        Name of the signal that is read.
    number : float
        The constant where there is neither operation nor column.
    """

    operation: Operation | None = None
    operands: tuple[Expression, ...] = ()
    column: str | None = None
    number: float = float("nan")

    def columns(self) -> Iterator[str]:
        """Names of the columns read, as often as they are."""
        if self.column is not None:
            yield self.column
        for operand in self.operands:
            yield from operand.columns()

    def __str__(self) -> str:
        if self.operation is None:
            return self.column or repr(self.number)
        return f"{self.operation.name.lower()}({', '.join(map(str, self.operands))})"

    def __add__(self, other: Operand) -> Expression:
        return _apply(Operation.ADD, self, other)

    def __radd__(self, other: float) -> Expression:
        return _apply(Operation.ADD, other, self)

    def __sub__(self, other: Operand) -> Expression:
        return _apply(Operation.SUBTRACT, self, other)

    def __mul__(self, other: Operand) -> Expression:
        return _apply(Operation.MULTIPLY, self, other)

    def __rmul__(self, other: float) -> Expression:
        return _apply(Operation.MULTIPLY, other, self)

    def __truediv__(self, other: Operand) -> Expression:
        return _apply(Operation.DIVIDE, self, other)

    def __mod__(self, other: Operand) -> Expression:
        return _apply(Operation.REMAINDER, self, other)

    def __neg__(self) -> Expression:
        return _apply(Operation.NEGATE, self)

    def __gt__(self, other: Operand) -> Expression:
        return _apply(Operation.GREATER, self, other)

    def __lt__(self, other: Operand) -> Expression:
        return _apply(Operation.GREATER, other, self)

    def __ge__(self, other: Operand) -> Expression:
        return _apply(Operation.AT_LEAST, self, other)


MISSING = Expression()
"""The constant that stands for a missing value."""


def _expression(operand: Operand) -> Expression:
    return operand if isinstance(operand, Expression) else Expression(number=float(operand))


def _apply(operation: Operation, *operands: Operand) -> Expression:
    return Expression(operation, tuple(_expression(operand) for operand in operands))


def col(name: str) -> Expression:
    """Read a signal declared before.

    >>> print(2.0 * col("orders") - 1.0)
    subtract(multiply(2.0, orders), 1.0)
    """
    return Expression(column=name)


def minimum(one: Operand, other: Operand) -> Expression:
    """Take the smaller of two numbers; missing where either is."""
    return _apply(Operation.MINIMUM, one, other)


def maximum(one: Operand, other: Operand) -> Expression:
    """Take the larger of two numbers; missing where either is."""
    return _apply(Operation.MAXIMUM, one, other)


def clip(value: Operand, low: float, high: float) -> Expression:
    """Keep a number within bounds; missing stays missing."""
    return minimum(maximum(value, low), high)


def equal(one: Operand, other: Operand) -> Expression:
    """Hold where two numbers are the same; a missing one is not."""
    return _apply(Operation.EQUAL, one, other)


def is_missing(value: Operand) -> Expression:
    """Hold where a number is missing."""
    return _apply(Operation.IS_MISSING, value)


def where(condition: Expression, then: Operand, otherwise: Operand) -> Expression:
    """Take one number where a condition holds, else the other."""
    return _apply(Operation.WHERE, condition, then, otherwise)


def ratio(numerator: Operand, denominator: Operand) -> Expression:
    """How many times the denominator is the numerator? Missing where the denominator is not > 0.

    >>> from features.registers import value_of
    >>> value_of(ratio(col("a"), col("b")), a=3.0, b=2.0)
    1.5
    >>> value_of(ratio(col("a"), col("b")), a=1.0, b=0.0)
    nan
    """
    below = _expression(denominator)
    return where(below > 0.0, _expression(numerator) / below, MISSING)


def change(now: Expression, both: Expression) -> Expression:
    """By what share did a window grow over the one before it, from -1 to 1?

    ``now`` is the recent window, ``both`` the two together: (now - before) / both.

    >>> from features.registers import value_of
    >>> value_of(change(col("now"), col("both")), now=3.0, both=4.0)
    0.5
    """
    return ratio(2.0 * now - both, both)
