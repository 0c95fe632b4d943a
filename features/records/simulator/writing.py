"""How does a simulated portfolio lie on disk?"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from features.records.simulator.settings import CHURN_CAUSES, CLOSE_CAUSES, SEGMENT_CAUSE
from features.records.simulator.world import Simulation

CURRENCY = "EUR"
TIMEZONE = "Europe/Paris"
STATIC = (
    "accounts.segment", "accounts.industry", "accounts.country", "accounts.owner_id",
    "accounts.acquisition_channel", "accounts.parent_account_id", "accounts.employees",
    "accounts.potential_revenue", "accounts.wallet_revenue", "accounts.service_cost_annual",
    "opportunities.owner_id", "opportunities.kind", "opportunities.source",
    "opportunities.product_id", "opportunities.competitor",
)  # fmt: skip
"""Columns that never change in a simulated portfolio."""


def write_simulation(simulation: Simulation, folder: Path, name: str = "demo") -> None:
    """Write a portfolio folder: TABLE.parquet, portfolio.toml, and what is true under truth/.

    Parameters
    ----------
    simulation : Simulation
        What to write.
    folder : Path
        Made when absent; files of the same names are replaced.
    name : str
        Name of the portfolio.
    """
    _write_tables(simulation, folder)
    (folder / "portfolio.toml").write_text(_portfolio_toml(simulation, name), encoding="utf-8")


def write_export(simulation: Simulation, folder: Path, name: str = "demo") -> Path:
    """Write what an ERP and a CRM would export, with the mapping that imports it.

    Parameters
    ----------
    simulation, folder, name
        As for `write_simulation`.

    Returns
    -------
    Path
        The mapping file.
    """
    _write_tables(simulation, folder)
    mapping = folder / "mapping.toml"
    mapping.write_text(_mapping_toml(simulation, name), encoding="utf-8")
    return mapping


def _write_tables(simulation: Simulation, folder: Path) -> None:
    truth = folder / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    for table, rows in simulation.tables.items():
        pq.write_table(rows, folder / f"{table}.parquet")
    for table, rows in simulation.truth.items():
        pq.write_table(rows, truth / f"{table}.parquet")
    (truth / "causes.json").write_text(_causes_json(simulation), encoding="utf-8")


def _mapping_toml(simulation: Simulation, name: str) -> str:
    sources = [f'{table}_file = "{table}.parquet"' for table in simulation.tables]
    tables = [
        f'[tables.{table}]\nfrom = "{table}_file"\n\n[tables.{table}.columns]\n'
        + "".join(f'{name} = "{name}"\n' for name in rows.column_names)
        for table, rows in simulation.tables.items()
    ]
    lines = ["[portfolio]", _portfolio_toml(simulation, name), "[sources]", *sources, "", *tables]
    return "\n".join(lines)


def _portfolio_toml(simulation: Simulation, name: str) -> str:
    # A JSON string without surrogates is a TOML basic string.
    values = {
        "name": name,
        "currency": CURRENCY,
        "timezone": TIMEZONE,
        "static": list(STATIC),
        "data_as_of": simulation.settings.data_as_of.isoformat(),
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _causes_json(simulation: Simulation) -> str:
    settings = simulation.settings
    causes = [
        {
            "name": cause.name,
            "model": model,
            "column": f"log_odds_{cause.name}",
            "log_odds": cause.log_odds,
            "strength": settings.strength(cause.name),
            "description": cause.meaning,
        }
        for model, group in (("churn", (*CHURN_CAUSES, SEGMENT_CAUSE)), ("close", CLOSE_CAUSES))
        for cause in group
    ]
    return json.dumps(causes, ensure_ascii=False, indent=2) + "\n"
