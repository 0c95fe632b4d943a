"""How is the feature row of an entity made, given which columns the records have?

A plan is made once per shape of the records and kept: a request finds the one that the request
before it has made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from features.kernel import Codes, Output, Program, Shape, State, program_for
from features.lookups import Tables
from features.registers import Assembler, Instructions
from features.signals.catalogue import (
    ACCOUNT_SIGNALS,
    DEAL_SIGNALS,
    FROM_CALLER,
    account_prefix,
    feature_names,
)
from features.signals.deals import OF_ACCOUNT
from features.signals.declare import Entity, Function, Signal

DEAL_KEYS = ("stage", "owner", "product", "lead_source", "competitor")
"""What tells deals apart from the start: fields of their own."""
KEYS: Mapping[Entity, tuple[str, ...]] = {
    "account": ("segment", "country"),
    "deal": (*DEAL_KEYS, "deal_kind"),
}
"""What a row belongs to, by the name of its vocabulary; deals have their account's segment too."""
Shapes = tuple[tuple[str, Shape], ...]
"""Sources of events, with what can be read off each."""


@dataclass(frozen=True)
class Plan:
    """What is done, in turn, to fill a block of rows.

    Attributes
    ----------
    names : tuple of str
        Features: the first registers of the block.
    registers : mapping of str to int
        Register of every signal.
    sources : tuple of (str, Program)
        What the kernel reads off the events of each source.
    tables : Tables
        What is looked up in the context.
    known : frozenset of str
        Vocabularies of which some code may be read; without their source or column none is.
    instructions : Instructions
        Look-ups and formulas.
    functions : tuple of (int, callable, tuple of int)
        Register that a function of arrays fills, and those that it takes; run last.
    local_day, utc_day : int
        Registers of what every row brings along.
    carrying, carried : (n_carried,) int64
        Registers that hold features of the account, and their columns in the account's row.
    keys : (n_keys,) int64
        Registers of the codes that `KEYS` names.
    """

    names: tuple[str, ...]
    registers: Mapping[str, int]
    sources: tuple[tuple[str, Program], ...]
    tables: Tables
    known: frozenset[str]
    instructions: Instructions
    functions: tuple[tuple[int, Function, tuple[int, ...]], ...]
    local_day: int
    utc_day: int
    carrying: Codes
    carried: Codes
    keys: Codes


@lru_cache(maxsize=256)
def plan_of(entity: Entity, shapes: Shapes) -> Plan:
    """How are the rows of an entity made from sources of these shapes?

    What cannot be read, for want of a source or a column, stays missing.
    """
    signals = ACCOUNT_SIGNALS if entity == "account" else DEAL_SIGNALS
    names = feature_names(entity)
    steps = (*FROM_CALLER, *(signal.name for signal in signals if not signal.is_feature))
    registers = {name: place for place, name in enumerate((*names, *steps))}
    of_account = feature_names("account")
    carried = OF_ACCOUNT if entity == "deal" else ()
    tables = _tables(signals)
    programs = _programs(signals, shapes, registers)
    return Plan(
        names,
        registers,
        programs,
        tables,
        _known(signals, registers, programs),
        _instructions(signals, registers, tables),
        tuple(
            (registers[s.name], s.function, tuple(registers[name] for name in s.inputs))
            for s in signals
            if s.function is not None
        ),
        registers["_as_of_day"],
        registers["_as_of_utc_day"],
        np.array([registers[account_prefix(name)] for name in carried], dtype=np.int64),
        np.array([of_account.index(name) for name in carried], dtype=np.int64),
        np.array([registers[f"_{name}"] for name in KEYS[entity]], dtype=np.int64),
    )


def _programs(
    signals: Sequence[Signal], shapes: Shapes, registers: Mapping[str, int]
) -> tuple[tuple[str, Program], ...]:
    programs = []
    for source, shape in shapes:
        outputs = tuple(
            (registers[signal.name], signal.output)
            for signal in signals
            if signal.source == source
            and signal.output is not None
            and _is_readable(signal.output, shape)
        )
        if outputs:
            programs.append((source, program_for(shape, outputs)))
    return tuple(programs)


def _is_readable(output: Output, shape: Shape) -> bool:
    """Do the events carry what is asked for (absent columns leave it out)?"""
    return (
        all(name in shape.measure_names for name in (output.measure, output.weight) if name)
        and (output.state is State.ANY or shape.has_later)
        and all(flag in shape.flag_names for flag in output.where)
    )


def _tables(signals: Sequence[Signal]) -> Tables:
    names: dict[str, list[str]] = {}
    for signal in signals:
        if signal.context is not None:
            names.setdefault(signal.context[0], []).append(signal.context[1])
    return tuple((table, tuple(found)) for table, found in names.items())


def _known(
    signals: Sequence[Signal],
    registers: Mapping[str, int],
    programs: Sequence[tuple[str, Program]],
) -> frozenset[str]:
    """Which steps that hold codes are filled, by the names of their vocabularies?"""
    filled = {int(column) for _, program in programs for column in program.outputs[:, 2]}
    return frozenset(
        signal.name.removeprefix("_")
        for signal in signals
        if signal.formula is not None or registers[signal.name] in filled
    )


def _instructions(
    signals: Sequence[Signal], registers: Mapping[str, int], tables: Tables
) -> Instructions:
    """Write look-ups and formulas in the order of their declaration."""
    assembler = Assembler(registers)
    places = {
        (table, name): (number, place)
        for number, (table, names) in enumerate(tables)
        for place, name in enumerate(names)
    }
    for signal in signals:
        if signal.context is not None:
            assembler.look_up(signal.name, signal.inputs[0], *places[signal.context])
        elif signal.formula is not None:
            assembler.compute(signal.name, signal.formula)
    return assembler.finish()
