"""Which numbers do the formulas give, row by row?

Rows lie side by side in a *block*: one register (a row of the block) per column, intermediate
result and constant, one column of the block per row of the result. A program is a table of
instructions (operation, target register, three operands), run one after the other over the block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit

from features.formulas import Expression, Operation
from features.kernel import Codes, Floats


@dataclass(frozen=True)
class Instructions:
    """A program, and the block that it needs.

    Attributes
    ----------
    table : (n_instructions, 5) int64
        Operation, target, and operands; negative registers are counted from the end of the block.
    constants : (n_constants,) float64
        What the last registers hold, in their order.
    width : int
        Number of registers.
    """

    table: Codes
    constants: Floats
    width: int

    def block(self, rows: int) -> Floats:
        """Make a block: constants are filled in, all else is missing until it is written."""
        block = np.full((self.width, rows), np.nan)
        block[self.width - self.constants.size :] = self.constants[:, None]
        return block


class Assembler:
    """Writes a program.

    Parameters
    ----------
    columns : mapping of str to int
        Register of each column that a formula may name: the first registers of the block.
    """

    def __init__(self, columns: Mapping[str, int]) -> None:
        self._columns = columns
        self._constants: dict[str, float] = {}
        self._table: list[tuple[int, int, int, int, int]] = []
        self._width = len(columns)

    def look_up(self, target: str, key: str, table: int, name: int) -> None:
        """Fill a column with what a table of the context says of a key."""
        registers = self._columns[target], self._columns[key]
        self._table.append((int(Operation.LOOK_UP), *registers, table, name))

    def compute(self, target: str, formula: Expression) -> None:
        """Fill a column with the value of a formula."""
        if formula.operation is None:
            raise ValueError(f"{target} is no formula but {formula}")
        self._emit(formula, formula.operation, self._columns[target], len(self._columns))

    def _emit(self, formula: Expression, operation: Operation, target: int, free: int) -> None:
        operands = [0, 0, 0]
        for place, operand in enumerate(formula.operands):
            operands[place] = self._register(operand, free + place)
        self._table.append((int(operation), target, operands[0], operands[1], operands[2]))

    def _register(self, operand: Expression, free: int) -> int:
        """Where does an operand lie? An intermediate result goes to the first free register."""
        if operand.column is not None:
            return self._columns[operand.column]
        if operand.operation is None:
            number = self._constants.setdefault(repr(operand.number), operand.number)
            return -1 - list(self._constants).index(repr(number))
        self._emit(operand, operand.operation, free, free)
        self._width = max(self._width, free + 1)
        return free

    def finish(self) -> Instructions:
        """Hand over what was written."""
        constants = list(self._constants.values())
        return Instructions(
            np.array(self._table, dtype=np.int64).reshape(-1, 5),
            np.array(constants[::-1], dtype=np.float64),
            self._width + len(constants),
        )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _arithmetic(operation, target, a, b, n):  # type: ignore[no-untyped-def]
    """Run one operation that gives a number."""
    if operation == 0:
        for i in range(n):
            target[i] = a[i] + b[i]
    elif operation == 1:
        for i in range(n):
            target[i] = a[i] - b[i]
    elif operation == 2:
        for i in range(n):
            target[i] = a[i] * b[i]
    elif operation == 3:
        for i in range(n):
            target[i] = a[i] / b[i]
    elif operation == 4:
        for i in range(n):
            target[i] = a[i] % b[i]
    elif operation == 5:
        for i in range(n):
            target[i] = -a[i]
    elif operation == 6:
        for i in range(n):
            target[i] = a[i] if a[i] <= b[i] or a[i] != a[i] else b[i]
    elif operation == 7:
        for i in range(n):
            target[i] = a[i] if a[i] >= b[i] or a[i] != a[i] else b[i]


@njit(cache=True, nogil=True, inline="always")
def _choice(operation, target, a, b, c, n):  # type: ignore[no-untyped-def]
    """Run one operation that compares or chooses; what holds is 1, what does not is 0."""
    if operation == 8:
        for i in range(n):
            target[i] = 1.0 if a[i] > b[i] else 0.0
    elif operation == 9:
        for i in range(n):
            target[i] = 1.0 if a[i] >= b[i] else 0.0
    elif operation == 10:
        for i in range(n):
            target[i] = 1.0 if a[i] == b[i] else 0.0
    elif operation == 11:
        for i in range(n):
            target[i] = 1.0 if a[i] != a[i] else 0.0
    elif operation == 12:
        for i in range(n):
            target[i] = b[i] if a[i] != 0.0 else c[i]


@njit(
    "void(int64[:, ::1], float64[:, ::1], int64, int64[::1], int64[:, ::1], int64[::1],"
    " float64[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def evaluate(table, block, n, moment, places, first_word, values):  # type: ignore[no-untyped-def]
    """Run a program over the first ``n`` columns of a block.

    Parameters
    ----------
    table : (n_instructions, 5) int64
        `Instructions.table`.
    block : (width, at least n) float64
        Read and written.
    n : int
        Rows of the result that the block holds.
    moment : (at least n,) int64
        Which context holds for each row.
    places : (n_moments, n_words) int64
        Per context, where in `values` the row of each word begins; the words of one table follow
        each other, the portfolio's last.
    first_word : (n_tables + 1,) int64
        Column of `places` at which the words of each table begin.
    values : (n_values,) float64
        Values of all contexts.
    """
    for line in range(table.shape[0]):
        operation = table[line, 0]
        target = block[table[line, 1]]
        a = block[table[line, 2]]
        if operation == 13:
            first = first_word[table[line, 3]]
            unknown = first_word[table[line, 3] + 1] - 1
            for i in range(n):
                word = unknown if a[i] != a[i] else first + np.int64(a[i])
                target[i] = values[places[moment[i], word] + table[line, 4]]
        elif operation < 8:
            _arithmetic(operation, target, a, block[table[line, 3]], n)
        else:
            _choice(operation, target, a, block[table[line, 3]], block[table[line, 4]], n)


@njit(
    "void(float64[:, ::1], int64, float64[:, ::1], int64[::1], int64[:, :])",
    cache=True,
    nogil=True,
)
def write_out(block, n, out, registers, codes):  # type: ignore[no-untyped-def]
    """Copy the first registers of a block to rows of a matrix, and some to codes (-1: missing).

    An infinity is no number a model or a person can use: it is written as missing.
    """
    width = out.shape[1]
    for low in range(0, n, 8):
        high = min(low + 8, n)
        for column in range(width):
            for i in range(low, high):
                value = block[column, i]
                out[i, column] = value if np.isfinite(value) else np.nan
    for k in range(registers.shape[0]):
        for i in range(n):
            code = block[registers[k], i]
            codes[k, i] = -1 if np.isnan(code) else np.int64(code)


def value_of(formula: Expression, **columns: float) -> float:
    """What is a formula worth for one row? For examples and tests.

    >>> from features.formulas import col
    >>> value_of((col("day") + 3.0) % 7.0, day=14978.0)  # 2011-01-04, a Tuesday
    1.0
    """
    registers = {name: place for place, name in enumerate((*columns, ""))}
    assembler = Assembler(registers)
    assembler.compute("", formula)
    program = assembler.finish()
    block = program.block(1)
    block[: len(columns), 0] = list(columns.values())
    none = np.zeros(1, dtype=np.int64)
    evaluate(program.table, block, 1, none, none[None], none, np.empty(0))
    return float(block[len(columns), 0])
