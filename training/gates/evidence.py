"""What do the gates look at? One frozen record of evidence, gathered before any is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.kernel import Codes, Floats
from training.backtest import Backtest
from training.dataset import Dataset
from training.evaluate import Scored

Words = NDArray[np.object_]

CHALLENGER, CHAMPION = "challenger", "champion"
"""Names under which the two stand in `Duel.scored`."""


@dataclass(frozen=True)
class Duel:
    """What champion and challenger said of the same rows.

    Attributes
    ----------
    version : str
        Of the champion.
    is_later : bool
        Whether the rows lie later than both were trained through; otherwise their recipes (rung
        and settings) were fitted anew on the slices of the challenger's back-test, and only the
        order of the rows is compared.
    scored : tuple of Scored
        Slice by slice, `CHALLENGER` and `CHAMPION`.
    """

    version: str
    is_later: bool
    scored: tuple[Scored, ...]


@dataclass(frozen=True)
class Rewritten:
    """A column in which rows of the past do not say what they said.

    Attributes
    ----------
    name : str
        Of the feature.
    share : float
        Of the rows that changed, 0..1.
    auc : float
        How well the change alone tells the outcome; 0.5 where it does not.
    """

    name: str
    share: float
    auc: float


@dataclass(frozen=True)
class Reread:
    """Training rows made again from what was known on their day alone.

    Attributes
    ----------
    day : str
        Their day.
    n : int
        How many rows.
    missing : int
        Rows that were there only because of records that became known later.
    columns : tuple of Rewritten
        Features that differ.
    """

    day: str
    n: int
    missing: int
    columns: tuple[Rewritten, ...]


@dataclass(frozen=True)
class Remembered:
    """What is left of the rows that the champion was trained on.

    Attributes
    ----------
    version : str
        Of the champion.
    was, now : (n,) float64
        Outcomes of the same rows, then and now.
    n_values : int
        Rows whose features were kept too.
    columns : tuple of Rewritten
        Features of those rows that differ.
    """

    version: str
    was: Floats
    now: Floats
    n_values: int
    columns: tuple[Rewritten, ...]


@dataclass(frozen=True)
class Footprint:
    """What the final model costs.

    Attributes
    ----------
    megabytes : float
        Of the text of its trees and of its numbers.
    milliseconds : float
        Median time of one row's probability and contributions.
    """

    megabytes: float
    milliseconds: float


@dataclass(frozen=True)
class Spoken:
    """What the final model says of some rows.

    Attributes
    ----------
    score : (n,) float64
        Probabilities.
    age : (n,) float64
        Days since the first order of the account, or since the deal was opened; NaN unknown.
    group : (n,) int64
        Account of each row.
    """

    score: Floats
    age: Floats
    group: Codes


@dataclass(frozen=True)
class Evidence:
    """Everything that gates judge by; what could not be gathered is None, and not asked about.

    Attributes
    ----------
    result : Backtest
        Of the challenger's recipe.
    data : Dataset
        Training rows of the final model.
    words : mapping of str to tuple of (n,) object
        By key (segment, stage): what each test row belongs to, slice by slice.
    duel : Duel or None
        Against the champion, where there is one that can be compared.
    why_no_duel : str
        What is said where there is none.
    reread : Reread or None
        Training rows made again.
    remembered : Remembered or None
        Rows that the champion learnt from.
    past, new : Spoken or None
        What the final model says of its training rows, and of everyone on the newest day.
    footprint : Footprint or None
        What the final model costs.
    """

    result: Backtest
    data: Dataset
    words: Mapping[str, tuple[Words, ...]]
    duel: Duel | None = None
    why_no_duel: str = "there is no champion to compare with"
    reread: Reread | None = None
    remembered: Remembered | None = None
    past: Spoken | None = None
    new: Spoken | None = None
    footprint: Footprint | None = None

    @property
    def scored(self) -> tuple[Scored, ...]:
        """What everyone said on each test day."""
        return tuple(found.scored for found in self.result.slices)


@dataclass(frozen=True)
class Answer:
    """What one gate found: whether the model may pass, and one sentence for people."""

    passed: bool
    text: str
