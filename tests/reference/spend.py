"""How much an account spends, on what, and how it pays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.reference.grouping import Columns, Entities, Numbers, growth, ratio
from tests.reference.known import Known
from tests.reference.prepared import DAY, day_starts


def spend(known: Known) -> Columns:
    """Revenue by window, baskets, margin and discount."""
    orders, bought = known.orders, known.purchases
    if orders is None or bought is None:
        return {}
    who = known.accounts
    life = who.most(bought)
    found = _revenue(who, orders)
    found |= _baskets(who, bought[bought["age"] <= 365], who.last(bought, "net_amount"))
    found["revenue_per_month"] = ratio(30 * found["revenue_all"], np.maximum(life, 30))
    credited, year_bought = found.pop("_credited"), found.pop("_bought")
    found["credit_note_rate_365d"] = np.minimum(ratio(-credited, year_bought), 10.0)
    if "margin_amount" in orders:
        margin = found.pop("_margin")
        rate = np.where(margin == 0, np.nan, ratio(margin, found["revenue_365d"]))
        found["margin_rate_365d"] = rate
        found["margin_365d"] = np.where(np.isnan(rate), np.nan, margin)
    if "discount_amount" in orders:
        discount = found.pop("_discount")
        found["discount_rate_365d"] = ratio(discount, year_bought + discount)
    return found


def _revenue(who: Entities, orders: pd.DataFrame) -> Columns:
    age, net = orders["age"], orders["net_amount"]
    columns = {f"revenue_{days}d": net.where(age <= days) for days in (30, 90, 180, 365)}
    columns["revenue_all"] = net
    columns["_before_180"] = net.where((age > 180) & (age <= 360))
    columns["_credited"] = net.where((age <= 365) & (orders["sign"] < 0))
    columns["credit_notes_180d"] = (age <= 180) & (orders["sign"] < 0)
    if "margin_amount" in orders:
        columns["_margin"] = orders["margin_amount"].where(age <= 365)
    found = who.sums(orders, columns)
    quarter, half = found["revenue_90d"], found["revenue_180d"]
    return found | {
        "revenue_change_90d": np.clip(growth(quarter, half - quarter), -1, 1),
        "revenue_change_180d": np.clip(growth(half, found.pop("_before_180")), -1, 1),
    }


def _baskets(who: Entities, year: pd.DataFrame, last: Numbers) -> Columns:
    groups = year.groupby("account", sort=False)["net_amount"]
    average, median, spread, largest = (
        who.spread(groups.agg(name)) for name in ("mean", "median", "std", "max")
    )  # fmt: skip
    sums = {"_bought": year["net_amount"]}
    if "discount_amount" in year:
        sums["_discount"] = year["discount_amount"]
    return {
        **who.sums(year, sums),
        "average_basket_365d": average,
        "median_basket_365d": median,
        "basket_spread_365d": spread,
        "largest_order_365d": largest,
        "last_basket_ratio": ratio(last, average),
        "basket_volatility": ratio(spread, average),
        "lines_per_order_365d": who.mean(year, "lines"),
        "basket_slope_365d": _slope(who, year),
    }


def _slope(who: Entities, year: pd.DataFrame) -> Numbers:
    """Least squares of the net amount on time, per 30 days."""
    year = year[year["net_amount"].notna()]
    time = -year["age"] / 30
    centred = time - time.groupby(year["account"], sort=False).transform("mean")
    found = who.sums(year, {"product": centred * year["net_amount"], "square": centred**2})
    is_one_instant = ~(who.least(year) < who.most(year))
    return ratio(found["product"], np.where(is_one_instant, 0.0, found["square"]))


def products(known: Known) -> Columns:
    """How many products and categories, and how much falls on one."""
    lines = known.lines
    if lines is None or "product_id" not in lines:
        return {}
    who = known.accounts
    lines = lines[lines["raw"] > 0]
    lines = lines.assign(product=lines["product_id"].cat.codes)
    named = lines[lines["product"] >= 0]
    newest = named.groupby(["account", "product"], sort=False)["age"].min().reset_index()
    found = who.sums(
        newest, {"products_180d": newest["age"] <= 180, "products_all": newest["age"] >= 0}
    )
    year = named[named["age"] <= 365]
    totals = year.groupby(["account", "product"], sort=False)["net_amount"].sum().reset_index()
    top, total = who.most(totals, "net_amount"), who.sums(totals, {"all": totals["net_amount"]})
    found["top_product_share_365d"] = ratio(top, total["all"])
    return found | _categories(known, lines)


def _categories(known: Known, lines: pd.DataFrame) -> Columns:
    listed = known.table("products")
    if listed is None or "category" not in listed:
        return {}
    of_product = listed["category"].cat.codes.set_axis(listed["product_id"].astype("str"))
    words = lines["product_id"].cat.categories.astype("str")
    code = np.append(of_product.reindex(words, fill_value=-1), -1)[lines["product"]]
    lines = lines.assign(category=code)[code >= 0]
    ages = lines.groupby(["account", "category"], sort=False)["age"].agg(["min", "max"])
    ages = ages.reset_index()
    return known.accounts.sums(
        ages,
        {
            "categories_180d": ages["min"] <= 180,
            "dropped_categories_180d": (ages["min"] > 180) & (ages["min"] <= 365),
            "new_categories_180d": ages["max"] <= 180,
        },
    )


def invoices(known: Known) -> Columns:
    """What is paid late, or not yet."""
    rows = known.table("invoices")
    if rows is None or "paid_at" not in rows:
        return {}
    who = known.accounts
    paid = known.past(rows["paid_at"])
    day_after = day_starts(rows["due_date"] + 1, known.prepared.zone)
    late = ((paid - day_after) / DAY).clip(lower=0)
    year = rows.assign(late=late, is_late=(late > 0).astype(float).where(late.notna()))
    year = year[year["age"] <= 365]
    unpaid = who.sums(rows, {"unpaid": rows["amount"].where(paid.isna())})
    return {
        "payment_delay_days_365d": who.mean(year, "late"),
        "late_invoice_share_365d": who.mean(year, "is_late"),
        "unpaid_amount": unpaid["unpaid"],
    }
