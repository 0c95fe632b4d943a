"""Which rung was it that was kept?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm

from training.models import margins
from training.models.amounts import two_part_from_json
from training.models.hazards import hazards_from_json
from training.models.margins import Rung


def rung_from_json(body: Mapping[str, Any], boosters: Mapping[str, lightgbm.Booster]) -> Rung:
    """Which rung do these parts make? The reverse of `to_json` and `boosters`, for every model.

    Parameters
    ----------
    body : mapping
        What `to_json` gave, and the rung's `name`.
    boosters : mapping of str to Booster
        By name.

    Raises
    ------
    ValueError, KeyError, TypeError
        When the parts make no rung.
    """
    kind = body.get("kind")
    if kind == "duration":
        return hazards_from_json(body, boosters)
    if kind == "value":
        return two_part_from_json(body, boosters)
    if kind is not None:
        raise ValueError(f"no kind of model {kind!r}")
    return margins.margins_from_json(body, boosters)
