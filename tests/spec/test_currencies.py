"""What are amounts in other currencies worth, as seen from a day? Worked out by hand.

The portfolio counts in EUR, its days are those of Paris. An amount times its rate is in EUR.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from features.asof import instant
from features.cohorts import active_accounts
from features.context import ContextMaker
from features.events.rates import lines_without_rate
from tests.spec.features_portfolio import cells, events_of, number, rows_of
from training.labels import Horizon, churn_labels

RATES = """
    date        currency  rate
    2011-03-01  USD       0.5
    2011-03-04  USD       0.25
    2011-03-10  USD       2
    2011-03-01  GBP       1.5
    2011-03-02  SEK       0
    2011-03-01  EUR       7
"""
ORDERS = """
    order_id  line_id  account_id  ordered_at            net_amount  currency  margin_amount
    O-1       1        own         2011-03-03T12:00Z     100         EUR       20
    O-2       1        own         2011-03-03T12:00Z     100         -         20
    O-3       1        change      2011-03-03T12:00Z     100         USD       20
    O-4       1        change      2011-03-04T12:00Z     100         USD       20
    O-5       1        weekend     2011-03-06T12:00Z     100         USD       20
    O-6       1        midnight    2011-03-03T22:59Z     100         USD       20
    O-7       1        midnight    2011-03-03T23:00Z     100         USD       20
    O-8       1        too_early   2011-02-28T12:00Z     100         USD       20
    O-9       1        no_rate     2011-03-03T12:00Z     100         CHF       20
    C-9       1        no_rate     2011-03-04T12:00Z     -10         CHF       -2
    O-0       1        rate_of_0   2011-03-03T12:00Z     100         SEK       20
    M-1       1        mixed       2011-03-03T12:00Z     10          EUR       1
    M-1       2        mixed       2011-03-03T12:00Z     100         GBP       10
    M-1       3        mixed       2011-03-03T12:00Z     30          CHF       3
    M-2       1        free        2011-03-03T12:00Z     0           EUR       0
    M-2       2        free        2011-03-03T12:00Z     30          CHF       3
"""
EXPECTED = """
    account    revenue_all  orders_all  credit_notes_180d  largest_order_365d  margin_365d
    own        200          2           0                  100                 40
    change     75           2           0                  50                  15
    weekend    25           1           0                  25                  5
    midnight   75           2           0                  50                  15
    too_early  0            1           0                  -                   -
    no_rate    0            1           1                  -                   -
    rate_of_0  0            1           0                  -                   -
    mixed      160          1           0                  160                 16
    free       0            1           0                  0                   -
"""


def _seen(tables: dict[str, str], day: str) -> dict[str, dict[str, float]]:
    """Features by account and name, as seen from a day."""
    rows = rows_of(events_of(tables, timezone="Europe/Paris"), "account", day)
    names = events_of(tables, timezone="Europe/Paris").accounts.words
    return {
        account: dict(zip(rows.names, values.tolist(), strict=True))
        for account, values in zip(names, rows.values, strict=True)
    }


@pytest.mark.parametrize("line", cells(EXPECTED), ids=lambda line: str(line["account"]))
def test_an_amount_counts_at_the_latest_rate_on_or_before_its_day(
    line: dict[str, str | None],
) -> None:
    found = _seen({"orders": ORDERS, "fx_rates": RATES}, "2011-04-01")[str(line.pop("account"))]
    for name, word in line.items():
        np.testing.assert_equal(found[name], number(word), name)


def test_without_rates_only_what_is_in_our_own_currency_has_an_amount() -> None:
    found = _seen({"orders": ORDERS}, "2011-04-01")
    assert [found[account]["revenue_all"] for account in ("own", "change", "mixed")] == [200, 0, 10]
    assert [found[account]["orders_all"] for account in ("own", "change", "mixed")] == [2, 2, 1]


LEARNT = """
    date        currency  rate  known_at            is_deleted
    2011-03-01  USD       0.5   -                   -
    2011-03-02  USD       3     2011-03-10T00:00Z   -
    2011-03-02  USD       4     2011-03-20T12:00Z   -
    2011-03-02  USD       4     2011-03-25T12:00Z   true
    2011-03-04  USD       9     -                   -
"""


@pytest.mark.parametrize(
    ("day", "revenue"),
    [
        ("2011-03-03", 0), ("2011-03-04", 50), ("2011-03-10", 50), ("2011-03-11", 300),
        ("2011-03-20", 300), ("2011-03-21", 400), ("2011-03-25", 400), ("2011-03-26", 50),
    ],
)  # fmt: skip
def test_a_rate_learnt_corrected_or_withdrawn_later_changes_only_later_days(
    day: str, revenue: float
) -> None:
    orders = """
        order_id  account_id  ordered_at         net_amount  currency
        O-1       A           2011-03-03T12:00Z  100         USD
    """
    found = _seen({"orders": orders, "fx_rates": LEARNT}, day)["A"]
    assert (found["revenue_all"], found["orders_all"]) == (revenue, float(revenue > 0))


def test_a_line_that_is_corrected_is_converted_anew_on_its_new_day() -> None:
    orders = """
        order_id  line_id  account_id  ordered_at         net_amount  currency  known_at
        O-1       1        A           2011-03-03T12:00Z  100         USD       -
        O-1       1        A           2011-03-04T12:00Z  200         USD       2011-03-08T00:00Z
    """
    tables = {"orders": orders, "fx_rates": RATES}
    assert _seen(tables, "2011-03-08")["A"]["revenue_all"] == 50
    assert _seen(tables, "2011-03-09")["A"]["revenue_all"] == 50
    assert _seen(tables, "2011-03-09")["A"]["days_since_last_order"] == 4.5


def test_an_order_without_a_rate_admits_to_the_cohort_and_keeps_its_account_alive() -> None:
    orders = """
        order_id  account_id  ordered_at         net_amount  currency
        O-1       A           2011-01-10T12:00Z  100         CHF
        O-2       A           2011-02-10T12:00Z  100         CHF
        O-3       B           2011-01-10T12:00Z  100         CHF
        C-1       B           2011-02-10T12:00Z  -100        CHF
        C-2       C           2011-01-10T12:00Z  -100        CHF
        O-4       D           2011-05-31T12:00Z  1           EUR
    """
    events = events_of({"orders": orders})
    moment = instant(date(2011, 2, 1))
    active = active_accounts(events, moment, activity_days=180)
    assert [events.accounts.words[code] for code in active] == ["A", "B"]
    labels = churn_labels(
        events, active, np.full(2, moment), Horizon(90), known_by=instant(date(2011, 6, 1))
    )
    assert labels.value.tolist() == [0, 1]


def test_the_money_scale_of_the_portfolio_leaves_out_what_has_no_rate() -> None:
    orders = """
        order_id  account_id  ordered_at         net_amount  currency
        O-1       A           2011-03-03T12:00Z  100         USD
        O-2       B           2011-03-03T12:00Z  1000000     CHF
    """
    moment = instant(date(2011, 4, 1))
    events = events_of({"orders": orders, "fx_rates": RATES})
    money = ContextMaker(events, 90).make(moment).tables["segment"]
    assert (money.get(None, "stake_median"), money.get(None, "stake_p95")) == (50, 50)


def test_lines_without_a_rate_are_counted_as_of_the_day() -> None:
    lines = events_of({"orders": ORDERS, "fx_rates": RATES}, timezone="Europe/Paris").order_lines
    assert lines is not None
    days = ("2011-03-01", "2011-03-04", "2011-04-01")
    found = [lines_without_rate(lines, instant(date.fromisoformat(day))).size for day in days]
    assert found == [1, 5, 6]
