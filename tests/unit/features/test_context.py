"""What the rest of the portfolio looked like, worked out by hand, and never changed afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import isnan

import numpy as np
import pytest

from benchmarks.large_portfolio import AS_OF, large_records
from features.asof import instant
from features.context import PORTFOLIO, Context, ContextMaker, ContextTable, context_from_json
from features.context.making import _quantiles
from features.events import build_events
from tests.spec.features_portfolio import events_of

STAGES = """
    stage  position  outcome
    lead   0         open
    offer  1         open
    won    2         won
    lost   3         lost
"""
# With a horizon of 90 days, seen on 2011-07-01, what was opened by 2011-04-02 has matured. D-2 was
# won after 100 days, too late to count; D-4 was won at once but has not matured.
DEALS = """
    opportunity_id  account_id  created_at  owner_id
    D-1             A           2011-01-01  U
    D-2             A           2011-01-01  U
    D-3             A           2011-04-02  V
    D-4             A           2011-04-03  V
    D-5             A           2011-01-11  V
"""
HISTORY = """
    opportunity_id  changed_at  stage  owner_id
    D-1             2011-01-01  lead   -
    D-1             2011-01-21  offer  -
    D-1             2011-02-10  won    -
    D-2             2011-01-01  lead   -
    D-2             2011-04-11  won    -
    D-3             2011-04-02  lead   -
    D-3             2011-04-12  lost   -
    D-4             2011-04-03  lead   -
    D-4             2011-04-05  won    -
    D-5             2011-01-11  lead   -
"""
TABLES = {"stages": STAGES, "opportunities": DEALS, "opportunity_history": HISTORY}
STATIC = ("opportunities.owner_id", "accounts.segment")


def _context(tables: dict[str, str], day: str = "2011-07-01") -> Context:
    events = events_of(tables, static=STATIC)
    return ContextMaker(events, 90).make(instant(date.fromisoformat(day)))


def test_a_rate_counts_matured_deals_alone_and_leans_on_the_portfolios() -> None:
    owner = _context(TABLES).tables["owner"]
    # Matured: D-1 (won in time), D-2 (won too late), D-3 (lost), D-5 (still open): 1 of 4.
    assert owner.get(PORTFOLIO, "win_rate") == 1 / 4
    assert owner.get("U", "win_rate") == pytest.approx((1 + 20 / 4) / (2 + 20))
    assert owner.get("V", "win_rate") == pytest.approx((0 + 20 / 4) / (2 + 20))


def test_a_deal_matures_a_horizon_after_its_opening_to_the_day() -> None:
    # A day earlier D-3 had not matured: 1 of 3.
    owner = _context(TABLES, "2011-06-30").tables["owner"]
    assert owner.get(PORTFOLIO, "win_rate") == pytest.approx(1 / 3)
    assert isnan(_context(TABLES, "2011-03-31").tables["owner"].get(PORTFOLIO, "win_rate"))


def test_an_unknown_key_gets_the_portfolios_value() -> None:
    owner = _context(TABLES).tables["owner"]
    assert owner.get("nobody", "win_rate") == owner.get(None, "win_rate") == 1 / 4
    assert isnan(owner.get("U", "no such value"))
    assert isnan(ContextTable({}).get("U", "win_rate"))


def test_a_reps_load_is_the_deals_he_has_now_and_a_strangers_the_usual_one() -> None:
    history = HISTORY + "    D-5 2011-05-01 offer U\n"
    owner = _context(TABLES | {"opportunity_history": history}).tables["owner"]
    assert (owner.get("U", "open_deals"), owner.get("V", "open_deals")) == (1, 0)
    assert owner.get("stranger", "open_deals") == 1
    before = _context(TABLES).tables["owner"]
    assert (before.get("U", "open_deals"), before.get("V", "open_deals")) == (0, 1)


def test_stages_know_their_usual_age_rate_and_days_to_close() -> None:
    stage = _context(TABLES).tables["stage"]
    # Left lead after 20 (D-1), 100, 10 and 2 days; D-5 is there still.
    assert stage.get("lead", "usual_age_days") == 15
    assert stage.get("offer", "usual_age_days") == 20
    # Entries matured: four into lead and D-1's into offer; of these D-1's two were won in time.
    assert stage.get(PORTFOLIO, "win_rate") == 2 / 5
    assert stage.get("lead", "win_rate") == pytest.approx((1 + 8) / 24)
    assert stage.get("offer", "win_rate") == pytest.approx((1 + 8) / 21)
    # From lead to the end: 40, 100, 10 and 2 days.
    assert stage.get("lead", "days_to_close") == 25
    assert stage.get("lead", "days_to_close_p80") == pytest.approx(64)
    assert isnan(stage.get("won", "usual_age_days"))
    assert stage.get("won", "days_to_close") == stage.get(PORTFOLIO, "days_to_close")


SEGMENTS = "account_id segment\n" + "\n".join(f"{name} small" for name in "AB") + "\nC large"
GAPS = """
    order_id  account_id  ordered_at  net_amount  margin_amount
    O-1       A           2011-06-01  100         50
    O-2       A           2011-06-11  100         30
    O-3       B           2011-06-01  100         0
    O-4       B           2011-06-21  100         0
    O-5       C           2011-05-01  400         100
    O-6       C           2011-06-10  400         100
    O-7       D           2011-06-10  1           -
"""


def test_a_segment_leans_on_the_portfolios_usual_gap() -> None:
    segment = _context({"accounts": SEGMENTS, "orders": GAPS}).tables["segment"]
    # Gaps of 10, 20 and 40 days: 20 for all, 15 for small, 40 for large.
    assert segment.get(PORTFOLIO, "usual_gap_days") == 20
    assert segment.get("small", "usual_gap_days") == pytest.approx(15 * 2 / 22 + 20 * 20 / 22)
    assert segment.get("large", "usual_gap_days") == pytest.approx(40 / 21 + 20 * 20 / 21)


def test_a_segment_knows_its_margin_and_what_may_be_at_stake() -> None:
    segment = _context({"accounts": SEGMENTS, "orders": GAPS}).tables["segment"]
    assert segment.get("small", "margin_rate") == pytest.approx(80 / 400)
    assert segment.get("large", "margin_rate") == pytest.approx(200 / 800)
    assert segment.get("small", "stake_median") == pytest.approx(200 * 0.2)
    assert segment.get("large", "stake_p95") == pytest.approx(800 * 0.25)


def test_the_decided_rate_follows_the_segment_of_then() -> None:
    accounts = "account_id segment\nA small"
    segment = _context(TABLES | {"accounts": accounts}).tables["segment"]
    # Closed: D-1, D-2, D-4 won, D-3 lost.
    assert segment.get("small", "decided_win_rate") == pytest.approx((3 + 15) / (4 + 20))


@pytest.mark.parametrize(
    ("table", "later"),
    [
        ("opportunities", "D-9 A 2011-07-01 W"),
        ("opportunity_history", "D-5 2011-07-01 won W"),
        ("opportunity_history", "D-5 2011-07-01 unheard W"),
    ],
)
def test_a_context_does_not_change_when_later_rows_come(table: str, later: str) -> None:
    after = TABLES | {table: TABLES[table] + f"    {later}\n"}
    assert _context(after).to_json() == _context(TABLES).to_json()


LATE = {
    "opportunities": "D-5 A 2011-01-11 U 2011-08-01",  # another rep
    "opportunity_history": "D-5 2011-02-01 won W 2011-08-01",  # won long ago, as we learn
    "account_history": "A 2011-02-01 segment large 2011-08-01",
}


@pytest.mark.parametrize("table", sorted(LATE))
def test_a_context_does_not_change_when_old_news_come_late(table: str) -> None:
    def dated(text: str) -> str:
        head, *rows = text.strip().splitlines()
        return "\n".join([f"{head} known_at", *(f"{row} -" for row in rows)])

    history = "account_id changed_at field value\nA 2011-01-01 segment small"
    before = {name: dated(text) for name, text in (TABLES | {"account_history": history}).items()
              if name != "stages"} | {"stages": STAGES}  # fmt: skip
    after = before | {table: f"{before[table]}\n{LATE[table]}"}
    assert _context(after).to_json() == _context(before).to_json()
    assert _context(after, "2011-08-02").to_json() != _context(before, "2011-08-02").to_json()


def test_a_context_comes_back_from_json_with_its_version() -> None:
    context = replace(
        _context(TABLES), peers={PORTFOLIO: {"orders_90d": 2.0}}, scales={"churn": (0.1, 0.2, 0.3)}
    )
    back = context_from_json(context.to_json())
    assert back.version == context.version
    assert back.to_json() == context.to_json()
    assert back.as_of_date == date(2011, 7, 1)
    assert back.scales == {"churn": (0.1, 0.2, 0.3)}
    assert isnan(back.tables["stage"].get("won", "usual_age_days"))


def test_the_version_tells_contexts_apart() -> None:
    assert _context(TABLES).version != _context(TABLES, "2011-06-30").version
    assert len(_context(TABLES).version) == 12


def test_without_deals_there_are_no_rates() -> None:
    context = _context({"orders": GAPS})
    assert all(
        isnan(context.tables[name].get("x", "win_rate"))
        for name in ("stage", "owner", "product", "lead_source", "competitor")
    )
    assert "decided_win_rate" not in context.tables["segment"].values[PORTFOLIO]


def test_a_rep_of_a_deal_that_is_not_opened_yet_is_in_no_context() -> None:
    # The stage of D-9 is dated before its opening, which comes after the day of the context.
    tables = TABLES | {
        "opportunities": TABLES["opportunities"] + "    D-9 A 2011-12-01 W\n",
        "opportunity_history": HISTORY + "    D-9 2011-03-01 lead W\n",
    }
    assert "W" not in _context(tables).tables["owner"].values


def test_contexts_made_together_by_two_threads_are_those_made_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = build_events(large_records(300))
    moments = [instant(day) for day in AS_OF[::3]]
    alone = {moment: ContextMaker(events, 90).make(moment).to_json() for moment in moments}
    monkeypatch.setattr("features.context.making._MANY", 1)
    together = ContextMaker(events, 90).make_all(moments)
    assert {moment: context.to_json() for moment, context in together.items()} == alone


def test_quantiles_by_key_are_numpys() -> None:
    # Key 1 has no value, and one value has no key.
    code = np.array([2, 0, -1, 2, 2, 0, 2])
    values = np.array([9.0, 4.0, 1.0, 2.0, 7.5, 6.0, 3.0])
    shares = [0.1, 0.5, 0.95]
    found = _quantiles(code, values, 3, shares)
    assert np.isnan(found[:, 1]).all()
    for key in (0, 2):
        assert found[:, key] == pytest.approx(np.quantile(values[code == key], shares), rel=1e-15)
    assert found[:, 3] == pytest.approx(np.quantile(values, shares), rel=1e-15)
    assert np.isnan(_quantiles(code[:0], values[:0], 2, shares)).all()
