"""What do the builders of all sources share?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from features.asof import NEVER, Instants
from features.events.columns import (
    Column,
    Mask,
    Vocabulary,
    column_of,
    holds,
    numbers,
    pc,
    required,
    words_in,
)
from features.events.rates import order_lines
from features.events.sorting import sort_events
from features.events.versions import Versions, versions_of
from features.kernel import Codes, Events, Floats
from features.records.folder import Records


class World:
    """Ids, words and stages of one set of records, shared by the builders of its sources.

    Attributes
    ----------
    records : Records
        The records.
    zone : str
        Zone of calendar days.
    accounts, deals : Vocabulary
        Ids, bytewise sorted.
    opportunities : Versions or None
        Rows of the table, and when each counts.
    order_lines : OrderLines or None
        Rows of orders in the portfolio's currency, and when each counts.
    words : dict of str to Vocabulary
        stage, owner, segment, country, parent, product, category, contact, lead_source,
        competitor, deal_kind.
    stage_position, stage_outcome : arrays by stage code
        Place in the order of the sale (NaN unknown); 0 open, 1 won, 2 lost.
    deal_account : (n_deals,) int64
        Account of each deal.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.zone = records.portfolio.timezone
        tables = records.tables
        self.accounts = words_in(
            *(
                table.column("account_id")
                for table in tables.values()
                if "account_id" in table.column_names
            )
        )
        self.opportunities = versions_of(
            records, "opportunities", "created_at", ("opportunity_id",)
        )
        self.order_lines = order_lines(records)
        self.deals = (
            Vocabulary(())
            if self.opportunities is None
            else words_in(self.opportunities.table.column("opportunity_id"))
        )
        self.words = self._vocabularies()
        self.stage_position, self.stage_outcome = self._stages()
        self.deal_account = self._deal_accounts()

    def _vocabularies(self) -> dict[str, Vocabulary]:
        def column(table: str, name: str) -> Column:
            found = self.records.tables.get(table)
            return pa.nulls(0, pa.string()) if found is None else column_of(found, name)

        history = self.records.tables.get("account_history")
        changed = {
            name: pa.nulls(0, pa.string())
            if history is None
            else history.filter(pc.equal(history.column("field"), name)).column("value")
            for name in ("segment", "country", "owner_id", "parent_account_id")
        }
        return {
            "stage": words_in(column("stages", "stage"), column("opportunity_history", "stage")),
            "owner": words_in(
                column("opportunities", "owner_id"),
                column("opportunity_history", "owner_id"),
                column("accounts", "owner_id"),
                changed["owner_id"],
            ),
            "segment": words_in(column("accounts", "segment"), changed["segment"]),
            "country": words_in(column("accounts", "country"), changed["country"]),
            "product": words_in(
                column("orders", "product_id"), column("opportunities", "product_id")
            ),
            "parent": words_in(
                column("accounts", "parent_account_id"), changed["parent_account_id"]
            ),
            "category": words_in(column("products", "category")),
            "contact": words_in(column("interactions", "contact_id")),
            "deal_kind": words_in(column("opportunities", "kind")),
            "lead_source": words_in(column("opportunities", "source")),
            "competitor": words_in(column("opportunities", "competitor")),
        }

    def _stages(self) -> tuple[Floats, Codes]:
        n = len(self.words["stage"].words)
        position, outcome = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
        found = versions_of(self.records, "stages", None, ("stage",))
        if found is not None:
            # What a stage is, is told of no moment: every day has the latest word on it.
            table = found.take(np.flatnonzero(found.known_until == NEVER)).table
            code = self.words["stage"].code(table.column("stage"))
            position[code] = required(numbers(table, "position"))
            outcome[code[required(holds(table, "outcome", "won"))]] = 1
            outcome[code[required(holds(table, "outcome", "lost"))]] = 2
        return position, outcome

    def _deal_accounts(self) -> Codes:
        owner = np.full(len(self.deals.words), -1, dtype=np.int64)
        if self.opportunities is not None:
            table = self.opportunities.table
            code = self.deals.code(table.column("opportunity_id"))
            owner[code] = self.accounts.code(table.column("account_id"))
        return owner

    def accounts_named(self, table: pa.Table) -> Codes:
        """Which account does each row name?"""
        return self.accounts.code(table.column("account_id"))

    def deals_named(self, table: pa.Table) -> Codes:
        """Which deal of its own account does each row name? -1 for none, or that of another."""
        deal = self.deals.code(table.column("opportunity_id"))
        # A reader of some accounts does not see the deals of others, so nobody may.
        owner = np.append(self.deal_account, -1)[deal]
        return np.where(self.accounts_named(table) == owner, deal, -1)

    def events(
        self,
        versions: Versions,
        entity: Codes,
        n_entities: int,
        *,
        later: Instants | None = None,
        flags: Mapping[str, Mask | None] | None = None,
        measures: Mapping[str, Floats | None] | None = None,
    ) -> Events:
        """Events of some rows, in the order and form of the kernel."""
        return sort_events(
            n_entities,
            entity,
            versions.at,
            known_from=versions.known_from,
            known_until=versions.known_until,
            later=later,
            zone=self.zone,
            flags=flags,
            measures=measures,
            record=versions.row,
        )

    def by_account(self, versions: Versions, **parts: object) -> Events:
        """Events of some rows, each of the account it names."""
        entity = self.accounts_named(versions.table)
        return self.events(versions, entity, len(self.accounts.words), **parts)  # type: ignore[arg-type]
