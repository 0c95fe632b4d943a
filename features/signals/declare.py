"""What is a signal? The few words that families declare signals with.

A signal is read off events by the kernel (`aggregate`), computed from other signals by a formula
(`derived`), looked up in the context of its day (`lookup`), or, where the formulas' language lacks
the words, computed by a function of arrays (`computed`). A *step* is a number on the way that is no
feature itself; its name begins with an underscore.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from features.formulas import Expression
from features.kernel import Floats, Output

Entity = Literal["account", "deal"]
Theme = Literal[
    "rhythm", "spend", "relationship", "service", "deal", "contract", "profile"
]  # fmt: skip
Function = Callable[..., Floats]

THEMES: tuple[Theme, ...] = (
    "rhythm", "spend", "relationship", "service", "deal", "contract", "profile",
)  # fmt: skip


@dataclass(frozen=True)
class About:
    """What the catalogue says of a feature.

    Attributes
    ----------
    unit : str
        days, orders, currency, share, ...
    theme : Theme
        Theme its contribution is summed into.
    reason : str
        Code of the reason it speaks for.
    meaning : str
        One line for people.
    churn, win : int
        Expected direction: 1 when a higher value goes with more churn (or wins), -1 with less, 0
        when nothing is expected.
    is_actionable : bool
        Whether a rep can change it.
    missing : str
        When the value is missing.
    """

    unit: str
    theme: Theme
    reason: str
    meaning: str
    churn: int = 0
    win: int = 0
    is_actionable: bool = False
    missing: str = "never, unless the table is absent"


@dataclass(frozen=True)
class Signal:
    """One declared number; see `aggregate`, `derived`, `lookup`, `computed`.

    Attributes
    ----------
    name : str
        Name; steps begin with an underscore.
    entity : Entity
        Whose row it belongs to.
    table : str
        Contract table it comes from.
    about : About or None
        None for a step.
    source, output : str and Output, or None
        For an aggregate.
    inputs : tuple of str
        Names declared earlier that it is computed from.
    formula : Expression or None
        For a derived signal.
    function : callable or None
        For a computed signal: takes the columns of the inputs and gives one.
    context : tuple of str or None
        For a lookup: context table and value; the one input holds the key's code, and `words`
        names its vocabulary.
    """

    name: str
    entity: Entity
    table: str
    about: About | None
    source: str | None = None
    output: Output | None = None
    inputs: tuple[str, ...] = ()
    formula: Expression | None = None
    function: Function | None = None
    context: tuple[str, str] | None = None

    @property
    def is_feature(self) -> bool:
        """Whether it is a column of the feature row."""
        return self.about is not None

    @property
    def window_days(self) -> float | None:
        """Window it looks back over; None for the whole history, or for a derived signal."""
        return None if self.output is None else self.output.window_days


def aggregate(
    name: str,
    source: str,
    output: Output,
    about: About | None = None,
    *,
    entity: Entity = "account",
    table: str | None = None,
) -> Signal:
    """Declare a number that the kernel reads off the events of a source."""
    return Signal(name, entity, table or source, about, source=source, output=output)


def derived(
    name: str,
    table: str,
    formula: Expression,
    about: About | None = None,
    *,
    entity: Entity = "account",
) -> Signal:
    """Declare a number computed from signals declared before it."""
    inputs = tuple(dict.fromkeys(formula.columns()))
    return Signal(name, entity, table, about, inputs=inputs, formula=formula)


def computed(
    name: str,
    table: str,
    inputs: tuple[str, ...],
    function: Function,
    about: About | None = None,
    *,
    entity: Entity = "account",
) -> Signal:
    """Declare a number that a function of arrays gives, once all formulas are worked out.

    Only another function, declared later, may take it.
    """
    return Signal(name, entity, table, about, inputs=inputs, function=function)


def lookup(
    name: str,
    table: str,
    key: str,
    context: tuple[str, str],
    about: About | None = None,
    *,
    entity: Entity = "account",
) -> Signal:
    """Declare a number that the context of the day knows for the key (a stage, an owner, ...)."""
    return Signal(name, entity, table, about, inputs=(key,), context=context)
