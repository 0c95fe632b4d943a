"""On which day did it happen, and how long ago? By the portfolio's zone, worked out by hand.

An as_of_date is midnight UTC; ages are real-valued days of 24 hours; calendar days are local.
"""

from __future__ import annotations

import numpy as np
import pytest

from features.asof import default_as_of
from features.records.folder import latest_instant
from tests.spec.features_portfolio import cells, events_of, records, rows_of


def _rows(zone: str, tables: dict[str, str], day: str, entity: str = "account") -> dict[str, float]:
    events = events_of(tables, timezone=zone)
    found = rows_of(events, entity, day)
    return dict(zip(found.names, found.values[0].tolist(), strict=True))


def _orders(*instants: str) -> dict[str, str]:
    lines = [f"O-{place} A {at} 10" for place, at in enumerate(instants)]
    return {"orders": "\n".join(["order_id account_id ordered_at net_amount", *lines])}


# Each case: a zone, some orders, and what is seen of them from a day on.
CASES = """
    case                zone              day         feature                value
    before_summer       Europe/Paris      2012-03-26  days_since_last_order  25.5/24
    before_summer       Europe/Paris      2012-03-26  active_days_30d        1
    before_summer       UTC               2012-03-26  active_days_30d        1
    before_summer       America/New_York  2012-03-26  active_days_30d        1
    into_summer         Europe/Paris      2012-03-27  active_days_30d        2
    into_summer         Europe/Paris      2012-03-27  usual_gap_days         1
    into_summer         America/New_York  2012-03-27  active_days_30d        2
    into_summer         Europe/Paris      2012-03-27  days_since_last_order  26/24
    into_winter         Europe/Paris      2012-10-30  active_days_30d        2
    into_winter         Europe/Paris      2012-10-30  usual_gap_days         1
    into_winter         Europe/Paris      2012-10-30  days_since_last_order  25/24
    into_winter         UTC               2012-10-30  active_days_30d        2
    us_into_summer      America/New_York  2012-03-13  active_days_30d        2
    us_into_summer      America/New_York  2012-03-13  days_since_last_order  20/24
    us_into_summer      UTC               2012-03-13  active_days_30d        2
    us_into_summer      Europe/Paris      2012-03-13  active_days_30d        2
    us_into_winter      America/New_York  2012-11-06  active_days_30d        2
    us_into_winter      America/New_York  2012-11-06  days_since_last_order  19/24
    us_into_winter      UTC               2012-11-06  active_days_30d        1
    leap_day            UTC               2012-03-01  days_since_last_order  0.5
    leap_day            UTC               2012-03-01  usual_gap_days         1
    leap_day            UTC               2012-03-30  orders_30d             1
    leap_day            UTC               2012-03-31  orders_30d             0
    leap_day            UTC               2012-03-02  usual_gap_days         1
    over_leap_day       UTC               2012-03-10  usual_gap_days         2
    over_leap_day       UTC               2013-03-10  orders_365d            0
    year_after_leap     UTC               2013-03-01  orders_same_season     -
    year_after_leap     UTC               2013-04-20  orders_same_season     1
    year_after_leap     UTC               2013-04-20  orders_next_season     1
    same_day_next_year  UTC               2013-02-28  orders_365d            1
    same_day_next_year  UTC               2013-03-01  orders_365d            0
    half_hour           Asia/Kolkata      2012-06-02  active_days_30d        2
    half_hour           Asia/Kolkata      2012-06-02  usual_gap_days         1
    half_hour           UTC               2012-06-02  active_days_30d        1
    year_end            Europe/Paris      2012-01-02  active_days_30d        2
    year_end            UTC               2012-01-02  active_days_30d        1
    year_end            America/New_York  2012-01-02  active_days_30d        1
    offsets             Europe/Paris      2012-01-02  active_days_30d        1
    offsets             Europe/Paris      2012-01-02  days_since_last_order  1.5
    naive               Europe/Paris      2012-07-02  days_since_last_order  22/24
    naive               America/New_York  2012-07-02  days_since_last_order  16/24
    naive               Asia/Kolkata      2012-07-02  days_since_last_order  25.5/24
    date                Europe/Paris      2012-07-02  days_since_last_order  26/24
    date                Asia/Kolkata      2012-07-02  days_since_last_order  29.5/24
"""
ORDERS: dict[str, tuple[str, ...]] = {
    # 2012-03-24T22:30Z, the night before clocks go forward in Paris.
    "before_summer": ("2012-03-25T00:30+02:00",),
    # 00:30 and 23:30 of that Sunday, of 23 hours, and 00:00 of Monday: 22:00Z.
    "into_summer": ("2012-03-25T00:30+01:00", "2012-03-25T23:30+02:00", "2012-03-26T00:00+02:00"),
    # 23:30 of the Sunday of 25 hours is 22:30Z, midnight of Monday 23:00Z.
    "into_winter": ("2012-10-28T00:30+02:00", "2012-10-28T23:30+01:00", "2012-10-29T00:00+01:00"),
    # In New York, 23:59 of the 11th is 03:59Z of the 12th, midnight 04:00Z.
    "us_into_summer": (
        "2012-03-11T00:30-05:00", "2012-03-11T23:59-04:00", "2012-03-12T00:00-04:00",
    ),
    # There the 5th of November begins at 05:00Z.
    "us_into_winter": ("2012-11-04T23:59-05:00", "2012-11-05T00:00-05:00"),
    "leap_day": ("2012-02-28T12:00Z", "2012-02-29T12:00Z"),
    "over_leap_day": ("2012-02-28T23:00Z", "2012-03-01T01:00Z"),
    # Seen from 2013-03-01 the first is 365.5 days old, from 2013-04-20 415.5 and the second 354.
    "year_after_leap": ("2012-02-29T12:00Z", "2012-05-01T00:00Z"),
    "same_day_next_year": ("2012-02-29T00:00Z",),
    # Midnight in Kolkata is 18:30Z.
    "half_hour": ("2012-06-01T18:29Z", "2012-06-01T18:30Z"),
    # Half past midnight of the new year in Paris.
    "year_end": ("2011-12-31T22:30Z", "2011-12-31T23:30Z"),
    # One instant, told from three places.
    "offsets": ("2011-12-31T12:00Z", "2011-12-31T17:30+05:30", "2011-12-31T07:00-05:00"),
    "naive": ("2012-07-01T04:00",),
    "date": ("2012-07-01",),
}  # fmt: skip


@pytest.mark.parametrize("line", cells(CASES), ids=lambda line: "-".join(map(str, line.values())))
def test_days_are_local_and_ages_are_not(line: dict[str, str | None]) -> None:
    assert line["zone"] is not None
    found = _rows(line["zone"], _orders(*ORDERS[str(line["case"])]), str(line["day"]))
    top, _, bottom = (line["value"] or "-").partition("/")
    expected = np.nan if top == "-" else float(top) / float(bottom or 1)
    np.testing.assert_allclose(found[str(line["feature"])], expected, rtol=1e-12, equal_nan=True)


DEAL = {
    "opportunities": """
        opportunity_id  account_id  created_at
        D               A           2011-01-01
    """,
    "opportunity_history": """
        opportunity_id  changed_at  stage  expected_close_date
        D               2011-01-01  lead   2012-03-31
    """,
}
CALENDAR = """
    zone              day         weekday  days_to_quarter_end  days_past_expected_close
    UTC               2012-01-01  6        91                   -90
    Europe/Paris      2012-01-01  6        91                   -90
    America/New_York  2012-01-01  5        1                    -91
    UTC               2012-02-29  2        32                   -31
    America/New_York  2012-03-01  2        32                   -31
    America/New_York  2012-03-12  6        21                   -20
    Europe/Paris      2012-03-26  0        6                    -5
    America/New_York  2012-03-26  6        7                    -6
    Asia/Kolkata      2012-04-01  6        91                   1
    America/New_York  2012-04-01  5        1                    0
    Europe/Paris      2012-10-29  0        64                   212
    America/New_York  2012-11-05  6        58                   218
"""


@pytest.mark.parametrize("line", cells(CALENDAR), ids=lambda line: f"{line['zone']}-{line['day']}")
def test_the_calendar_of_a_day_is_that_of_the_zone_at_midnight_utc(
    line: dict[str, str | None],
) -> None:
    found = _rows(str(line.pop("zone")), DEAL, str(line.pop("day")), "deal")
    assert {name: found[name] for name in line} == {
        name: float(str(word)) for name, word in line.items()
    }


@pytest.mark.parametrize(
    ("zone", "paid_at", "days_late"),
    [
        ("Asia/Kolkata", "2012-03-31T18:29Z", 0), ("Asia/Kolkata", "2012-03-31T19:00Z", 0.5 / 24),
        ("UTC", "2012-03-31T23:59Z", 0), ("UTC", "2012-04-01T12:00Z", 0.5),
        ("America/New_York", "2012-04-01T03:59Z", 0), ("America/New_York", "2012-04-01T16:00Z", .5),
    ],
)  # fmt: skip
def test_an_invoice_is_late_from_the_local_end_of_its_due_date(
    zone: str, paid_at: str, days_late: float
) -> None:
    invoices = f"""
        invoice_id  account_id  issued_at   due_date    amount  paid_at
        I-1         A           2012-03-01  2012-03-31  10      {paid_at}
    """
    found = _rows(zone, {"invoices": invoices}, "2012-04-10")
    assert found["payment_delay_days_365d"] == pytest.approx(days_late, rel=1e-12)
    assert found["late_invoice_share_365d"] == float(days_late > 0)


@pytest.mark.parametrize(
    ("zone", "hours"), [("Asia/Kolkata", 5.5), ("Europe/Paris", 2), ("UTC", 24), ("Etc/GMT+4", 20)]
)
def test_a_contract_runs_from_the_local_beginning_of_its_first_day(zone: str, hours: float) -> None:
    tables = {
        "subscriptions": """
            subscription_id  account_id  start_date
            S-1              A           2012-04-01
        """
    }
    first = default_as_of(latest_instant(records(tables, timezone=zone).tables, zone))  # type: ignore[arg-type]
    found = _rows(zone, tables, first.isoformat())
    assert found["live_subscriptions"] == 1
    assert found["subscription_tenure_days"] * 24 == pytest.approx(hours, rel=1e-12)
