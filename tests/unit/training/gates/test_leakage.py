from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.gates.planted import DATA, result, sound, with_column
from training.backtest import Backtest
from training.dataset import Dataset
from training.evaluate import measure
from training.gates import Evidence, run_gates, verdict
from training.gates.evidence import Remembered, Reread, Rewritten
from training.gates.leakage import is_not_too_good, no_feature_tells_alone

LABEL = DATA.label
DICE = np.random.default_rng(1)
BLUR = 0.2 * DICE.normal(size=DATA.size)
CHANCE = DICE.random(DATA.size)


def _column(values: np.ndarray) -> Evidence:
    return sound(data=with_column(values))


def _words() -> Evidence:
    owner = np.where(LABEL == 1, "closed accounts", "field sales").astype(object)
    owner[CHANCE < 0.02] = None
    matrix = replace(DATA.matrix, keys={**DATA.matrix.keys, "owner": owner})
    return sound(data=replace(DATA, matrix=matrix))


def _too_good() -> Evidence:
    """Three columns, none of which tells alone, and a back-test that knows everything."""
    found = result()
    slices = []
    for piece in found.slices:
        label = piece.scored.label
        told = np.where(label == 1, 0.9, 0.1) + 0.3 * (DICE.random(label.size) - 0.5)
        scored = replace(
            piece.scored, probability={**piece.scored.probability, "logistic": np.clip(told, 0, 1)}
        )
        metrics = {**piece.metrics, "logistic": measure(np.clip(told, 0, 1), label)}
        slices.append(replace(piece, scored=scored, metrics=metrics))
    return sound(Backtest(found.task, tuple(slices), found.rung, found.skill, "skill", "skill"))


def _rewritten() -> Evidence:
    was = np.repeat([0.0, 1.0], 300)
    columns = (Rewritten("amount", 0.4, 0.12), Rewritten("orders_90d", 0.002, 0.9))
    return replace(sound(), remembered=Remembered("3", was, was, 600, columns))


LEAKS: dict[str, tuple[str, Callable[[], Evidence]]] = {
    "a column that tells the outcome": ("GT004", lambda: _column(LABEL + BLUR)),
    "a column that tells it upside down": ("GT004", lambda: _column(-LABEL + BLUR)),
    "a column missing where it came true": (
        "GT004", lambda: _column(np.where(LABEL == 1, np.nan, BLUR)),
    ),
    "a column known where it came true": (
        "GT004", lambda: _column(np.where(LABEL == 1, BLUR, np.nan)),
    ),
    "a column missing on half of those where it came true": (
        "GT004", lambda: _column(np.where((LABEL == 1) & (CHANCE < 0.5), np.nan, BLUR)),
    ),
    "a column that tells it where it is known": (
        "GT004", lambda: _column(np.where(CHANCE < 0.4, LABEL + BLUR, np.nan)),
    ),
    "a word that tells it": ("GT004", _words),
    "many columns that tell it together": ("GT005", _too_good),
    "a value that was written after its outcome": ("GT006", _rewritten),
    "a value that was known only later": (
        "GT006",
        lambda: replace(
            sound(), reread=Reread("2011-03-01", 400, 0, (Rewritten("complaints", 0.2, 0.5),))
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LEAKS)
def test_a_planted_leak_is_caught(what: str) -> None:
    code, plant = LEAKS[what]
    evidence = plant()
    gates = run_gates(evidence.result, evidence)
    assert [gate.code for gate in gates if not gate.passed] == [code]
    assert verdict(gates) == "refused"


def test_the_feature_that_tells_is_named() -> None:
    said = {what: no_feature_tells_alone(plant()).text for what, (_, plant) in LEAKS.items()}
    assert "revenue_365d, has AUC 1.000" in said["a column that tells the outcome"]
    half = said["a column missing on half of those where it came true"]
    assert "revenue_365d is missing on" in half
    assert "owner, has AUC" in said["a word that tells it"]
    assert "(where it is known)" in said["a column that tells it where it is known"]


def test_a_column_that_is_always_missing_is_no_leak() -> None:
    assert no_feature_tells_alone(_column(np.full(DATA.size, np.nan))).passed


def test_what_is_missing_on_the_usual_outcome_alone_is_no_leak() -> None:
    usual = 1.0 if LABEL.mean() > 0.5 else 0.0
    values = np.where((usual == LABEL) & (CHANCE < 0.5), np.nan, BLUR)
    assert no_feature_tells_alone(_column(values)).passed


def test_a_good_model_is_not_too_good() -> None:
    assert is_not_too_good(sound()).passed


def test_words_that_name_each_account_tell_nothing_of_others() -> None:
    names = np.array([f"A-{code}" for code in DATA.matrix.code], dtype=object)
    matrix = replace(DATA.matrix, keys={"owner": names})
    data = Dataset(matrix, (DATA.group % 2).astype(np.float64), DATA.group)
    assert no_feature_tells_alone(sound(data=data)).passed
