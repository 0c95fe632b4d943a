# %% [markdown]
# # What do the records say of an account, and from which day on?
#
# A portfolio is a set of tables. From them comes one row of features per account and day, made of
# what was known before that day alone. This tour follows a simulated distributor, whose causes of
# leaving are known.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt

from features.asof import US_PER_DAY, instant
from features.context import ContextMaker
from features.events import build_events
from features.matrix import account_rows
from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from features.signals.catalogue import CATALOGUE

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
ACCOUNTS, SEED, HORIZON_DAYS = 400, 7, 90

# %% [markdown]
# ## The records
# The simulator writes the tables of the data contract; a mapping would make the same of an export.

# %%
made = simulate(np.random.default_rng(SEED), SimulatorSettings(accounts=ACCOUNTS))
folder = Path(tempfile.mkdtemp())
write_simulation(made, folder)
records = read_records(open_portfolio(folder))
for name, table in records.tables.items():
    print(f"{name:20} {table.num_rows:7,} rows, {table.num_columns:2} columns")

# %% [markdown]
# ## The features
# Every feature is declared once, with its unit, theme and the reason it speaks for.

# %%
themes = sorted({feature.about.theme for feature in CATALOGUE})
for theme in themes:
    own = [feature.name for feature in CATALOGUE if feature.about.theme == theme]
    print(f"{theme:13} {len(own):3} features, such as {', '.join(own[:3])}")

# %% [markdown]
# ## One row per account and day
# All accounts on the first day of twelve months, in one pass.

# %%
events = build_events(records)
end = made.settings.data_as_of.date()
months = [instant(end) - 30 * US_PER_DAY * step for step in range(11, -1, -1)]
contexts = ContextMaker(events, HORIZON_DAYS).make_all(months)
everyone = np.arange(len(events.accounts.words))
rows = account_rows(
    events, np.repeat(everyone, len(months)), np.tile(months, everyone.size), contexts
)
missing = np.isnan(rows.values).mean(axis=0)
print(f"{rows.values.shape[0]:,} rows of {len(rows.names)} features")
print(f"never missing: {(missing == 0).sum()}, always missing: {(missing == 1).sum()}")

# %% [markdown]
# ## Silence means something else for each account
# Days since the last order say little alone: what counts is the account's own rhythm. The overdue
# ratio is the silence over the usual gap between its orders.

# %%
overdue = rows.column("overdue_ratio").reshape(everyone.size, len(months))
silence = rows.column("days_since_last_order").reshape(everyone.size, len(months))
gap = rows.column("median_gap_days").reshape(everyone.size, len(months))[:, -1]
is_known = np.isfinite(gap) & np.isfinite(silence[:, -1])
brisk = np.flatnonzero(is_known & (gap < np.nanquantile(gap, 0.25)))
slow = np.flatnonzero(is_known & (gap > np.nanquantile(gap, 0.75)))
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for members, label, mark in ((brisk, "orders often", "o"), (slow, "orders seldom", "s")):
    axes.scatter(silence[members, -1], overdue[members, -1], s=14, marker=mark, label=label)
axes.set(
    xlabel="days since the last order",
    ylabel="silence over the usual gap (times)",
    yscale="log",
    title="The same silence is an alarm for one account and usual for another",
)
axes.axhline(1.0, color="0.6", linestyle="--", linewidth=1)
axes.legend(title="own rhythm")
figure.savefig(OUTPUT / "silence.png", dpi=110)

# %% [markdown]
# ## Nothing of later days is in a row
# The records are cut to what was known half a year ago, and the row of that day is made again.

# %%
day = months[5]
known = {
    name: table.filter(
        np.array([moment is None or moment.timestamp() * 1e6 < day
                  for moment in table.column("ordered_at").to_pylist()])
    ) if name == "orders" else table
    for name, table in records.tables.items()
}  # fmt: skip
before = build_events(replace(records, tables=known))
again = account_rows(
    before,
    everyone,
    np.full(everyone.size, day),
    ContextMaker(before, HORIZON_DAYS).make_all([day]),
)
then = rows.take(np.flatnonzero(rows.as_of == day))
changed = ~((then.values == again.values) | (np.isnan(then.values) & np.isnan(again.values)))
print(
    f"{then.values.size:,} values, {changed.sum()} of them changed by {len(records.tables)} tables"
)
assert not changed.any()

# %% [markdown]
# ## Conclusion

# %%
late_brisk, late_slow = np.median(overdue[brisk, -1]), np.median(overdue[slow, -1])
days_brisk, days_slow = np.median(silence[brisk, -1]), np.median(silence[slow, -1])
assert days_slow > 1.5 * days_brisk
assert late_slow < 1.5 * late_brisk
print(
    f"Accounts that order seldom were silent for {days_slow:.0f} days (median), those that order"
    f" often for {days_brisk:.0f}. Measured against their own rhythm that is {late_slow:.1f} and"
    f" {late_brisk:.1f} usual gaps: the longer silence is no worse a sign. Every value of the past"
    " could be made again from what was known then."
)
