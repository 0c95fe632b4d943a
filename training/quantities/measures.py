"""How good are some distributions of amounts, or of days?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.kernel import Floats
from training.models.spread import Amounts

SHARES = (0.1, 0.5, 0.9)
_SEED = 7


def pinball(said: Floats, amount: Floats, share: float) -> Floats:
    """(n,) loss of a quantile: proper for it (Koenker & Bassett, Econometrica 46(1), 1978).

    >>> pinball(np.array([10.0, 10.0]), np.array([20.0, 0.0]), 0.9).round(6).tolist()
    [9.0, 1.0]
    """
    off = amount - said
    return np.asarray(np.maximum(share * off, (share - 1.0) * off))


def pinballs(said: Amounts, amount: Floats, shares: Sequence[float] = SHARES) -> Floats:
    """(n,) mean pinball loss of the 10, 50 and 90 % quantiles."""
    return np.asarray(
        np.mean([pinball(said.quantile(share), amount, share) for share in shares], axis=0)
    )


def covered(said: Amounts, amount: Floats, *, seed: int = _SEED) -> Floats:
    """(n,) 1 where the 80 % interval holds the amount, at random within the atom of zero."""
    draw = np.random.default_rng(seed).random(amount.size)
    place = said.place(amount, draw)
    return ((place >= 0.1) & (place <= 0.9)).astype(np.float64)
