"""What would champion and challenger have said of the same rows?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from features.kernel import Floats
from training.artefact import Champion
from training.backtest import Backtest, SliceResult
from training.dataset import Dataset, Workshop
from training.evaluate import Scored
from training.gates.evidence import CHALLENGER, CHAMPION, Duel
from training.models import (
    Rung,
    TreeSettings,
    fit_logistic,
    fit_prior,
    fit_rates,
    fit_trees,
    to_probability,
    usable_features,
)


def duel(champion: Champion, result: Backtest, workshop: Workshop) -> Duel | None:
    """Let both speak on slices later than both were trained through, or else their recipes.

    None where they answer different questions, or the champion's rung has no recipe.

    Parameters
    ----------
    champion : Champion
        As it serves.
    result : Backtest
        Of the challenger: on each slice it was trained before the test day.
    workshop : Workshop
        Makes the rows.
    """
    if champion.task != result.task:
        return None
    through = champion.facts.get("trained_through")
    later = [
        found
        for found in result.slices
        if through is None or found.slice.test_date >= date.fromisoformat(through)
    ]
    if any(found.scored.label.min() < found.scored.label.max() for found in later):
        said = [champion.probability(_tested(workshop, found).matrix) for found in later]
        return _duel(champion, result, later, said, is_later=True)
    refit = recipe(champion.rung, champion.facts.get("settings", {}))
    both = [f for f in result.slices if f.scored.label.min() < f.scored.label.max()]
    if refit is None or not both:
        return None
    said = []
    for found in both:
        train = workshop.dataset(found.slice.train_dates, found.slice.test_date)
        if train.label.min() == train.label.max():
            return None
        said.append(to_probability(refit(train).margin(_tested(workshop, found).matrix)))
    return _duel(champion, result, both, said, is_later=False)


def _tested(workshop: Workshop, found: SliceResult) -> Dataset:
    return workshop.dataset([found.slice.test_date], workshop.data_end)


def _duel(
    champion: Champion,
    result: Backtest,
    slices: list[SliceResult],
    said: list[Floats],
    *,
    is_later: bool,
) -> Duel:
    scored = tuple(
        Scored(
            found.scored.as_of_date,
            found.scored.label,
            found.scored.group,
            {CHALLENGER: found.scored.probability[result.rung], CHAMPION: probability},
        )
        for found, probability in zip(slices, said, strict=True)
    )
    return Duel(champion.version, is_later, scored)


def recipe(rung: Rung, settings: Mapping[str, Any]) -> Callable[[Dataset], Rung] | None:
    """How is a rung of this kind, with these settings, fitted to other rows? None if unknown."""

    def features(data: Dataset) -> tuple[str, ...]:
        usable = usable_features(data)
        return tuple(name for name in rung.features if name in usable)

    if rung.name == "prior":
        return fit_prior
    if rung.name == "rates":
        return lambda data: fit_rates(data, rung.features[0])
    if rung.name == "logistic" and "strength" in settings:
        return lambda data: fit_logistic(data, features(data), strength=settings["strength"])
    known = {field.name for field in fields(TreeSettings)}
    if rung.name == "lightgbm" and known & set(settings):
        chosen = TreeSettings(**{name: settings[name] for name in known & set(settings)})
        return lambda data: fit_trees(data, features(data), chosen)
    return None
