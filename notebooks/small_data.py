# %% [markdown]
# # How much can be said with few accounts?
#
# Most portfolios are small. The same world is drawn with more and more accounts: from when on is
# there a model, which one, and how sure is it?

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
from training.backtest import Backtest, run_backtest
from training.dataset import Workshop, task

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
SIZES, SEED, TEST_DAYS = (100, 300, 700), 7, 2


def backtest_of(accounts: int) -> Backtest:
    made = simulate(np.random.default_rng(SEED), SimulatorSettings(accounts=accounts))
    folder = Path(tempfile.mkdtemp())
    write_simulation(made, folder)
    events = build_events(read_records(open_portfolio(folder)))
    return run_backtest(Workshop(events, task("churn")), count=TEST_DAYS, quick=True)


# %%
results = {accounts: backtest_of(accounts) for accounts in SIZES}
for accounts, found in results.items():
    print(f"{accounts:4} accounts: {found.verdict}, rung {found.rung}: {found.reason}")

# %% [markdown]
# ## The interval narrows with the number of accounts
# Not with the number of rows: an account that recurs on twelve days tells little more than on one.

# %%
known = {accounts: found.skill for accounts, found in results.items() if found.skill is not None}
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
for accounts, skill in known.items():
    axes.plot([accounts, accounts], [skill.gain.low, skill.gain.high], color="0.3", linewidth=2)
    axes.plot(accounts, skill.gain.mean, "o", color="C0")
axes.axhline(0.0, color="0.6", linestyle="--", linewidth=1)
axes.set(
    xlabel="accounts",
    ylabel="AUC gain over the best dull rule (95 %)",
    xlim=(0, max(SIZES) * 1.1),
    title="More accounts, narrower intervals",
)
figure.savefig(OUTPUT / "more_accounts.png", dpi=110)

# %% [markdown]
# ## Conclusion

# %%
smallest, largest = results[SIZES[0]], results[SIZES[-1]]
widths = [skill.gain.high - skill.gain.low for skill in known.values()]
assert smallest.verdict == "too_little_data"
assert largest.verdict == "skill"
assert widths == sorted(widths, reverse=True)
print(
    f"With {SIZES[0]} accounts nothing can be promoted ({smallest.reason}): the base rate serves,"
    f" and is called that. With {SIZES[-1]} the rung {largest.rung} is proven: {largest.reason}."
)
