"""A data scientist and a CRM at work on the invoices of a British wholesaler."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.journey.real import Desk, require_backtest_shape, require_trained_shape

pytestmark = pytest.mark.real_data

TEST_DATES = ("2011-07-15", "2011-08-12", "2011-09-10")


@dataclass(frozen=True)
class Imported:
    """The desk after ``fanal import``, and what that said."""

    desk: Desk
    report: dict[str, Any]


@pytest.fixture(scope="module")
def imported(
    real_data: Callable[[str], Path], root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Imported:
    """The invoices as a portfolio."""
    sources = real_data("uci_online_retail")
    desk = Desk(tmp_path_factory.mktemp("online_retail"))
    mapping = root / "features" / "records" / "mappings" / "uci_online_retail.toml"
    return Imported(desk, desk.json("import", mapping, "--sources", sources, "--out", "portfolio"))


@pytest.fixture(scope="module")
def backtest(imported: Imported) -> dict[str, Any]:
    """What ``fanal backtest`` says of the three test days."""
    return imported.desk.json(
        "backtest", "portfolio", "--model", "churn", "--test-dates", ",".join(TEST_DATES)
    )


@pytest.fixture(scope="module")
def trained(imported: Imported) -> dict[str, Any]:
    """What ``fanal train`` says; its champion answers from then on."""
    return imported.desk.json("train", "portfolio", "--model", "churn", "--quick")


def test_every_line_with_a_customer_is_kept(imported: Imported) -> None:
    # 541,909 lines, of which 135,080 name no customer
    assert imported.report["tables"] == [
        {"table": "accounts", "rows_in": 4372, "kept": 4372, "merged": 0, "refused": 0},
        {"table": "orders", "rows_in": 406829, "kept": 406829, "merged": 0, "refused": 0},
    ]
    assert imported.report["violations"] == []
    assert imported.report["identical_lines"] == 5227
    assert imported.report["data_as_of"] == "2011-12-09T12:50:00+00:00"


def test_a_check_finds_nothing_that_breaks_the_contract(imported: Imported) -> None:
    said = imported.desk.json("check", "portfolio")
    assert said["ok"] is True
    assert said["tables"] == {"accounts": 4372, "orders": 406829}


def test_a_backtest_reaches_the_figures_that_were_measured_by_hand(
    backtest: dict[str, Any],
) -> None:
    mean = {name: found["auc"] for name, found in backtest["mean"].items()}
    assert mean["fanal"] >= 0.755
    assert mean["fanal"] >= mean["logistic"] - 0.002
    assert mean["default_lightgbm"] < mean["logistic"]
    assert mean["recency"] < mean["bg_nbd"] < mean["fanal"]
    assert backtest["skill"]["ci95"][0] > 0


def test_a_backtest_as_json_has_the_keys_that_programs_read(backtest: dict[str, Any]) -> None:
    assert (backtest["model"], backtest["horizon_days"]) == ("churn", 90)
    assert tuple(piece["as_of_date"] for piece in backtest["slices"]) == TEST_DATES
    require_backtest_shape(backtest, {"recency", "default_lightgbm", "bg_nbd"})


def test_the_cohorts_are_those_counted_by_hand(
    backtest: dict[str, Any], imported: Imported
) -> None:
    # Accounts with an order of positive net amount in the 180 days before, counted with pandas.
    lines = pq.read_table(imported.desk.folder / "portfolio" / "orders.parquet").to_pandas()
    orders = lines.groupby(["order_id", "account_id"], as_index=False).agg(
        at=("ordered_at", "min"), net=("net_amount", "sum")
    )
    orders = orders[orders["net"] > 0]
    for piece in backtest["slices"]:
        day = pd.Timestamp(piece["as_of_date"], tz="UTC")
        age = (day - orders["at"]).dt.total_seconds() / 86_400
        eligible = set(orders.loc[(age > 0) & (age <= 180), "account_id"])
        stayed = set(orders.loc[(age <= 0) & (age > -90), "account_id"])
        assert piece["n"] == len(eligible)
        assert piece["base_rate"] == pytest.approx(1 - len(eligible & stayed) / len(eligible))


def test_training_promotes_a_model_past_every_gate(trained: dict[str, Any]) -> None:
    model = require_trained_shape(trained, "churn")
    assert (model["verdict"], model["promoted"], model["version"]) == ("promoted", True, "1")
    assert all(gate["passed"] for gate in model["gates"])
    assert model["rung"] in ("logistic", "lightgbm")


@pytest.mark.usefixtures("trained")
def test_a_customer_scored_from_a_file_gets_reasons_in_french(imported: Imported) -> None:
    lines = pq.read_table(
        imported.desk.folder / "portfolio" / "orders.parquet",
        filters=[("account_id", "=", "17850")],
    ).to_pylist()
    body = {
        "as_of": "2011-09-10",
        "language": "fr",
        "accounts": [
            {
                "account_id": "17850",
                "orders": [
                    {
                        "order_id": line["order_id"],
                        "ordered_at": line["ordered_at"].isoformat(),
                        "net_amount": line["net_amount"],
                    }
                    for line in lines
                ],
            }
        ],
    }
    (imported.desk.folder / "BODY.json").write_text(json.dumps(body))
    (result,) = imported.desk.json("score", "BODY.json")["results"]
    # He bought until 2010-12-02 and then sent goods back: long gone on 2011-09-10.
    assert result["status"] == "lapsed"
    assert result["churn"] is None
    assert result["priority"]["action"] == "reactivate"
    body["as_of"] = "2011-03-10"
    (imported.desk.folder / "BODY.json").write_text(json.dumps(body))
    (result,) = imported.desk.json("score", "BODY.json")["results"]
    assert 0 < result["churn"]["probability"] < 1
    assert len(result["churn"]["reasons"]) >= 1
    assert all(reason["text"] for reason in result["churn"]["reasons"])
    assert [term["name"] for term in result["priority"]["terms"]] == [
        "potential", "probability", "risk", "duration",
    ]  # fmt: skip
