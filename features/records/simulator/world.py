"""How is a whole portfolio simulated?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from features.records.simulator.accounts import account_tables, draw_accounts
from features.records.simulator.deals import first_wins, open_deals, work_deals
from features.records.simulator.interactions import interaction_table
from features.records.simulator.life import live
from features.records.simulator.orders import draw_orders, order_tables, rhythm_of
from features.records.simulator.pipeline import deal_tables, plan_tables
from features.records.simulator.products import product_table
from features.records.simulator.relationship import relationship_tables
from features.records.simulator.settings import SimulatorSettings
from features.records.simulator.truth import account_truth, churn_truth, close_truth


@dataclass(frozen=True)
class Simulation:
    """A simulated portfolio and what is true of it.

    Attributes
    ----------
    settings : SimulatorSettings
        The world it was drawn from.
    tables : dict of str to pyarrow.Table
        Tables of the contract.
    truth : dict of str to pyarrow.Table
        ``churn``, ``close`` and ``accounts``; never an input of a model.
    """

    settings: SimulatorSettings
    tables: dict[str, pa.Table]
    truth: dict[str, pa.Table]


def simulate(random: np.random.Generator, settings: SimulatorSettings) -> Simulation:
    """Which portfolio does this world bring forth, and what is true of it?

    The same generator state and settings give the same tables. A prospect that is won starts to
    order the next day; an account that has left opens no further deals.
    """
    accounts = draw_accounts(random, settings)
    deals = work_deals(random, open_deals(random, accounts, settings), settings)
    won = first_wins(deals, accounts.size) + 1
    accounts = replace(accounts, start=np.where(accounts.is_prospect, won, accounts.start))
    life = live(random, accounts, settings)
    deals = deals.without(deals.openings.created >= life.departed[deals.openings.account])
    rhythm = rhythm_of(accounts, life, settings)
    orders = draw_orders(random, life, rhythm, settings)
    tables = {
        **account_tables(random, accounts, settings),
        **relationship_tables(random, accounts, life, settings),
        **order_tables(random, accounts, life, orders, settings),
        "interactions": interaction_table(random, accounts, life, deals, settings),
        **deal_tables(random, accounts, deals, settings),
        **plan_tables(random, accounts, settings),
        "products": product_table(),
    }
    truth = {
        "accounts": account_truth(accounts, life, rhythm, settings),
        "churn": churn_truth(accounts, life, orders, rhythm, settings),
        "close": close_truth(deals, settings),
    }
    return Simulation(settings, tables, truth)
