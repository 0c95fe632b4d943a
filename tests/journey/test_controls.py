"""Where there is nothing to learn, Fanal says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from features.events import EventSet, build_events
from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from training.backtest import run_backtest
from training.dataset import TASKS, Workshop, task

ACCOUNTS = 700
SEEDS = range(20)
FEW = (0, 1, 2)


def _events(seed: int, folder: Path) -> EventSet:
    """A portfolio in which both outcomes are pure chance, given the past."""
    made = simulate(
        np.random.default_rng(seed), SimulatorSettings.without_effects(accounts=ACCOUNTS)
    )
    write_simulation(made, folder)
    return build_events(read_records(open_portfolio(folder)))


def _verdicts(seeds: range | tuple[int, ...], folder: Path) -> Iterator[tuple[str, str]]:
    for seed in seeds:
        events = _events(seed, folder / str(seed))
        for model in TASKS:
            yield model, run_backtest(Workshop(events, task(model)), quick=True).verdict


@pytest.mark.parametrize("seed", FEW)
def test_chance_alone_is_no_skill(seed: int, tmp_path: Path) -> None:
    assert dict(_verdicts((seed,), tmp_path)) == {"churn": "no_skill", "close": "no_skill"}


@pytest.mark.long
def test_chance_alone_is_no_skill_in_19_of_20_worlds(tmp_path: Path) -> None:
    found = list(_verdicts(SEEDS, tmp_path))
    for model in TASKS:
        verdicts = [verdict for name, verdict in found if name == model]
        assert verdicts.count("no_skill") >= 19, (model, verdicts)
