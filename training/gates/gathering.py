"""How is the evidence gathered that gates judge by?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from features.errors import FanalError, NotReady
from features.kernel import Codes
from features.matrix import FeatureMatrix
from training.artefact import Champion, load_champion
from training.backtest import Backtest
from training.dataset import Dataset, Workshop
from training.gates.dueling import duel
from training.gates.evidence import Evidence, Footprint, Spoken, Words
from training.gates.remembering import read_snapshot, remembered
from training.gates.rereading import reread
from training.manifest import to_json

_KEYS = ("segment", "stage")
_AGE: Mapping[str, str] = {"account": "days_since_first_order", "deal": "deal_age_days"}
_TRIES = 15
_MOST_SCORED = 20_000


def gather(
    result: Backtest,
    data: Dataset,
    workshop: Workshop,
    challenger: Champion,
    home: Path,
) -> Evidence:
    """Gather what gates judge by, for a model that is fitted and not yet registered.

    Parameters
    ----------
    result : Backtest
        Of the challenger's recipe.
    data : Dataset
        Training rows of the final model.
    workshop : Workshop
        Makes the rows.
    challenger : Champion
        The final model.
    home : Path
        Where the champion and its snapshot lie.
    """
    champion, why_no_duel = _champion(home, challenger)
    snapshot = None if champion is None else read_snapshot(home, champion)
    memory = None
    if champion is not None and snapshot is not None:
        memory = remembered(snapshot, champion.version, workshop, data)
    step = max(1, data.size // _MOST_SCORED)
    some = data.take(np.arange(0, data.size, step))
    newest = workshop.rows(workshop.data_end)
    return Evidence(
        result,
        data,
        _words(result, workshop),
        duel=None if champion is None else duel(champion, result, workshop),
        why_no_duel=why_no_duel,
        reread=reread(workshop, data),
        remembered=memory,
        past=_spoken(challenger, some.matrix, some.group),
        new=_spoken(challenger, newest, newest.code),
        footprint=_footprint(challenger, data),
    )


def _champion(home: Path, challenger: Champion) -> tuple[Champion | None, str]:
    """Load the champion there is; or say why nothing can be compared with it."""
    try:
        champion = load_champion(home, challenger.portfolio.name, challenger.model)
    except NotReady:
        return None, "there is no champion to compare with"
    except FanalError as error:
        return None, f"the champion cannot be compared with: {error.message}"
    if champion.task != challenger.task:
        return None, f"version {champion.version} answers another question (horizon or cohort)"
    return champion, f"the rung of version {champion.version} cannot be fitted anew"


def _words(result: Backtest, workshop: Workshop) -> Mapping[str, tuple[Words, ...]]:
    """To which segment and stage does each test row belong?"""
    tested = [
        workshop.dataset([found.slice.test_date], workshop.data_end).matrix
        for found in result.slices
    ]
    return {
        key: tuple(rows.keys[key] for rows in tested)
        for key in _KEYS
        if all(key in rows.keys for rows in tested)
    }


def _spoken(challenger: Champion, rows: FeatureMatrix, group: Codes) -> Spoken:
    return Spoken(challenger.probability(rows), rows.column(_AGE[rows.entity]), group)


def _footprint(challenger: Champion, data: Dataset) -> Footprint:
    trees = [booster.model_to_string() for booster in challenger.rung.boosters.values()]
    size = sum(map(len, trees)) + len(to_json(challenger.rung.to_json()))
    row = data.matrix.take(np.array([0]))
    times = []
    for _ in range(_TRIES):
        start = time.perf_counter()
        challenger.probability(row)
        challenger.contributions(row)
        times.append(time.perf_counter() - start)
    return Footprint(size / 1e6, 1e3 * float(np.median(times)))
