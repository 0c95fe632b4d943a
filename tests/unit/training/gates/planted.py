"""Evidence for gates: that of a sound model, in which a test changes one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from scipy.special import expit

from features.kernel import Floats
from tests.unit.training.made import TASK, dataset
from training.backtest import Backtest, Skill, SliceResult
from training.dataset import Dataset
from training.evaluate import Interval, Scored, measure
from training.gates.evidence import (
    CHALLENGER,
    CHAMPION,
    Duel,
    Evidence,
    Footprint,
    Remembered,
    Reread,
    Spoken,
)
from training.slices import Slice

DATA = dataset(accounts=400)
DAYS = (date(2011, 5, 1), date(2011, 6, 1))
ROWS = 1500
SEGMENTS = np.array(["retail", "public", "trade"], dtype=object)


def truth(seed: int) -> tuple[Floats, Floats]:
    """True margins of some rows, and what happened."""
    random = np.random.default_rng(seed)
    margin = random.normal(size=ROWS)
    return margin, (random.random(ROWS) < expit(margin)).astype(np.float64)


def result(verdict: str = "skill", *, bias: float = 0.0, noise: float = 0.0) -> Backtest:
    """Two test days on which the model says the truth, shifted by `bias` and blurred by `noise`."""
    slices = []
    for seed, day in enumerate(DAYS):
        random = np.random.default_rng(100 + seed)
        margin, label = truth(seed)
        said = {
            "prior": np.full(ROWS, 0.5),
            "recency": expit(0.5 * (margin + 2.0 * random.normal(size=ROWS))),
            "bg_nbd": expit(0.6 * (margin + 1.0 * random.normal(size=ROWS))),
            "logistic": expit(margin + bias + noise * random.normal(size=ROWS)),
        }
        scored = Scored(day.isoformat(), label, np.arange(ROWS), said)
        metrics = {name: measure(probability, label) for name, probability in said.items()}
        piece = Slice(day, (day - timedelta(days=90),))
        slices.append(SliceResult(piece, 100, scored, metrics, scored.group, scored.label))
    skill = Skill("logistic", "recency", Interval(0.1, 0.05, 0.15))
    return Backtest(TASK, tuple(slices), "logistic", skill, verdict, "AUC +0.100 over recency")


def sound(found: Backtest | None = None, data: Dataset = DATA) -> Evidence:
    """Evidence of a sound model."""
    found = found or result()
    words = tuple(SEGMENTS[np.arange(ROWS) % SEGMENTS.size] for _ in DAYS)
    random = np.random.default_rng(9)
    was = (random.random(900) < 0.4).astype(np.float64)
    return Evidence(
        found,
        data,
        {"segment": words},
        duel=duel(found),
        reread=Reread("2011-03-01", 400, 0, ()),
        remembered=Remembered("1", was, was, 200, ()),
        past=spoken(3000, seed=1),
        new=spoken(500, seed=2),
        footprint=Footprint(0.4, 0.7),
    )


def duel(found: Backtest, *, is_later: bool = True, blur: float = 0.05) -> Duel:
    """A champion that says the truth, blurred a little."""
    scored = []
    for seed, piece in enumerate(found.slices):
        random = np.random.default_rng(200 + seed)
        margin, _ = truth(seed)
        said = {
            CHALLENGER: piece.scored.probability[found.rung],
            CHAMPION: expit(margin + blur * random.normal(size=ROWS)),
        }
        scored.append(replace(piece.scored, probability=said))
    return Duel("7", is_later, tuple(scored))


def spoken(n: int, *, seed: int, shift: float = 0.0) -> Spoken:
    """Scores of some rows, a third of whose margins follow the age."""
    random = np.random.default_rng(seed)
    age = random.uniform(0, 900, n)
    margin = random.normal(size=n) + age / 900 + shift
    return Spoken(expit(margin), age, np.arange(n))


def with_column(values: Floats, data: Dataset = DATA, place: int = 2) -> Dataset:
    """The data with another column."""
    changed = data.matrix.values.copy()
    changed[:, place] = values
    return replace(data, matrix=replace(data.matrix, values=changed))
