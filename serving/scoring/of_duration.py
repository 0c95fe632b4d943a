"""When will each open deal close?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.context import Context
from features.events import EventSet
from features.kernel import Codes, Floats
from features.matrix import FeatureMatrix, deal_rows
from training.artefact import Champion
from training.models import Hazards

WON_BY_DAYS = (30, 60, 90, 180, 365)
"""Days ahead at which the chance of having been won is shown."""


@dataclass(frozen=True)
class Durations:
    """When open deals close; arrays of their number.

    Attributes
    ----------
    expected_days, p80_days : (n,) float64
        Days until the deal is closed with chances of 50 and of 80 %.
    won_by : (n, 5) float64 or None
        Chance of having been won by `WON_BY_DAYS`; None where no model speaks.
    rung : str
        Of the model; ``prior`` for the usual days of the stage.
    """

    expected_days: Floats
    p80_days: Floats
    won_by: Floats | None
    rung: str


def usual_durations(rows: FeatureMatrix, context: Context) -> Durations:
    """Usual days until a deal in its stage closes, by the context."""
    stage = context.tables["stage"]
    expected, p80 = (
        np.array([stage.get(word, name) for word in rows.keys["stage"]], dtype=np.float64)
        for name in ("days_to_close", "days_to_close_p80")
    )
    return Durations(expected, p80, None, "prior")


def score_durations(
    events: EventSet,
    champion: Champion | None,
    moment: int,
    code: Codes,
    rows: FeatureMatrix | None,
    context: Context | None,
    p_win: Floats | None,
    horizon_days: int,
) -> Durations | None:
    """What does the duration champion say of some open deals? None without one.

    Parameters
    ----------
    events : EventSet
        Events of the deals.
    champion : Champion or None
        Of `duration`.
    moment : int
        As of.
    code : (n,) int64
        Open deals.
    rows, context : FeatureMatrix and Context or None
        The close model's rows of them, and what they were made with; read where the champion's own
        context is the same.
    p_win : (n,) float64 or None
        What the close model says of them, and within how many days; the curves are moved to it.
    horizon_days : int
        Of `p_win`.
    """
    if champion is None or not isinstance(champion.rung, Hazards):
        return None
    own, _ = champion.context_for(moment)
    if rows is None or context is None or context.version != own.version:
        moments = np.full(code.size, moment, dtype=np.int64)
        rows = deal_rows(events, code, moments, {moment: own})
    curves = champion.rung.curves(rows, p_win, horizon_days)
    won_by = np.column_stack([curves.by(float(days))[0] for days in WON_BY_DAYS])
    return Durations(curves.days_until(0.5), curves.days_until(0.8), won_by, champion.rung.name)
