"""What do the builders of all sources share?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.asof import NEVER, Instants
from features.events.columns import required
from features.events.rates import order_lines
from features.events.sheet import Mask, Sheet, Texts, Vocabulary
from features.events.sorting import Flags, sort_events
from features.events.versions import Book, Versions
from features.kernel import Codes, Events, Floats
from features.records.folder import Records

_READ_WHOLE = (
    ("orders", "order_id"), ("orders", "line_id"), ("orders", "product_id"),
    ("orders", "currency"), ("interactions", "interaction_id"), ("interactions", "contact_id"),
    ("interactions", "kind"), ("interactions", "direction"), ("interactions", "outcome"),
    ("opportunities", "opportunity_id"), ("opportunity_history", "stage"),
    ("opportunity_history", "owner_id"), ("accounts", "parent_account_id"),
)  # fmt: skip
"""Texts of large tables that are read in any case."""


class World:
    """Ids, words and stages of one set of records, shared by the builders of its sources.

    Attributes
    ----------
    book : Book
        The tables, and when their rows count.
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
        Account of each deal, as first known.
    """

    def __init__(self, records: Records) -> None:
        self.book = Book(records)
        self.zone = records.portfolio.timezone
        self.book.read_ahead((*((name, "account_id") for name in self.book.sheets), *_READ_WHOLE))
        self.accounts = self._words(*((name, "account_id") for name in self.book.sheets))
        self.opportunities = self.book.versions("opportunities")
        self.order_lines = order_lines(self.book)
        self.deals = (
            Vocabulary()
            if self.opportunities is None
            else Vocabulary(required(self.opportunities.sheet.texts("opportunity_id")))
        )
        self.words = self._vocabularies()
        self.stage_position, self.stage_outcome = self._stages()
        self.deal_account = self._deal_accounts()

    def _words(self, *columns: tuple[str, str], changed: str | None = None) -> Vocabulary:
        """Words of some columns, and of what an attribute of an account changed to."""
        found = [self.book.texts(table, column) for table, column in columns]
        found.append(None if changed is None else self._changed_to(changed))
        return Vocabulary(*(texts for texts in found if texts is not None))

    def _changed_to(self, attribute: str) -> Texts | None:
        history = self.book.sheets.get("account_history")
        if history is None:
            return None
        rows = history.where(required(history.texts("field")).holds(attribute))
        return required(rows.texts("value"))

    def _vocabularies(self) -> dict[str, Vocabulary]:
        words = self._words
        return {
            "stage": words(("stages", "stage"), ("opportunity_history", "stage")),
            "owner": words(
                ("opportunities", "owner_id"),
                ("opportunity_history", "owner_id"),
                ("accounts", "owner_id"),
                changed="owner_id",
            ),
            "segment": words(("accounts", "segment"), changed="segment"),
            "country": words(("accounts", "country"), changed="country"),
            "product": words(("orders", "product_id"), ("opportunities", "product_id")),
            "parent": words(("accounts", "parent_account_id"), changed="parent_account_id"),
            "category": words(("products", "category")),
            "contact": words(("interactions", "contact_id")),
            "deal_kind": words(("opportunities", "kind")),
            "lead_source": words(("opportunities", "source")),
            "competitor": words(("opportunities", "competitor")),
        }

    def _stages(self) -> tuple[Floats, Codes]:
        n = len(self.words["stage"].words)
        position, outcome = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
        found = self.book.versions("stages")
        if found is not None:
            # What a stage is, is told of no moment: every day has the latest word on it.
            sheet = found.sheet.where(found.known_until == NEVER)
            code = required(sheet.codes("stage", self.words["stage"]))
            position[code] = required(sheet.numbers("position"))
            outcome[code] = required(sheet.texts("outcome")).read({"won": 1, "lost": 2})
        return position, outcome

    def _deal_accounts(self) -> Codes:
        owner = np.full(len(self.deals.words), -1, dtype=np.int64)
        if self.opportunities is not None:
            sheet = self.opportunities.sheet
            # That of its first version: what a deal is corrected to later must change nothing of
            # before.
            latest_first = np.argsort(-self.opportunities.known_from, kind="stable")
            owner[self.deal_codes(sheet)[latest_first]] = self.accounts_named(sheet)[latest_first]
        return owner

    def accounts_named(self, sheet: Sheet) -> Codes:
        """Which account does each row name?"""
        return required(sheet.codes("account_id", self.accounts))

    def deal_codes(self, sheet: Sheet) -> Codes:
        """Which deal does each row name? -1 for none."""
        return required(sheet.codes("opportunity_id", self.deals))

    def deals_named(self, sheet: Sheet) -> Codes:
        """Which deal of its own account does each row name? -1 for none, or that of another."""
        deal = self.deal_codes(sheet)
        # A reader of some accounts does not see the deals of others, so nobody may.
        owner = np.append(self.deal_account, -1)[deal]
        return np.where(self.accounts_named(sheet) == owner, deal, -1)

    def events(
        self,
        versions: Versions,
        entity: Codes,
        n_entities: int,
        *,
        later: Instants | None = None,
        flags: Flags | Mapping[str, Mask | None] | None = None,
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
        entity = self.accounts_named(versions.sheet)
        return self.events(versions, entity, len(self.accounts.words), **parts)  # type: ignore[arg-type]
