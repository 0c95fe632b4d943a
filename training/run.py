"""How does a portfolio become a model: back-test, gates, fit, register, promote or say why not?"""

from __future__ import annotations

import hashlib
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.errors import ModelError
from features.events import EventSet
from features.records.folder import Records
from features.signals.catalogue import feature_set_version
from training.artefact import Champion, has_champion, reference_of
from training.backtest import TEST_DATES, Backtest, run_backtest
from training.calibration import Calibration
from training.contexts import context_at
from training.dataset import QUANTITIES, Dataset, Task, Workshop
from training.evaluate import metric_interval
from training.gates import GateResult, run_gates, verdict
from training.gates.gathering import gather
from training.gates.remembering import keep_snapshot, snapshot_of
from training.manifest import sha256
from training.models import RUNGS, Prior, log_odds
from training.monitor import seen_in_training
from training.pointer import Pointer, Unreadable
from training.quantities.fit_amounts import fit_amounts
from training.quantities.fit_durations import fit_durations
from training.quantities.judging import quantity_gates
from training.quantities.trial import QuantityBacktest, run_quantity_backtest, teaching
from training.registry import Registry, log_dataset, log_facts, log_file, log_metrics
from training.report import draw_calibration, draw_lift, draw_shap, model_card
from training.search import Fitted, fit_rungs
from training.slices import train_dates
from training.summary import Summary, summarise

Progress = Callable[[str], None]
AnyBacktest = Backtest | QuantityBacktest
Pages = Callable[[Summary], Mapping[str, str]]
"""What was shown -> pages by file name. Words and templates are the doors', which pass this in."""

_QUICK_TEST_DATES = 3
_WITH_INTERVAL = ("auc", "brier", "log_loss")


@dataclass(frozen=True)
class Trained:
    """What came of one training.

    Attributes
    ----------
    model, rung, verdict : str
        Which model, which rung it reached, and promoted, refused, no_skill or too_little_data.
    version : str or None
        In the registry; None when nothing was worth registering.
    promoted : bool
        Whether it is the champion now.
    gates : tuple of GateResult
        What each gate said.
    metrics : mapping of str to float
        Means over the test days.
    reason : str
        One sentence for people.
    run_id : str
        MLflow run.
    """

    model: str
    rung: str
    verdict: str
    version: str | None
    promoted: bool
    gates: tuple[GateResult, ...]
    metrics: Mapping[str, float]
    reason: str
    run_id: str

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """One entry of what `fanal train --json` prints."""
        return {
            "model": self.model,
            "rung": self.rung,
            "version": self.version,
            "promoted": self.promoted,
            "verdict": self.verdict,
            "reason": self.reason,
            "gates": [gate.to_json() for gate in self.gates],
            "metrics": _finite(self.metrics),
        }


def _finite(found: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in found.items()}


def train(
    records: Records,
    events: EventSet,
    task: Task,
    registry: Registry,
    *,
    quick: bool = False,
    pages: Pages | None = None,
    progress: Progress = lambda _: None,
) -> Trained:
    """Train one model on a portfolio and promote it if every gate agrees.

    Parameters
    ----------
    records, events : Records and EventSet
        The portfolio, and its events.
    task : Task
        What is predicted.
    registry : Registry
        Where runs and versions go.
    quick : bool
        Search less.
    pages : callable, optional
        Writes the pages of the back-test, which are kept with the run.
    progress : callable
        Told what is being done.

    Raises
    ------
    ContractError
        When the tables that the task needs are not there.
    """
    workshop = Workshop(events, task)
    seen = registry.look(records.portfolio.name, task.name)
    result = _backtest(workshop, quick, progress)
    days = train_dates(workshop.data_end, workshop.first_day, teaching(task))
    data = workshop.dataset(days, workshop.data_end) if days else None
    data = data if data is not None and data.size else None
    progress("final model")
    fitted = _fit(result, data, task, quick)
    champion = _champion(records, workshop, days, data, fitted, result)
    progress("gates")
    gates, champion, snapshot = _judge(champion, result, data, workshop, registry.home)
    said = verdict(gates)
    with registry.start_run(records.portfolio.name, task.name) as run:
        progress("logging to MLflow")
        _log(champion, result, gates, data, days, fitted, records)
        version, left = None, ""
        if said != "no_skill" and (data is not None or task.name not in QUANTITIES):
            rows = None if data is None else data.matrix
            tags = _tags(champion, said)
            champion = registry.register(champion, run.info.run_id, tags, rows)
            version = champion.version
            if snapshot is not None:
                keep_snapshot(registry.home, champion, snapshot)
            progress("promotion")
            left = _promote(registry, champion, said, seen)
        with tempfile.TemporaryDirectory() as folder:
            _log_pages(Path(folder), champion, result, gates, said, data, progress)
            if pages is not None and isinstance(result, Backtest) and result.slices:
                progress("report")
                _log_texts(Path(folder), pages(summarise(result)))
        metrics = result.mean().get("fanal", {})
        promoted = version is not None and not left
        reason = _reason(gates, result)
        if said == "promoted" and left:
            # Every gate agreed, and yet it did not come to serve.
            said, reason = "refused", left
        return Trained(
            task.name, champion.rung.name, said, version, promoted, gates, metrics, reason,
            run.info.run_id,
        )  # fmt: skip


def _backtest(workshop: Workshop, quick: bool, progress: Progress) -> AnyBacktest:
    if workshop.task.name in QUANTITIES:
        count = _QUICK_TEST_DATES if quick else TEST_DATES
        return run_quantity_backtest(workshop, count=count, quick=quick, progress=progress)
    return run_backtest(workshop, quick=quick, progress=progress)


def _judge(
    champion: Champion,
    result: AnyBacktest,
    data: Dataset | None,
    workshop: Workshop,
    home: Path,
) -> tuple[tuple[GateResult, ...], Champion, bytes | None]:
    """Ask the gates; give their answers, the model that knows them, and its snapshot."""
    if isinstance(result, QuantityBacktest):
        gates = quantity_gates(result, data)
        said = [gate.to_json() for gate in gates]
        facts = {**champion.facts, "verdict": verdict(gates), "gates": said, "snapshot": None}
        return gates, replace(champion, facts=facts), None
    evidence = None
    if data is not None and result.verdict != "too_little_data":
        evidence = gather(result, data, workshop, champion, home)
    gates = run_gates(result, evidence)
    snapshot = None if data is None else snapshot_of(workshop, data)
    facts = {
        **champion.facts,
        "verdict": verdict(gates),
        "gates": [gate.to_json() for gate in gates],
        "snapshot": None if snapshot is None else sha256(snapshot),
    }
    return gates, replace(champion, facts=facts), snapshot


def _reason(gates: Sequence[GateResult], result: AnyBacktest) -> str:
    failed = [f"{gate.code}: {gate.text}" for gate in gates if not gate.passed]
    return "; ".join(failed) if failed else result.reason


def _fit(result: AnyBacktest, data: Dataset | None, task: Task, quick: bool) -> Fitted:
    """Fit the rung that the back-test chose on all that is known now."""
    if data is None:
        return Fitted(Prior(log_odds(0.5)), Calibration(), {})
    fit = {"duration": fit_durations, "value": fit_amounts}.get(task.name, fit_rungs)
    rung = result.rung if result.verdict == "skill" else "prior"
    found = fit(data, task, quick=quick, only=(rung,))
    return found.get(rung) or fit(data, task, only=("prior",))["prior"]


def _promote(
    registry: Registry, champion: Champion, said: str, seen: Pointer | Unreadable | None
) -> str:
    """Promote a model that passed, or say why it does not serve.

    With too little data the prior serves where nothing else does.
    """
    name = champion.portfolio.name
    if said == "too_little_data":
        if has_champion(registry.home, name, champion.model):
            return "there is a champion already"
    elif said != "promoted":
        return "a gate refused it"
    try:
        registry.promote(name, champion.model, champion.version, seen=seen)
    except ModelError as error:
        return f"{error.code}: {error.message}"
    return ""


def _champion(
    records: Records,
    workshop: Workshop,
    days: Sequence[date],
    data: Dataset | None,
    fitted: Fitted,
    result: AnyBacktest,
) -> Champion:
    task = workshop.task
    horizon = timedelta(days=task.horizon.horizon_days + task.horizon.lead_days)
    facts = {
        "reason": result.reason,
        "trained_through": (days[0] + horizon).isoformat() if days else None,
        "train_dates": [day.isoformat() for day in days],
        "rows": 0 if data is None else data.size,
        "outcomes": 0 if data is None else _outcomes(data),
        "settings": fitted.settings,
        **({"basis": workshop.basis} if task.name == "value" else {}),
        "metrics": _finite(result.mean().get("fanal", {})),
    }
    champion = Champion(
        replace(records.portfolio, folder=None),
        task,
        "0",
        "",
        fitted.rung,
        fitted.calibration,
        feature_set_version(fitted.rung.features, task.entity),
        (),
        reference_of(records),
        facts,
    )
    contexts = tuple(
        context_at(workshop, champion, day) for day in sorted({*days, workshop.data_end})
    )
    if data is None or task.name in QUANTITIES:
        return replace(champion, contexts=contexts)
    newest = workshop.rows(workshop.data_end)
    seen = seen_in_training(champion, data, newest, result.mean().get("fanal", {}))
    return replace(champion, contexts=contexts, distributions=seen.to_json())


def _outcomes(data: Dataset) -> int:
    """How many rows came true: left or won, bought anything, or closed."""
    happened = data.label > 0.0 if data.durations is None else data.ended.cause > 0
    return int(happened.sum())


def _tags(champion: Champion, said: str) -> dict[str, str]:
    return {
        "rung": champion.rung.name,
        "verdict": said,
        "trained_through": str(champion.facts["trained_through"]),
        "feature_set_version": champion.feature_set_version,
    }


def _log(
    champion: Champion,
    result: AnyBacktest,
    gates: tuple[GateResult, ...],
    data: Dataset | None,
    days: Sequence[date],
    fitted: Fitted,
    records: Records,
) -> None:
    task = champion.task
    digest = data_digest(records)
    log_dataset(records.portfolio.name, digest)
    log_facts(
        {
            "model": task.name,
            "horizon_days": task.horizon.horizon_days,
            "lead_days": task.horizon.lead_days,
            "activity_days": task.activity_days,
            "rung": champion.rung.name,
            "features": len(champion.rung.features),
            "train_dates": ",".join(day.isoformat() for day in days),
            "test_dates": ",".join(str(found.slice.test_date) for found in result.slices),
            "rows": 0 if data is None else data.size,
            **{f"search.{name}": value for name, value in fitted.settings.items()},
        },
        {
            "data_digest": digest,
            "environment": _environment(),
            "feature_set_version": champion.feature_set_version,
            **{gate.code: "passed" if gate.passed else "failed" for gate in gates},
        },
    )
    for name, found in result.mean().items():
        log_metrics({f"{name}.{metric}": value for metric, value in found.items()})
    log_metrics(_intervals(result))
    if result.skill is not None:
        gain = result.skill.gain
        name = "auc_gain" if isinstance(result, Backtest) else "loss_gain"
        log_metrics({name: gain.mean, f"{name}.low95": gain.low, f"{name}.high95": gain.high})


def _intervals(result: AnyBacktest) -> dict[str, float]:
    """95 % intervals of every rung's means, by the names that MLflow shows."""
    if isinstance(result, QuantityBacktest):
        return {}
    scored = [found.scored for found in result.slices]
    found: dict[str, float] = {}
    shown = {"fanal": result.rung, **{name: name for name in RUNGS}}
    for name, rung in shown.items():
        if not scored or any(rung not in piece.probability for piece in scored):
            continue
        for metric in _WITH_INTERVAL:
            interval = metric_interval(scored, rung, metric)
            if interval is not None:
                found[f"{name}.{metric}.low95"] = interval.low
                found[f"{name}.{metric}.high95"] = interval.high
    return found


def _log_pages(
    folder: Path,
    champion: Champion,
    result: AnyBacktest,
    gates: tuple[GateResult, ...],
    said: str,
    data: Dataset | None,
    progress: Progress,
) -> None:
    card = folder / "model_card.md"
    card.write_text(model_card(champion, result, gates, said), encoding="utf-8")
    names = folder / "features.txt"
    names.write_text("\n".join(champion.rung.features) + "\n", encoding="utf-8")
    log_file(card)
    log_file(names)
    if result.slices and isinstance(result, Backtest):
        progress("pictures")
        draw_calibration(result, folder / "calibration.png")
        draw_lift(result, folder / "lift.png")
        log_file(folder / "calibration.png")
        log_file(folder / "lift.png")
    if data is not None and draw_shap(champion, data, folder / "shap_summary.png"):
        log_file(folder / "shap_summary.png")


def _log_texts(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        log_file(folder / name)


def _environment() -> str:
    """Which versions trained the model, as one line."""
    packages = ("fanal", "lightgbm", "scikit-learn", "numpy", "numba", "mlflow")
    found = [f"{package} {version(package)}" for package in packages]
    return ", ".join([f"python {platform.python_version()}", *found])


def data_digest(records: Records) -> str:
    """Which sha256 have the records? Equal rows in equal order give equal digests."""
    digest = hashlib.sha256()
    for name in sorted(records.tables):
        table = records.tables[name]
        for column in sorted(table.column_names):
            digest.update(f"{name}.{column}:{table.num_rows}".encode())
            for part in _content(table.column(column)):
                digest.update(part)
    return digest.hexdigest()


def _content(column: pa.ChunkedArray[Any]) -> Iterator[bytes | pa.Buffer]:
    """Which values are there, and what are they? What lies beneath missing values is left out."""
    yield column.is_valid().to_numpy().tobytes()
    known = pa.concat_arrays(column.drop_null().chunks or [pa.array([], column.type)])
    yield pa.record_batch([known], names=["values"]).serialize()
