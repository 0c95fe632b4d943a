"""What is Prometheus told of the models that `fanal monitor` watches?

The text of its exposition format (version 0.0.4), written here: the client library must not be
imported before BentoML has set it up, and a dozen gauges read from a file need none of it.
Instants are told, not ages, so that an alert sees them grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.watching import kept_watches

GAUGES: Mapping[str, str] = {
    "fanal_monitor_verdict": "1 for the verdict of the last watch: steady, look or retrain.",
    "fanal_monitor_finding": "How often the last watch found each code.",
    "fanal_monitor_psi": "Population stability index of a feature, or of the score.",
    "fanal_monitor_psi_by_chance": "Level of that index which chance alone stays below.",
    "fanal_monitor_missing_share": "Share of the rows without a value of the feature.",
    "fanal_monitor_expected": "Metric that the probabilities promise of the rows scored now.",
    "fanal_monitor_realised": "Metric of the newest scores whose horizon has passed.",
    "fanal_monitor_said_share": "Mean probability of those scores.",
    "fanal_monitor_happened_share": "Share of them that came about.",
    "fanal_monitor_data_as_of_timestamp_seconds": "Latest instant that the records know of.",
    "fanal_monitor_scored_as_of_timestamp_seconds": "Day of the newest stored scores.",
    "fanal_monitor_watched_timestamp_seconds": "When the last watch took place.",
}
"""Every gauge, with what it tells."""

_VERDICTS = ("steady", "look", "retrain")
_METRICS = ("auc", "brier", "log_loss")
Sample = tuple[str, Mapping[str, str], float | None]
Json = Mapping[str, Any]  # Any: JSON


def gauges(home: Path) -> str:
    """What did the last watch of every champion find, as Prometheus reads it?"""
    samples = [sample for kept in kept_watches(home) for sample in _samples(kept)]
    lines = []
    for name, told in GAUGES.items():
        own = [(labels, value) for one, labels, value in samples if one == name]
        known = [(labels, value) for labels, value in own if value is not None]
        if known:
            lines += [f"# HELP {name} {told}", f"# TYPE {name} gauge"]
            lines += [f"{name}{{{_labels(labels)}}} {value!r}" for labels, value in known]
    return "".join(f"{line}\n" for line in lines)


def _samples(kept: Json) -> Iterator[Sample]:
    whose = {"portfolio": str(kept["portfolio"]), "model": str(kept["model"])}
    for word in _VERDICTS:
        yield "fanal_monitor_verdict", {**whose, "verdict": word}, float(kept["verdict"] == word)
    codes = [found["code"] for found in kept["findings"]]
    for code in sorted({*codes}):
        yield "fanal_monitor_finding", {**whose, "code": code}, float(codes.count(code))
    for drift in (kept["score"], *kept["features"]):
        of = {**whose, "feature": drift["name"]}
        yield "fanal_monitor_psi", of, drift["psi"]
        yield "fanal_monitor_psi_by_chance", of, drift["by_chance"]
        yield "fanal_monitor_missing_share", of, drift["missing_now"]
    yield from _performance("fanal_monitor_expected", whose, kept["expected"])
    for newest in kept["realised"][:1]:
        yield from _performance("fanal_monitor_realised", whose, newest["measured"])
        yield "fanal_monitor_said_share", whose, newest["said"]
        yield "fanal_monitor_happened_share", whose, newest["happened"]
    for name in ("data_as_of", "scored_as_of"):
        yield f"fanal_monitor_{name}_timestamp_seconds", whose, _seconds(kept["ages"][name])
    watched = _seconds(kept["ages"]["watched_at"])
    yield "fanal_monitor_watched_timestamp_seconds", whose, watched


def _performance(name: str, whose: Mapping[str, str], found: Json) -> Iterator[Sample]:
    for metric in _METRICS:
        yield name, {**whose, "metric": metric}, found[metric]


def _seconds(moment: str | None) -> float | None:
    if moment is None:
        return None
    read = datetime.fromisoformat(moment)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(text: str) -> str:
    r"""Write a label's value: backslash, quote and line break are escaped.

    >>> _escaped('a "b"')
    'a \\"b\\"'
    """
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
