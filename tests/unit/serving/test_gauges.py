"""Prometheus is told what the last watch found."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.gauges import GAUGES, gauges
from serving.watching import FILE, Watched, keep_watched, kept_watches
from tests.unit.serving.web.test_report_pages import made_watch

WATCH = made_watch()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "models" / "demo" / "churn").mkdir(parents=True)
    keep_watched(tmp_path, Watched("demo", (WATCH,), ()))
    return tmp_path


def _read(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_a_watch_found_can_be_read_by_prometheus(kept: Path) -> None:
    found = _read(gauges(kept))
    whose = ("churn", "demo")
    assert found["fanal_monitor_verdict", *whose, "retrain"] == 1.0
    assert found["fanal_monitor_verdict", *whose, "steady"] == 0.0
    assert found["fanal_monitor_finding", "MN006", *whose] == 1.0
    assert found["fanal_monitor_psi", *whose, "score"] == WATCH.score.psi
    realised = WATCH.realised[0]
    assert found["fanal_monitor_realised", "brier", *whose] == realised.measured.brier
    assert found["fanal_monitor_happened_share", *whose] == realised.happened
    # 2011-09-13 00:00 UTC, and no score is stored
    assert found["fanal_monitor_data_as_of_timestamp_seconds", *whose] == 1_315_872_000.0
    assert not [name for name, *_ in found if name.startswith("fanal_monitor_scored")]


def test_every_gauge_says_what_it_tells(kept: Path) -> None:
    families = list(text_string_to_metric_families(gauges(kept)))
    assert {family.name for family in families} <= set(GAUGES)
    assert all(family.type == "gauge" and family.documentation for family in families)


def test_before_any_watch_nothing_is_told(tmp_path: Path) -> None:
    assert gauges(tmp_path) == ""


def test_a_file_that_is_no_json_is_passed_over(kept: Path) -> None:
    (kept / "models" / "demo" / "churn" / FILE).write_text("{")
    assert kept_watches(kept) == ()
    assert gauges(kept) == ""
