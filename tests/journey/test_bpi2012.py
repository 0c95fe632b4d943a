"""A data scientist at work on the loan applications of a Dutch bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.journey.real import Desk, require_backtest_shape, require_trained_shape

pytestmark = pytest.mark.real_data

TEST_DATES = ("2012-01-20", "2012-02-01", "2012-02-10")


@dataclass(frozen=True)
class Imported:
    """The desk after ``fanal import``, and what that said."""

    desk: Desk
    report: dict[str, Any]


@pytest.fixture(scope="module")
def imported(
    real_data: Callable[[str], Path], root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Imported:
    """The applications as a portfolio."""
    sources = real_data("bpi2012_loan_pipeline")
    desk = Desk(tmp_path_factory.mktemp("bpi2012"))
    mapping = root / "features" / "records" / "mappings" / "bpi2012_loan_pipeline.toml"
    return Imported(desk, desk.json("import", mapping, "--sources", sources, "--out", "portfolio"))


@pytest.fixture(scope="module")
def backtest(imported: Imported) -> dict[str, Any]:
    """What ``fanal backtest`` says of the three test days."""
    return imported.desk.json(
        "backtest", "portfolio", "--model", "close", "--horizon", "30",
        "--test-dates", ",".join(TEST_DATES),
    )  # fmt: skip


def test_every_case_is_a_deal_and_every_stage_change_is_kept(imported: Imported) -> None:
    kept = {table["table"]: table["kept"] for table in imported.report["tables"]}
    assert kept == {
        "accounts": 13087,
        "opportunities": 13087,
        "opportunity_history": 92093,
        "interactions": 71373,
        "stages": 17,
    }
    assert all(table["refused"] == 0 for table in imported.report["tables"])
    assert imported.report["rows_after_close"] == 1445
    assert imported.report["deals_after_close"] == 861


def test_a_backtest_reaches_the_figures_that_were_measured_by_hand(
    backtest: dict[str, Any],
) -> None:
    mean = backtest["mean"]
    assert mean["fanal"]["auc"] >= 0.776
    assert mean["fanal"]["brier"] <= 0.172
    assert mean["stage_rate"]["auc"] < mean["fanal"]["auc"]
    assert mean["naive_bayes"]["auc"] < mean["logistic"]["auc"] < mean["fanal"]["auc"]
    assert backtest["skill"]["ci95"][0] > 0


def test_a_backtest_as_json_has_the_keys_that_programs_read(backtest: dict[str, Any]) -> None:
    assert (backtest["model"], backtest["horizon_days"]) == ("close", 30)
    assert tuple(piece["as_of_date"] for piece in backtest["slices"]) == TEST_DATES
    require_backtest_shape(backtest, {"stage_rate", "naive_bayes", "default_lightgbm"})


def test_training_promotes_a_model_and_scores_the_open_deals(imported: Imported) -> None:
    said = imported.desk.json(
        "train", "portfolio", "--model", "close", "--horizon", "30", "--quick"
    )
    model = require_trained_shape(said, "close")
    assert (model["verdict"], model["promoted"], model["rung"]) == ("promoted", True, "lightgbm")
    scored = imported.desk.json("score", "portfolio")
    deals = [deal for result in scored["results"] for deal in result["opportunities"]]
    open_deals = [deal for deal in deals if deal["close"]]
    assert len(deals) == 13087
    # 399 cases of the log never reach an end
    assert len(open_deals) == 399
    assert all(deal["priority"]["action"] == "win" for deal in open_deals)
    assert {deal["status"] for deal in deals if not deal["close"]} == {"won", "lost"}


def test_churn_is_refused_with_what_is_missing(imported: Imported) -> None:
    said = imported.desk.fanal("train", "portfolio", "--model", "churn", code=2)
    assert "CT002" in said.stderr
    assert "orders or subscriptions" in said.stderr


def test_durations_beat_the_life_table_of_the_stage_by_a_tenth(imported: Imported) -> None:
    found = imported.desk.json(
        "backtest", "portfolio", "--model", "duration", "--horizon", "30", "--quick",
        "--test-dates", TEST_DATES[1],
    )  # fmt: skip
    assert (found["model"], found["verdict"], found["rung"]) == ("duration", "skill", "lightgbm")
    mean = {name: metrics["log_loss"] for name, metrics in found["mean"].items()}
    assert mean["fanal"] < 0.92 * mean["rates"]
    assert mean["rates"] < mean["prior"]
    said = found["mean"]["fanal"]
    assert said["closed_gap"] < 0.06
    assert said["closed_gap"] < found["mean"]["closed_only"]["closed_gap"]
    assert 0.4 < said["closed_by_p50"] < 0.6
    assert 0.7 < said["closed_by_p80"] < 0.9
