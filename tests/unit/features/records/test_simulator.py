"""Does the simulator keep the contract, and do its true probabilities come true?"""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import SettingsError
from features.records.checking import check_table
from features.records.contract import TABLES
from features.records.simulator import Simulation, SimulatorSettings, simulate, write_simulation
from features.records.simulator.departure import departures
from features.records.simulator.names import company_names

HORIZON = pd.Timedelta(days=90)


def a_simulation(seed: int, settings: SimulatorSettings) -> Simulation:
    return simulate(np.random.default_rng(seed), settings)


@pytest.fixture(scope="module")
def world() -> Simulation:
    return a_simulation(7, SimulatorSettings(accounts=3000))


@pytest.fixture(scope="module")
def null_world() -> Simulation:
    return a_simulation(11, SimulatorSettings.without_effects(accounts=3000))


@pytest.fixture(scope="module")
def churn(world: Simulation) -> pd.DataFrame:
    return matured_churn(world)


@pytest.fixture(scope="module")
def null_churn(null_world: Simulation) -> pd.DataFrame:
    return matured_churn(null_world)


def naive(frame: pd.DataFrame) -> pd.DataFrame:
    """Instants without their zone (UTC), to compare with days."""
    zoned = frame.select_dtypes("datetimetz")
    return frame.assign(**{name: zoned[name].dt.tz_localize(None) for name in zoned})


def table(simulation: Simulation, name: str) -> pd.DataFrame:
    return naive(simulation.tables[name].to_pandas())


def matured(simulation: Simulation, name: str) -> pd.DataFrame:
    """Truth of the dates whose 90 days lie in the history; `day` is the as_of_date."""
    truth = simulation.truth[name].to_pandas()
    truth["day"] = pd.to_datetime(truth["as_of_date"])
    last = pd.Timestamp(simulation.settings.end_date) + pd.Timedelta(days=1)
    return truth[truth["day"] + HORIZON <= last].copy()


def matured_churn(simulation: Simulation) -> pd.DataFrame:
    """Active accounts with what came: `is_silent` by the order rule, `days_since_last_order`."""
    truth = matured(simulation, "churn")
    truth = truth[truth["is_active"]].sort_values("day")
    orders = table(simulation, "orders")
    orders = orders[orders["net_amount"] > 0].sort_values("ordered_at")
    orders = orders[["account_id", "ordered_at"]].astype({"ordered_at": "datetime64[s]"})
    truth["day"] = truth["day"].astype("datetime64[s]")
    for column, direction in (("next", "forward"), ("last", "backward")):
        truth = pd.merge_asof(
            truth, orders.rename(columns={"ordered_at": column}),
            left_on="day", right_on=column, by="account_id", direction=direction,
        )  # fmt: skip
    truth["is_silent"] = ~(truth["next"] < truth["day"] + HORIZON)
    truth["days_since_last_order"] = (truth["day"] - truth["last"]).dt.days
    return truth


def matured_deals(simulation: Simulation) -> pd.DataFrame:
    """Open deals with what came: `is_won` within 90 days."""
    truth = matured(simulation, "close")
    history = table(simulation, "opportunity_history")
    won = history[history["stage"] == "won"].set_index("opportunity_id")["changed_at"]
    won_at = truth["opportunity_id"].map(won)
    truth["is_won"] = (won_at >= truth["day"]) & (won_at < truth["day"] + HORIZON)
    return truth


def test_every_table_keeps_the_contract_at_the_clock_of_its_own_last_second(
    world: Simulation,
) -> None:
    for name, rows in world.tables.items():
        checked = check_table(
            TABLES[name], rows, timezone="Europe/Paris", clock=world.settings.data_as_of
        )
        assert checked.violations == ()
        assert checked.kept.schema == rows.schema


def test_no_instant_lies_after_the_history_but_plans(world: Simulation) -> None:
    end = world.settings.data_as_of
    for name, rows in world.tables.items():
        for column in TABLES[name].columns:
            if column.kind == "instant" and column.name in rows.column_names and not column.is_plan:
                assert pd.Timestamp(end) >= rows[column.name].to_pandas().max()


def test_keys_name_one_row_each(world: Simulation) -> None:
    for name, rows in world.tables.items():
        key = list(TABLES[name].key)
        assert not key or not rows.select(key).to_pandas().duplicated().any()


def test_the_same_generator_state_gives_the_same_tables() -> None:
    settings = SimulatorSettings(accounts=60, days=400)
    first, again, other = (a_simulation(seed, settings) for seed in (3, 3, 4))
    assert all(rows.equals(again.tables[name]) for name, rows in first.tables.items())
    assert all(rows.equals(again.truth[name]) for name, rows in first.truth.items())
    assert not first.tables["orders"].equals(other.tables["orders"])


def test_a_thousand_accounts_make_a_quick_demo_with_usual_rates() -> None:
    simulation = a_simulation(5, SimulatorSettings())
    assert 40_000 < sum(rows.num_rows for rows in simulation.tables.values()) < 80_000
    assert 0.15 < matured_churn(simulation)["is_silent"].mean() < 0.27
    history = table(simulation, "opportunity_history")
    closed = history[history["stage"].isin(["won", "lost"])]
    assert 0.22 < (closed["stage"] == "won").mean() < 0.42
    assert (table(simulation, "orders")["net_amount"] < 0).mean() < 0.03


def test_live_accounts_fall_silent_as_often_as_the_truth_says(churn: pd.DataFrame) -> None:
    live = churn[~churn["is_departed"]]
    assert len(live) > 20_000
    assert live["p_no_order"].mean() == pytest.approx(live["is_silent"].mean(), abs=0.008)
    tenth = pd.qcut(live["p_no_order"], 10)
    by_tenth = live.groupby(tenth, observed=True)[["p_no_order", "is_silent"]].mean()
    assert (by_tenth["p_no_order"] - by_tenth["is_silent"]).abs().max() < 0.035


@pytest.mark.parametrize(
    "cause", ["service_trouble", "contact_loss", "low_nps", "price", "engagement", "decline"]
)
def test_accounts_under_each_cause_fall_silent_as_often_as_the_truth_says(
    churn: pd.DataFrame, cause: str
) -> None:
    live = churn[~churn["is_departed"]]
    under, free = live[live[f"log_odds_{cause}"] > 0], live[live[f"log_odds_{cause}"] == 0]
    assert under["p_no_order"].mean() == pytest.approx(under["is_silent"].mean(), abs=0.035)
    assert under["p_no_order"].mean() > free["p_no_order"].mean()


def test_accounts_that_have_left_never_order_again(world: Simulation, churn: pd.DataFrame) -> None:
    assert churn.loc[churn["is_departed"], "is_silent"].all()
    assert (churn.loc[churn["is_departed"], "p_no_order"] == 1).all()
    left = naive(world.truth["accounts"].to_pandas()).set_index("account_id")["departed_at"]
    orders = table(world, "orders")
    bought = orders[orders["net_amount"] > 0]
    assert not (bought["ordered_at"] >= bought["account_id"].map(left)).any()


def test_contracts_end_as_often_as_the_truth_says(world: Simulation) -> None:
    truth = matured(world, "churn")
    truth = truth[truth["churn_rule"] == "subscription"]
    contracts = table(world, "subscriptions")
    last = contracts[contracts["cancelled_at"].notna()].set_index("account_id")["ended_at"]
    ended = truth["account_id"].map(last)
    is_churned = (ended >= truth["day"]) & (ended < truth["day"] + HORIZON)
    assert is_churned[truth["is_departed"]].all()
    live = ~truth["is_departed"]
    assert truth.loc[live, "p_churn"].mean() == pytest.approx(is_churned[live].mean(), abs=0.03)


def test_open_deals_are_won_as_often_as_the_truth_says(world: Simulation) -> None:
    deals = matured_deals(world)
    assert deals["p_win"].mean() == pytest.approx(deals["is_won"].mean(), abs=0.025)
    fifth = pd.qcut(deals["p_win"], 5)
    by_fifth = deals.groupby(fifth, observed=True)[["p_win", "is_won"]].mean()
    assert (by_fifth["p_win"] - by_fifth["is_won"]).abs().max() < 0.07


def test_trouble_is_seen_as_a_case_that_waits_for_an_answer(
    world: Simulation, churn: pd.DataFrame
) -> None:
    day = pd.Timestamp(2025, 9, 1)
    rows = churn[(churn["day"] == day) & ~churn["is_departed"]]
    cases = table(world, "interactions")
    cases = cases[cases["kind"].isin(["ticket", "complaint"]) & (cases["occurred_at"] < day)]
    waiting = cases[~(cases["resolved_at"] < day)]
    # Noise is answered within 6 days, so what waits for longer is trouble.
    long_waiting = waiting[waiting["occurred_at"] < day - pd.Timedelta(days=7)]
    in_trouble = set(rows.loc[rows["log_odds_service_trouble"] > 0, "account_id"])
    assert len(in_trouble) > 50
    assert in_trouble <= set(waiting["account_id"])
    assert set(long_waiting["account_id"]) & set(rows["account_id"]) <= in_trouble


def test_a_low_mark_is_the_last_one_the_account_gave(
    world: Simulation, churn: pd.DataFrame
) -> None:
    day = pd.Timestamp(2025, 9, 1)
    rows = churn[(churn["day"] == day) & ~churn["is_departed"]].set_index("account_id")
    surveys = table(world, "interactions").dropna(subset="survey_score")
    marks = surveys[surveys["occurred_at"] < day].sort_values("occurred_at")
    last = marks.groupby("account_id")["survey_score"].last().reindex(rows.index)
    assert ((last <= 6) == (rows["log_odds_low_nps"] > 0)).all()


def test_a_lost_contact_is_one_who_left_and_has_no_successor(
    world: Simulation, churn: pd.DataFrame
) -> None:
    day = pd.Timestamp(2025, 9, 1)
    rows = churn[(churn["day"] == day) & ~churn["is_departed"]].set_index("account_id")
    people = table(world, "contacts")
    people = people[people["created_at"] < day]
    left = people[people["left_at"] < day].groupby("account_id")["left_at"].max()
    newest = people.groupby("account_id")["created_at"].max()
    is_alone = (left.reindex(rows.index) > newest.reindex(rows.index)).fillna(False)
    assert (is_alone == (rows["log_odds_contact_loss"] > 0)).all()


def test_a_withdrawn_discount_is_seen_on_the_next_order(
    world: Simulation, churn: pd.DataFrame
) -> None:
    events = table(world, "account_events")
    first = events[events["kind"] == "price_rise"].groupby("account_id")["occurred_at"].min()
    back = events[events["kind"] == "discount_restored"].groupby("account_id")["occurred_at"].min()
    orders = table(world, "orders")
    bought = orders[orders["net_amount"] > 0]
    since, until = bought["account_id"].map(first), bought["account_id"].map(back)
    raised = (bought["ordered_at"] > since + pd.Timedelta(days=1)) & ~(
        bought["ordered_at"] > until - pd.Timedelta(days=1)
    )
    assert raised.sum() > 500
    assert (bought.loc[raised, "discount_amount"] == 0).all()
    assert (bought.loc[since.isna(), "discount_amount"] > 0).all()


def test_a_deal_begins_with_its_creation_and_ends_with_its_outcome(world: Simulation) -> None:
    history = table(world, "opportunity_history").sort_values(["opportunity_id", "changed_at"])
    deals = table(world, "opportunities").set_index("opportunity_id")
    by_deal = history.groupby("opportunity_id")
    assert (by_deal["changed_at"].first() == deals["created_at"]).all()
    assert (by_deal["stage"].first() == "qualified").all()
    is_final = history["stage"].isin(["won", "lost"])
    assert is_final.groupby(history["opportunity_id"]).sum().max() == 1
    is_followed = history["opportunity_id"].duplicated(keep="last")
    assert not (is_final & is_followed).any()


def test_a_world_without_effects_gives_every_account_the_same_chance(
    null_world: Simulation, null_churn: pd.DataFrame
) -> None:
    assert "subscriptions" not in null_world.tables
    assert null_world.truth["accounts"]["departed_at"].null_count == 3000
    assert null_churn["p_churn"].to_numpy() == pytest.approx(0.2, abs=1e-6)
    assert null_churn["is_silent"].mean() == pytest.approx(0.2, abs=0.008)


def test_a_world_without_effects_hides_nothing_in_silence_or_trouble(
    null_world: Simulation, null_churn: pd.DataFrame
) -> None:
    thirds = pd.qcut(null_churn["days_since_last_order"], 3)
    assert null_churn.groupby(thirds, observed=True)["is_silent"].mean().to_numpy() == (
        pytest.approx([0.2, 0.2, 0.2], abs=0.015)
    )
    accounts = table(null_world, "accounts").set_index("account_id")
    segments = null_churn["account_id"].map(accounts["segment"])
    assert null_churn.groupby(segments)["is_silent"].mean().to_numpy() == (
        pytest.approx([0.2] * 4, abs=0.025)
    )
    months = null_churn.groupby("day")["is_silent"].mean()
    assert months.to_numpy() == pytest.approx(np.full(len(months), 0.2), abs=0.035)


def test_a_world_without_effects_gives_every_deal_the_same_chance(null_world: Simulation) -> None:
    deals = matured_deals(null_world)
    # 0.0040 / 0.0112 x (1 - (1 / 1.0112) ** 90) = 0.2261
    assert deals["p_win"].to_numpy() == pytest.approx(0.2261, abs=5e-5)
    assert deals["is_won"].mean() == pytest.approx(0.2261, abs=0.02)
    history = table(null_world, "opportunity_history")
    open_rows = history[~history["stage"].isin(["won", "lost"])].sort_values("changed_at")
    deals["day"] = deals["day"].astype("datetime64[s]")
    open_rows = open_rows.astype({"changed_at": "datetime64[s]"})
    seen = pd.merge_asof(
        deals.sort_values("day"), open_rows,
        left_on="day", right_on="changed_at", by="opportunity_id",
    )  # fmt: skip
    by_stage = seen.groupby("stage")["is_won"].mean()
    assert by_stage.to_numpy() == pytest.approx(np.full(4, 0.2261), abs=0.05)


def test_a_cause_without_strength_is_there_but_changes_nothing() -> None:
    settings = SimulatorSettings(accounts=200, service_trouble=0.0, low_nps=0.5)
    truth = a_simulation(2, settings).truth["churn"].to_pandas()
    assert set(truth["log_odds_service_trouble"]) == {0.0}
    assert set(truth["log_odds_low_nps"]) == {0.0, 0.65}
    assert set(truth["log_odds_contact_loss"]) == {0.0, 1.6}


def test_with_no_cause_an_account_leaves_by_a_constant_daily_chance() -> None:
    leaving = departures(replace(SimulatorSettings.without_effects(), departure=1.0))
    # 1 - (1 / 1.00008) ** 60 = 0.004788
    assert leaving.leaves_by_day[:, :, 60] == pytest.approx(0.004788, abs=1e-6)
    assert leaving.calm.sum(axis=(2, 3)) == pytest.approx(1.0)
    assert leaving.declining.sum(axis=2) == pytest.approx(1.0)


def test_truth_is_stated_for_the_dates_asked_for() -> None:
    settings = SimulatorSettings(accounts=50, as_of_dates=(date(2026, 7, 1), date(2025, 11, 15)))
    truth = a_simulation(1, settings).truth
    assert set(truth["churn"]["as_of_date"].to_pylist()) == {date(2025, 11, 15), date(2026, 7, 1)}


def test_a_portfolio_folder_keeps_the_truth_apart(tmp_path: Path) -> None:
    simulation = a_simulation(1, SimulatorSettings(accounts=40, days=300))
    write_simulation(simulation, tmp_path / "demo", "Négoce")
    tables = {path.stem for path in (tmp_path / "demo").glob("*.parquet")}
    assert tables == set(simulation.tables)
    assert tables <= set(TABLES)
    written = {path.name for path in (tmp_path / "demo" / "truth").iterdir()}
    assert written == {"accounts.parquet", "churn.parquet", "close.parquet", "causes.json"}
    portfolio = tomllib.loads((tmp_path / "demo" / "portfolio.toml").read_text("utf-8"))
    assert portfolio["name"] == "Négoce"
    assert portfolio["currency"] == "EUR"
    assert portfolio["timezone"] == "Europe/Paris"
    assert portfolio["data_as_of"] == "2026-06-30T23:59:59+00:00"
    for attribute in portfolio["static"]:
        name, column = attribute.split(".")
        assert column in TABLES[name].mutable


def test_every_stated_cause_has_its_column(tmp_path: Path) -> None:
    simulation = a_simulation(1, SimulatorSettings(accounts=40, days=300))
    write_simulation(simulation, tmp_path)
    causes = json.loads((tmp_path / "truth" / "causes.json").read_text("utf-8"))
    for model in ("churn", "close"):
        stated = {cause["column"] for cause in causes if cause["model"] == model}
        columns = simulation.truth[model].column_names
        assert stated == {name for name in columns if name.startswith("log_odds_")}


def test_company_names_differ_even_in_a_large_portfolio() -> None:
    is_english = np.arange(20_000) < 15_000
    names = company_names(np.random.default_rng(1), is_english)
    assert len(set(names)) == 20_000


def test_all_wrong_settings_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        SimulatorSettings(accounts=5, days=10, price=-1.0, as_of_dates=(date(2030, 1, 1),))
    text = str(caught.value)
    assert caught.value.code == "SM001"
    assert all(word in text for word in ("accounts", "days", "price", "as_of_dates"))
