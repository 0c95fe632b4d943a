"""What should a person see of a trained model: pictures and a card?"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import shap
from matplotlib import pyplot
from matplotlib.figure import Figure

from features.signals.catalogue import BY_NAME
from training.artefact import Champion
from training.backtest import Backtest
from training.dataset import Dataset
from training.gates import GateResult
from training.models import Boosted, Logistic, select
from training.quantities.trial import QuantityBacktest

_BINS = 10
_SHAP_ROWS = 1_000


def draw_calibration(result: Backtest, path: Path) -> None:
    """Draw the share that happened over the predicted probability, by tenths of equal mass."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    for found in result.slices:
        probability = found.scored.probability[result.rung]
        order = np.argsort(probability, kind="stable")
        parts = [part for part in np.array_split(order, _BINS) if part.size]
        said = [probability[part].mean() for part in parts]
        happened = [found.scored.label[part].mean() for part in parts]
        axes.plot(said, happened, marker="o", label=str(found.slice.test_date))
    axes.set(
        xlabel="predicted probability", ylabel="share that happened", xlim=(0, 1), ylim=(0, 1),
        title=f"Calibration, {result.task.name} in {result.task.horizon.horizon_days} days",
    )  # fmt: skip
    axes.legend(title="test day")
    figure.savefig(path, dpi=120)


def draw_lift(result: Backtest, path: Path) -> None:
    """Draw the share of outcomes found in the top of the list, beside the dull rule."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color="0.7", linestyle="--", label="at random")
    rule = "recency" if result.task.entity == "account" else "stage_rate"
    for name, label in ((result.rung, "fanal"), (rule, rule.replace("_", " "))):
        share = np.linspace(0, 1, 101)
        curves = []
        for found in result.slices:
            order = np.argsort(-found.scored.probability[name], kind="stable")
            gained = np.concatenate(([0.0], np.cumsum(found.scored.label[order])))
            places = np.linspace(0, 1, gained.size)
            curves.append(np.interp(share, places, gained / gained[-1]))
        axes.plot(100 * share, 100 * np.mean(curves, axis=0), label=label)
    axes.set(
        xlabel="top of the list (%)", ylabel="outcomes found (%)",
        title=f"Gain, {result.task.name}, mean of {len(result.slices)} test days",
    )  # fmt: skip
    axes.legend()
    figure.savefig(path, dpi=120)


def draw_shap(champion: Champion, data: Dataset, path: Path) -> bool:
    """Draw the contributions of the strongest features; False for a rung without features."""
    if not isinstance(champion.rung, Boosted | Logistic):
        return False
    newest = np.flatnonzero(data.matrix.as_of == data.matrix.as_of.max())
    rows = newest[:: max(1, newest.size // _SHAP_ROWS)]
    matrix = data.matrix.take(rows)
    _, parts = champion.contributions(matrix)
    names = list(champion.rung.features)
    matplotlib.use("agg")
    shap.summary_plot(
        parts, select(matrix, names), feature_names=names, max_display=15, show=False,
        rng=np.random.default_rng(7),
    )  # fmt: skip
    axes = pyplot.gca()
    axes.set_xlabel("contribution (log-odds)")
    axes.set_title(f"What moves {champion.model}, {rows.size} rows of the newest training day")
    pyplot.gcf().savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close("all")
    return True


def model_card(
    champion: Champion,
    result: Backtest | QuantityBacktest,
    gates: tuple[GateResult, ...],
    verdict: str,
) -> str:
    """Which page says what a model is, how good it is and what it must not be used for?"""
    task, head = champion.task, champion.portfolio
    days = task.horizon.horizon_days
    what = {
        "churn": f"Probability that the account places no order within {days} days, or its"
        " subscription ends",
        "close": f"Probability that the open deal is won within {days} days",
        "duration": "Days until the open deal is closed, won or lost",
        "value": f"What the account brings in within {days} days",
    }[task.name]
    parts = [
        f"# {head.name}: {champion.model}, version {champion.version}",
        "",
        f"{what}. Rung: {champion.rung.name}. Verdict: **{verdict}**.",
        f"Trained on records to {champion.facts['trained_through']}; calibration fitted on"
        f" {champion.calibration.fitted_on} (slope {champion.calibration.slope:.3f}, intercept"
        f" {champion.calibration.intercept:+.3f}).",
        "",
        "## Gates",
        "",
        *(f"- {'passed' if g.passed else 'FAILED'} {g.code}: {g.text}" for g in gates),
        "",
        "## Back-test",
        "",
        *_metric_table(result),
        "",
        "## Features",
        "",
        *_features(champion),
        "",
        "## Limits",
        "",
        "A probability is a statement about many accounts alike, not a promise about one. It rests"
        " on the records up to its day and on the assumption that the next horizon resembles the"
        " past ones. It must not decide alone about natural persons (GDPR, article 22).",
        "",
    ]
    return "\n".join(parts)


def _metric_table(result: Backtest | QuantityBacktest) -> list[str]:
    if not result.slices:
        return [f"None: {result.reason}."]
    mean = result.mean()
    names = list(mean["fanal"])
    days = ", ".join(str(found.slice.test_date) for found in result.slices)
    rows = [
        "| " + " | ".join([name, *(f"{found[metric]:.4f}" for metric in names)]) + " |"
        for name, found in mean.items()
    ]
    return [
        f"Mean over the test days {days}; {result.reason}.",
        "",
        "| model | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
        *rows,
    ]


def _features(champion: Champion) -> list[str]:
    known = [BY_NAME.get((champion.task.entity, name)) for name in champion.rung.features]
    return [
        f"- `{feature.name}` ({feature.about.unit}): {feature.about.meaning}"
        for feature in known
        if feature is not None
    ] or ["None: every row of one key gets the same probability."]
