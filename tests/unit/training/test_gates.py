from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.special import expit

from tests.unit.training.made import TASK, dataset
from training.backtest import Backtest, Skill, SliceResult
from training.dataset import Dataset
from training.evaluate import Interval, Scored, measure
from training.gates import GATES, GateResult, run_gates, verdict
from training.slices import Slice

DATA = dataset()
SLICE = Slice(date(2011, 5, 1), (date(2011, 1, 31),))


def _result(verdict: str = "skill", *, bias: float = 0.0) -> Backtest:
    """One test day on which the model's probabilities are the true ones, shifted by `bias`."""
    random = np.random.default_rng(7)
    margin = random.normal(size=2000)
    label = (random.random(margin.size) < expit(margin)).astype(float)
    said = {"prior": np.full(margin.size, 0.5), "logistic": expit(margin + bias)}
    scored = Scored("2011-05-01", label, np.arange(margin.size), said)
    metrics = {name: measure(probability, label) for name, probability in said.items()}
    skill = Skill("logistic", "recency", Interval(0.1, 0.05, 0.15))
    result = SliceResult(SLICE, 100, scored, metrics, scored.group, scored.label)
    return Backtest(TASK, (result,), "logistic", skill, verdict, "AUC +0.100 over recency")


def _leaking(column: np.ndarray) -> Dataset:
    values = DATA.matrix.values.copy()
    values[:, 2] = column
    return replace(DATA, matrix=replace(DATA.matrix, values=values))


def _failed(gates: tuple[GateResult, ...]) -> list[str]:
    return [gate.code for gate in gates if not gate.passed]


def test_a_sound_model_passes_every_gate() -> None:
    gates = run_gates(_result(), DATA)
    assert [gate.code for gate in gates] == list(GATES)
    assert (_failed(gates), verdict(gates)) == ([], "promoted")


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_column_that_tells_the_outcome_is_a_leak(sign: float) -> None:
    random = np.random.default_rng(1)
    told = sign * (DATA.label + 0.2 * random.normal(size=DATA.size))
    gates = run_gates(_result(), _leaking(told))
    assert (_failed(gates), verdict(gates)) == (["GT004"], "refused")
    assert "revenue_365d" in gates[-1].text


def test_a_column_that_tells_the_outcome_by_being_missing_is_a_leak() -> None:
    told = np.where(DATA.label == 1, np.nan, 7.0)
    gates = run_gates(_result(), _leaking(told))
    assert (_failed(gates), verdict(gates)) == (["GT004"], "refused")


def test_a_column_that_is_always_missing_is_none() -> None:
    assert _failed(run_gates(_result(), _leaking(np.full(DATA.size, np.nan)))) == []


def test_a_leak_is_named_before_the_lack_of_skill() -> None:
    gates = run_gates(_result("no_skill"), _leaking(DATA.label))
    assert _failed(gates) == ["GT002", "GT004"]
    assert verdict(gates) == "refused"


def test_without_skill_nothing_is_promoted() -> None:
    gates = run_gates(_result("no_skill"), DATA)
    assert (_failed(gates), verdict(gates)) == (["GT002"], "no_skill")


def test_probabilities_worse_than_the_base_rate_are_refused() -> None:
    gates = run_gates(_result(bias=2.5), DATA)
    assert (_failed(gates), verdict(gates)) == (["GT003"], "refused")


def test_too_little_data_is_all_that_is_said_of_too_little_data() -> None:
    little = replace(_result("too_little_data"), reason="120 matured accounts, 200 are needed")
    gates = run_gates(little, DATA)
    assert [gate.to_json() for gate in gates] == [
        {"code": "GT001", "passed": False, "text": "120 matured accounts, 200 are needed"}
    ]
    assert verdict(gates) == "too_little_data"
