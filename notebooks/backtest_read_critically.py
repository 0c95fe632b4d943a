# %% [markdown]
# # Would this model have helped on past days, and how sure is that?
#
# A back-test is easy to read too kindly. This one is read beside a dull rule, with intervals, and
# with the calibration error that a perfect model would show by chance.

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
from training.backtest import run_backtest
from training.dataset import Workshop, task
from training.evaluate import auc_gain, metric_interval

OUTPUT = Path(__file__).parent / "output"
OUTPUT.mkdir(exist_ok=True)
ACCOUNTS, SEED, TEST_DAYS, BINS = 500, 7, 2, 5

# %%
made = simulate(np.random.default_rng(SEED), SimulatorSettings(accounts=ACCOUNTS))
folder = Path(tempfile.mkdtemp())
write_simulation(made, folder)
events = build_events(read_records(open_portfolio(folder)))
result = run_backtest(Workshop(events, task("churn")), count=TEST_DAYS, quick=True)
scored = [piece.scored for piece in result.slices]
print(f"{result.verdict}: {result.reason}")

# %% [markdown]
# ## Beside the dull rules
# A model that does not beat "who has been silent longest" is not worth its upkeep. The gain is
# paired (the same accounts) and its interval comes from drawing accounts, not rows: one account
# recurs on every day.

# %%
names = ["recency", "bg_nbd", "default_lightgbm", result.rung]
bounds = [metric_interval(scored, name, "auc") for name in names]
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for place, found in enumerate(bounds):
    axes.plot([found.low, found.high], [place, place], color="0.3", linewidth=2)
    axes.plot(found.mean, place, "o", color="C0", markersize=7)
axes.set(
    yticks=range(len(names)),
    xlabel="AUC, mean of the test days (95 % interval)",
    ylabel="model",
    title="The model stands above the rule by more than chance",
)
axes.set_yticklabels(names)
figure.savefig(OUTPUT / "beside_the_rules.png", dpi=110)
gain = auc_gain(scored, result.rung, "recency")
print(f"AUC gain over recency {gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")

# %% [markdown]
# ## Are the percentages percentages?
# Of accounts told 30 %, three in ten should leave. With few accounts a bin is off by luck: the grey
# bars show how far 95 % of perfect models would stray.

# %%
said = np.concatenate([piece.probability[result.rung] for piece in scored])
left = np.concatenate([piece.label for piece in scored])
parts = np.array_split(np.argsort(said), BINS)
mean_said = np.array([said[part].mean() for part in parts])
mean_left = np.array([left[part].mean() for part in parts])
chance = 1.96 * np.array([np.sqrt((said[part] * (1 - said[part])).sum()) / part.size
                          for part in parts])  # fmt: skip
figure, axes = plt.subplots(figsize=(5, 4.5), layout="constrained")
axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
axes.errorbar(mean_said, mean_said, yerr=chance, fmt="none", color="0.6", capsize=4,
              label="95 % of perfect models")  # fmt: skip
axes.plot(mean_said, mean_left, "o-", label="this model")
axes.set(
    xlabel="predicted probability of leaving",
    ylabel="share that left",
    title="Predicted and actual shares agree within chance",
)
axes.legend()
figure.savefig(OUTPUT / "calibration.png", dpi=110)
mean = result.mean()["fanal"]
print(f"calibration error {mean['ece']:.3f}; {mean['ece_by_chance']:.3f} by chance")

# %% [markdown]
# ## What a manager may conclude
# Of the fifth of the accounts ranked highest, how many left, by the model and by the rule?


# %%
def found_in_the_top(name: str, share: float = 0.2) -> float:
    hits = []
    for piece in scored:
        order = np.argsort(-piece.probability[name], kind="stable")
        hits.append(piece.label[order[: round(share * order.size)]].mean())
    return 100 * float(np.mean(hits))


model, rule = found_in_the_top(result.rung), found_in_the_top("recency")

# %% [markdown]
# ## Conclusion

# %%
assert gain.low > 0
assert model > rule
print(
    f"Of 100 accounts flagged, {model:.0f} left; by recency alone, {rule:.0f}. The gain in AUC is"
    f" {gain.mean:+.3f}, and 95 % of the draws of accounts put it between {gain.low:+.3f} and"
    f" {gain.high:+.3f}: it is not luck of these accounts, though it is of these {len(scored)} days."
)
