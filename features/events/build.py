"""Which sources have some records, and who are their entities?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from features.closings import closing_spells
from features.events import of_accounts, of_deals
from features.events.rates import OrderLines
from features.events.sheet import Vocabulary
from features.events.versions import THREADS
from features.events.world import World
from features.kernel import Codes, Events, Floats
from features.records.folder import Portfolio, Records


@dataclass(frozen=True)
class EventSet:
    """All events of some records, by source.

    Attributes
    ----------
    portfolio : Portfolio
        What holds for all of them.
    accounts, deals : Vocabulary
        Ids, bytewise sorted; an entity's code is its position.
    deal_account : (n_deals,) int64
        Account of each deal.
    sources : mapping of str to Events
        Sources that exist, keyed by account or by deal as `ENTITY_OF_SOURCE` says.
    words : mapping of str to Vocabulary
        stage, owner, segment, country, product, source, competitor.
    stage_position, stage_outcome : arrays by stage code
        Place in the order of the sale (NaN unknown); 0 open, 1 won, 2 lost.
    order_lines : OrderLines or None
        Lines of the orders in the portfolio's currency, and which of them have no rate.
    records : Records
        Where the events came from.
    """

    portfolio: Portfolio
    accounts: Vocabulary
    deals: Vocabulary
    deal_account: Codes
    sources: Mapping[str, Events]
    words: Mapping[str, Vocabulary]
    stage_position: Floats
    stage_outcome: Codes
    order_lines: OrderLines | None
    records: Records


Build = Callable[[World], Events | None]

_OF_ACCOUNTS: Mapping[str, Build] = {
    "orders": of_accounts.orders,
    "lines": of_accounts.lines,
    "invoices": of_accounts.invoices,
    "interactions": of_accounts.interactions,
    "contacts": of_accounts.contacts,
    "subscriptions": of_accounts.subscriptions,
    "interaction_outcomes": of_accounts.interaction_outcomes,
    "account_events": of_accounts.account_events,
    "notices": of_accounts.notices,
    "mrr_moves": of_accounts.mrr_moves,
    "wallet": partial(of_accounts.number_attribute, column="wallet_revenue"),
    "potential": partial(of_accounts.number_attribute, column="potential_revenue"),
    "employees": partial(of_accounts.number_attribute, column="employees"),
    "parent": partial(of_accounts.attribute, column="parent_account_id", words="parent"),
    "segment": partial(of_accounts.attribute, column="segment", words="segment"),
    "country": partial(of_accounts.attribute, column="country", words="country"),
    "account_owner": partial(of_accounts.attribute, column="owner_id", words="owner"),
}

_OF_DEALS: Mapping[str, Build] = {
    "moves": of_deals.moves,
    "deal_interactions": of_deals.deal_interactions,
    "deal_outcomes": of_deals.deal_outcomes,
    "created": of_deals.created,
    "deal_owner": partial(of_deals.deal_attribute, column="owner_id", words="owner"),
    "deal_kind": partial(of_deals.deal_attribute, column="kind", words="deal_kind"),
    "product": partial(of_deals.deal_attribute, column="product_id", words="product"),
    "lead_source": partial(of_deals.deal_attribute, column="source", words="lead_source"),
    "competitor": partial(of_deals.deal_attribute, column="competitor", words="competitor"),
}

ENTITY_OF_SOURCE: Mapping[str, str] = {
    **dict.fromkeys(_OF_ACCOUNTS, "account"),
    "account_deals": "account",
    **dict.fromkeys(_OF_DEALS, "deal"),
}


def build_events(records: Records) -> EventSet:
    """What happened, entity by entity, in the form that the kernel walks?

    Parameters
    ----------
    records : Records
        Checked rows, in the loader's order.

    Returns
    -------
    EventSet
        Sources whose tables exist; the others are absent and their signals unavailable.
    """
    world = World(records)
    sources = _build_all(world)
    moves = sources["moves"]
    if moves is not None:
        sources["account_deals"] = of_deals.account_deals(world, closing_spells(moves))
    return EventSet(
        records.portfolio,
        world.accounts,
        world.deals,
        world.deal_account,
        {name: events for name, events in sources.items() if events is not None},
        world.words,
        world.stage_position,
        world.stage_outcome,
        world.order_lines,
        records,
    )


def _build_all(world: World) -> dict[str, Events | None]:
    """Build every source, side by side where there are many rows."""
    builders = {**_OF_ACCOUNTS, **_OF_DEALS}
    if not world.book.is_large:
        return {name: build(world) for name, build in builders.items()}
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda build: build(world), builders.values())
        return dict(zip(builders, found, strict=True))
