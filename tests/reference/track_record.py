"""What became of deals, as known on a day?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tests.reference.grouping import Numbers, shrunken
from tests.reference.known import Known
from tests.reference.prepared import DAY

ORIGINS = ("product_id", "source", "competitor", "kind")


@dataclass(frozen=True)
class TrackRecord:
    """Deals known on a day.

    Attributes
    ----------
    deals : DataFrame
        By code: at, age, account, closed (missing: open), is_won, first_owner, owner, origins.
    moves : DataFrame or None
        Moves of these deals by deal and time, with position and outcome of their stages.
    entries : DataFrame
        Moves of deals not yet closed then, with when the stage was left.
    """

    known: Known
    deals: pd.DataFrame
    moves: pd.DataFrame | None
    entries: pd.DataFrame

    def last_words(self, column: str) -> pd.Series:
        """Newest word of each known deal; missing without one."""
        assert self.moves is not None
        words = self.moves.groupby("deal", sort=False)[column].last()
        return words.astype("str").reindex(self.deals.index)

    def _of_known(self, values: Numbers) -> Numbers:
        return self.known.by_deal.spread(pd.Series(values, self.deals.index))

    def _is_won_in_time(self, rows: pd.DataFrame) -> pd.Series:
        return rows["is_won"] & (rows["closed"] < rows["at"] + self.known.horizon)

    def _matured(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["at"] + self.known.horizon <= self.known.as_of]

    def win_rate(self, column: str, of: pd.Series) -> Numbers:
        """Share of the matured deals of a key that were won within the horizon, shrunken."""
        if self.moves is None:
            return np.full(self.known.by_deal.n, np.nan)
        rows = self._matured(self.deals)
        return self._of_known(shrunken(rows[column], self._is_won_in_time(rows), of))

    def stage_rate(self, stage: pd.Series) -> Numbers:
        """Share of the matured entries into a stage that were won within the horizon, shrunken."""
        rows = self._matured(self.entries)
        return self._of_known(shrunken(rows["stage"], self._is_won_in_time(rows), stage))

    def usual_stage_age(self, stage: pd.Series) -> Numbers:
        """Median days until a stage is left, or any stage for a deal without one."""
        rows = self.entries[self.entries["left"].notna()]
        stay = (rows["left"] - rows["at"]) / DAY
        usual = stay.groupby(rows["stage"]).median().reindex(stage).to_numpy(dtype=float)
        return self._of_known(np.where(stage.isna(), stay.median(), usual))

    def owner_load(self) -> Numbers:
        """Open deals of the rep of each deal; the usual load where nobody is known."""
        if self.moves is None:
            return np.full(self.known.by_deal.n, np.nan)
        owner = self.deals["owner"]
        loads = owner[self.deals["closed"].isna()].value_counts()
        usual = float(loads.median()) if len(loads) else 0.0
        load = loads.reindex(owner).fillna(0.0).to_numpy(dtype=float)
        return self._of_known(np.where(owner.isna(), usual, load))

    def decided_rate(self) -> Numbers:
        """Share of the closed deals of the segment of each account that were won, shrunken."""
        closed = self.deals[self.deals["closed"].notna()]
        segment = self.known.segment
        of_deal = pd.Series(segment.to_numpy()[closed["account"]], closed.index, dtype="str")
        return shrunken(of_deal, closed["is_won"], segment)


def track_record(known: Known) -> TrackRecord | None:
    """What became of the deals known on a day; None where there is no table of deals."""
    rows = known.table("opportunities")
    if rows is None:
        return None
    deals = rows.set_index("deal", drop=False).rename_axis(None)
    for name in ORIGINS:
        deals[name] = _static(known, deals, name)
    moves = _moves(known, deals)
    deals = deals.assign(**_ends(moves, deals), **_owners(known, moves, deals))
    return TrackRecord(known, deals, moves, _entries(moves, deals))


def _static(known: Known, deals: pd.DataFrame, column: str) -> pd.Series:
    """An attribute that does not change; missing where it may."""
    if column in deals and f"opportunities.{column}" in known.prepared.static:
        return deals[column].astype("str")
    return pd.Series(np.nan, deals.index, dtype="str")


def _moves(known: Known, deals: pd.DataFrame) -> pd.DataFrame | None:
    """Moves of known deals, with what their stages mean."""
    moves = known.table("opportunity_history")
    if moves is None:
        return None
    moves = moves[moves["deal"].isin(deals.index)].sort_values(["deal", "at"], kind="stable")
    moves = moves.assign(stage=moves["stage"].astype("str"))
    if known.stages is None:
        return moves.assign(outcome="open", position=np.nan)
    means = known.stages.astype({"stage": "str", "outcome": "str"}).set_index("stage")
    return moves.assign(
        outcome=moves["stage"].map(means["outcome"]).fillna("open"),
        position=moves["stage"].map(means["position"]).astype(float),
    )


def _ends(moves: pd.DataFrame | None, deals: pd.DataFrame) -> dict[str, pd.Series]:
    """When each deal closed, and whether it was won: by its first terminal stage."""
    if moves is None:
        never = pd.Series(pd.NaT, deals.index, dtype="datetime64[us]")
        return {"closed": never, "is_won": pd.Series(False, deals.index)}
    first = moves[moves["outcome"] != "open"].drop_duplicates("deal").set_index("deal")
    first = first.reindex(deals.index)
    return {"closed": first["at"], "is_won": first["outcome"] == "won"}


def _owners(known: Known, moves: pd.DataFrame | None, deals: pd.DataFrame) -> dict[str, pd.Series]:
    """Who had each deal first, and who has it; the static rep where no move names one."""
    static = _static(known, deals, "owner_id")
    if moves is None or "owner_id" not in moves:
        return {"first_owner": static, "owner": static}
    groups = moves[moves["owner_id"].notna()].groupby("deal", sort=False)["owner_id"]
    first, last = (
        found.astype("str").reindex(deals.index) for found in (groups.first(), groups.last())
    )
    return {"first_owner": first.fillna(static), "owner": last.fillna(static)}


def _entries(moves: pd.DataFrame | None, deals: pd.DataFrame) -> pd.DataFrame:
    if moves is None:
        return pd.DataFrame(columns=["stage", "at", "left", "closed", "is_won"])
    before = moves.groupby("deal", sort=False)["stage"].shift()
    moves = moves[before.isna() | (moves["stage"] != before)]
    left = moves.groupby("deal", sort=False)["at"].shift(-1)
    entries = moves[["deal", "stage", "at"]].assign(left=left)
    for name in ("closed", "is_won"):
        entries[name] = deals[name].reindex(moves["deal"]).to_numpy()
    return entries[entries["closed"].isna() | (entries["at"] < entries["closed"])]
