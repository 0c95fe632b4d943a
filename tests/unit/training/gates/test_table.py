from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.gates.planted import DATA, result, sound, with_column
from training.gates import GATES, Evidence, GateResult, run_gates, verdict


def _asked(evidence: Evidence) -> tuple[GateResult, ...]:
    return run_gates(evidence.result, evidence)


def _failed(gates: tuple[GateResult, ...]) -> list[str]:
    return [gate.code for gate in gates if not gate.passed]


def test_a_sound_model_passes_every_gate() -> None:
    gates = _asked(sound())
    assert [gate.code for gate in gates] == list(GATES)
    assert (_failed(gates), verdict(gates)) == ([], "promoted")


def test_evidence_that_could_not_be_gathered_refuses_nothing() -> None:
    bare = Evidence(result(), DATA, {})
    assert _failed(_asked(bare)) == []
    said = {gate.code: gate.text for gate in _asked(bare)}
    assert said["GT008"] == "there is no champion to compare with"


def test_the_same_evidence_gives_the_same_answers() -> None:
    assert _asked(sound()) == _asked(sound())


def test_a_leak_is_named_before_the_lack_of_skill() -> None:
    gates = _asked(sound(result("no_skill"), with_column(DATA.label)))
    assert _failed(gates) == ["GT002", "GT004"]
    assert verdict(gates) == "refused"


def test_without_skill_nothing_is_promoted() -> None:
    gates = _asked(sound(result("no_skill")))
    assert (_failed(gates), verdict(gates)) == (["GT002"], "no_skill")


@pytest.mark.parametrize("has_rows", [True, False])
def test_too_little_data_is_all_that_is_said_of_too_little_data(has_rows: bool) -> None:
    little = replace(result("too_little_data"), reason="120 matured accounts, 200 are needed")
    gates = run_gates(little, sound(little) if has_rows else None)
    assert [gate.to_json() for gate in gates] == [
        {"code": "GT001", "passed": False, "text": "120 matured accounts, 200 are needed"}
    ]
    assert verdict(gates) == "too_little_data"


def test_skill_without_a_row_to_learn_from_is_too_little_data() -> None:
    gates = run_gates(result(), None)
    assert (_failed(gates), verdict(gates)) == (["GT001"], "too_little_data")


@pytest.mark.long
def test_honest_models_are_rarely_refused() -> None:
    """Of forty challengers as good as the champion, at most four are refused."""
    assert _refused_of(40) <= 4


def test_few_honest_models_are_not_refused() -> None:
    assert _refused_of(2) == 0


def _refused_of(draws: int) -> int:
    refused = 0
    for seed in range(draws):
        evidence = sound(result(noise=0.1))
        assert evidence.duel is not None
        random = np.random.default_rng(seed)
        scored = tuple(
            replace(
                piece,
                probability={
                    name: np.clip(p + 0.02 * random.normal(size=p.size), 0.01, 0.99)
                    for name, p in piece.probability.items()
                },
            )
            for piece in evidence.duel.scored
        )
        honest = replace(evidence, duel=replace(evidence.duel, scored=scored))
        refused += bool(_failed(_asked(honest)))
    return refused
