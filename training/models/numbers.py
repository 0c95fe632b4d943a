"""Which numbers does a list in a model's JSON hold, if they are numbers at all?"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.kernel import Floats


def table(values: Any, shape: tuple[int, ...]) -> Floats:  # Any: JSON
    """Finite numbers in the shape that is expected.

    Raises
    ------
    ValueError, TypeError
        When they are not.

    >>> table([[1, 2]], (1, 2)).tolist()
    [[1.0, 2.0]]
    """
    found = np.array(values, dtype=np.float64)
    if found.shape != shape or not np.isfinite(found).all():
        raise ValueError("finite numbers in the expected shape")
    return found
