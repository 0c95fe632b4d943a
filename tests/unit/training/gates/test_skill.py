from __future__ import annotations

from tests.unit.training.gates.planted import result, sound
from training.gates.skill import beats_the_rules, no_rule_is_better


def test_the_back_test_decides_on_skill() -> None:
    assert beats_the_rules(sound()).passed
    assert not beats_the_rules(sound(result("no_skill"))).passed


def test_a_good_model_is_better_than_every_dull_rule() -> None:
    found = no_rule_is_better(sound())
    assert found.passed
    assert "over bg_nbd, the best of 2 dull rules" in found.text


def test_a_model_that_a_dull_rule_orders_better_than_is_refused() -> None:
    found = no_rule_is_better(sound(result(noise=4.0)))
    assert not found.passed
    assert "AUC -0." in found.text
