"""On which rows are settings judged: later days, or other accounts?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.dataset import Dataset

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask]

_LEAST_DAYS = 6
_FOLDS = 3
_SEED = 7


def pairs_of(data: Dataset) -> tuple[Pair, ...]:
    """Rows to fit and rows to check: the last third of the days, or accounts held out.

    Days need no label window between them here: what is learnt from the earlier ones is cut to what
    was known on the first of the later ones.
    """
    moments = np.unique(data.matrix.as_of)
    if moments.size >= _LEAST_DAYS:
        first = moments[-(-moments.size * 2 // 3)]
        return ((data.matrix.as_of < first, data.matrix.as_of >= first),)
    groups, member = np.unique(data.group, return_inverse=True)
    if groups.size < _FOLDS:
        return ()
    fold = np.random.default_rng(_SEED).permutation(groups.size) % _FOLDS
    return tuple((fold[member] != number, fold[member] == number) for number in range(_FOLDS))
