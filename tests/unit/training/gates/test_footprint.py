from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.training.gates.planted import sound
from training.gates.evidence import Footprint
from training.gates.footprint import is_small_and_quick


@pytest.mark.parametrize(
    ("megabytes", "milliseconds", "passed"),
    [(0.4, 0.7, True), (40.0, 0.7, False), (0.4, 400.0, False)],
)
def test_a_model_must_be_small_and_quick(
    megabytes: float, milliseconds: float, passed: bool
) -> None:
    found = is_small_and_quick(replace(sound(), footprint=Footprint(megabytes, milliseconds)))
    assert found.passed is passed
    assert f"{megabytes:.2f} MB (at most 32)" in found.text
