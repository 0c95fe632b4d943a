# %% [markdown]
# # Whom is it worth calling, and what do the weights of the formula change?
#
# A threshold on a probability is a decision about money. This notebook chooses it by what a call
# costs and what it saves, and then looks at what the weights of the priority formula do.

# %%
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt

from features.events import build_events
from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from portfolio.priority import Actions, MoneyScale, Weights, prioritise
from training.backtest import run_backtest
from training.dataset import Workshop, task

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
ACCOUNTS, SEED = 500, 7
CALL_COST, SAVE_RATE = 60.0, 0.25  # euros a call; share of leavers whom a call keeps
TOP = 40

# %%
made = simulate(np.random.default_rng(SEED), SimulatorSettings(accounts=ACCOUNTS))
folder = Path(tempfile.mkdtemp())
write_simulation(made, folder)
events = build_events(read_records(open_portfolio(folder)))
workshop = Workshop(events, task("churn"))
result = run_backtest(workshop, count=1, quick=True)
piece = result.slices[-1]
probability, left = piece.scored.probability[result.rung], piece.scored.label
test = workshop.dataset([piece.slice.test_date], workshop.data_end)
value = np.maximum(np.nan_to_num(test.matrix.column("revenue_365d")), 0.0) * 90 / 365
print(
    f"{left.size} accounts on {piece.slice.test_date}, {left.mean():.0%} left, {value.sum():,.0f} €"
)

# %% [markdown]
# ## The threshold by money
# A call to account i is worth ``p_i x save rate x value_i - cost``. What it really brought is known,
# since the day is past: ``left_i x save rate x value_i - cost``.

# %%
worth = probability * SAVE_RATE * value - CALL_COST
order = np.argsort(-worth, kind="stable")
expected = np.cumsum(worth[order])
brought = np.cumsum((left * SAVE_RATE * value - CALL_COST)[order])
by_risk = np.argsort(-probability, kind="stable")
by_risk_brought = np.cumsum((left * SAVE_RATE * value - CALL_COST)[by_risk])
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
calls = np.arange(1, left.size + 1)
axes.plot(calls, expected, label="expected, by what a call is worth")
axes.plot(calls, brought, label="brought, by what a call is worth")
axes.plot(calls, by_risk_brought, label="brought, by risk alone", linestyle="--")
axes.axhline(0.0, color="0.6", linewidth=1)
axes.set(
    xlabel="calls, the most urgent first",
    ylabel="profit of all calls so far (€)",
    title="Sorting by money pays earlier than sorting by risk",
)
axes.legend()
figure.savefig(OUTPUT / "profit_of_calls.png", dpi=110)
n_worth = int((worth > 0).sum())
print(f"{n_worth} calls are worth their cost; expected {expected[n_worth - 1]:,.0f} €")

# %% [markdown]
# ## What the weights change
# The same accounts through the priority formula, with more and more weight on the potential.

# %%
scale = MoneyScale(
    float(np.median(value)), float(np.quantile(value, 0.95)), np.quantile(value, 0.95)
)
actions = Actions(
    value * probability, np.full(left.size, 0.3), np.zeros(left.size), np.full(left.size, 30.0)
)
shares = np.linspace(0.1, 0.9, 9)
overlap, stake = [], []
usual = np.argsort(-prioritise(actions, scale, Weights(), reference_days=90).score)[:TOP]
for share in shares:
    weights = Weights(potential=share, probability=1 - share)
    top = np.argsort(-prioritise(actions, scale, weights, reference_days=90).score)[:TOP]
    overlap.append(100 * np.intersect1d(top, usual).size / TOP)
    stake.append(actions.stake[top].sum())
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
axes.plot(shares, overlap, "o-")
axes.set(
    xlabel="weight of the potential (the rest: probability)",
    ylim=(0, 105),
    ylabel=f"of the usual top {TOP} kept (%)",
    title="With one play for all, the weights do not change the order",
)
figure.savefig(OUTPUT / "weights.png", dpi=110)

# %% [markdown]
# ## Conclusion

# %%
at = min(n_worth, left.size) - 1
assert n_worth > 0
assert brought[at] > by_risk_brought[at]
assert min(overlap) == 100.0
print(
    f"At {CALL_COST:.0f} € a call and {SAVE_RATE:.0%} saved, {n_worth} of {left.size} accounts are worth"
    f" a call. Those calls brought {brought[at]:,.0f} €; as many by risk alone {by_risk_brought[at]:,.0f} €."
    " The weights of the formula decide between kinds of actions, not within one: where all have the"
    " same play, any weights give the same list."
)
