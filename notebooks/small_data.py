# %% [markdown]
# # Small data
#
# **How few accounts can teach a model something, and what is served when there are too few?**
#
# Of one simulated distributor we hide most accounts, let each rung learn from those that are left,
# and ask all of them about the same accounts on the same later day. Then the verdict of a whole
# back-test at growing sizes: what a company with so many accounts would have been told.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np

import features
from features.events import build_events
from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from training.backtest import MIN_ACCOUNTS, predict, run_backtest
from training.baselines import one_column
from training.dataset import Workshop, task
from training.evaluate import auc, log_loss
from training.models import default_trees, to_probability, usable_features
from training.search import fit_rungs
from training.slices import rolling_slices

ROOT = Path(features.__file__).resolve().parents[1]
OUTPUT = ROOT / "notebooks" / "output"
ACCOUNTS = 1000
SIZES = (30, 80, 240)
REPEATS = 3
WORLDS = (80, 300, 600)
SEED = 11
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"


# %%
def workshop_of(accounts):
    """A workshop of the churn model on a simulated portfolio of so many accounts."""
    with TemporaryDirectory() as folder:
        made = simulate(np.random.default_rng(SEED), SimulatorSettings(accounts=accounts))
        write_simulation(made, Path(folder))
        events = build_events(read_records(open_portfolio(Path(folder))))
    return Workshop(events, task("churn"))


large = workshop_of(ACCOUNTS)
(piece,) = rolling_slices(large.first_day, large.data_end, large.task.horizon, count=1)
train = large.dataset(piece.train_dates[::2], piece.test_date)  # every other day, to be quick
test = large.dataset([piece.test_date], large.data_end)
groups = np.intersect1d(np.unique(train.group), np.unique(test.group))
random = np.random.default_rng(SEED)
held_out = random.permutation(groups)[: groups.size // 2]
teachers = np.setdiff1d(np.unique(train.group), held_out)
test = test.take(np.isin(test.group, held_out))
print(
    f"{teachers.size} accounts may teach; {test.size} others are asked about on {piece.test_date}."
)

# %% [markdown]
# ## The learning curve
#
# Each point is the mean over random choices of the accounts that teach; the bars run from the worst
# choice to the best. The reference is the base rate of the accounts that teach.


# %%
def losses(part):
    """Log loss and AUC on the accounts asked about, by model, after learning from some rows."""
    features = usable_features(part)
    rungs = fit_rungs(part, large.task, quick=True, only=["prior", "logistic"])
    said = {name: predict(one, test) for name, one in rungs.items()}
    said["default_lightgbm"] = to_probability(default_trees(part, features).margin(test.matrix))
    said["recency"] = one_column(part, "days_since_last_order")(test.matrix)
    return {name: (log_loss(p, test.label), auc(p, test.label)) for name, p in said.items()}


curves = {size: [] for size in SIZES}
for size in SIZES:
    for _ in range(REPEATS):
        chosen = random.choice(teachers, size, replace=False)
        curves[size].append(losses(train.take(np.isin(train.group, chosen))))

# %%
SHOWN = {
    "prior": ("base rate", GREY, "s", ":"),
    "recency": ("recency alone", GREEN, "^", "-."),
    "default_lightgbm": ("LightGBM untouched", RED, "D", "--"),
    "logistic": ("logistic rung", BLUE, "o", "-"),
}
figure, both = plt.subplots(1, 2, figsize=(10.5, 4.4), layout="constrained")
mean = {}
for which, (axes, ylabel) in enumerate(
    zip(both, ("log loss (nats, lower is better)", "AUC (0.5 = a coin)"), strict=True)
):
    for shift, (name, (text, colour, mark, line)) in enumerate(SHOWN.items()):
        tried = np.array([[one[name][which] for one in curves[size]] for size in SIZES])
        mean[name, which] = tried.mean(axis=1)
        at = np.array(SIZES) * 1.04 ** (shift - 1.5)
        spread = np.abs(np.stack((tried.min(axis=1), tried.max(axis=1))) - mean[name, which])
        axes.errorbar(
            at, mean[name, which], spread, color=colour, marker=mark, ls=line, capsize=2, label=text
        )
    axes.set_xscale("log")
    axes.set_xticks(SIZES, [str(size) for size in SIZES])
    axes.minorticks_off()
    axes.set(xlabel="accounts that teach (logarithmic)", ylabel=ylabel)
figure.legend(
    *both[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
)
below = mean["default_lightgbm", 0] > mean["prior", 0]
harmed = max((size for size, is_worse in zip(SIZES, below, strict=True) if is_worse), default=0)
both[0].set_title(f"Up to {harmed} accounts LightGBM untouched\nis worse than the base rate")
lead = mean["logistic", 1] - mean["recency", 1]
both[1].set_title(
    f"The logistic rung leads recency by {lead[0]:+.3f} AUC\nafter {SIZES[0]} accounts,"
    f" {lead[-1]:+.3f} after {SIZES[-1]}"
)

# %% [markdown]
# The untouched trees rank better than the base rate and yet lose to it in log loss: they are sure
# of themselves without a reason. A manager who bets by such probabilities loses money that a plain
# rate would have kept.

# %% [markdown]
# ## The verdict
#
# A back-test on one day, for companies of three sizes. Under the stated minimum nothing is claimed
# and the prior serves, so labelled. Above it a rung is promoted when its gain over the stronger
# dull rule has a 95 % interval above 0; where it has none, the verdict says so.

# %%
told = {size: run_backtest(workshop_of(size), quick=True, count=1) for size in WORLDS}
figure, axes = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
for row, one in enumerate(told.values()):
    text = one.verdict.replace("_", " ")
    if one.skill is None:
        axes.annotate(
            f"{text}:\n{one.reason}", (0, row), (6, 0), textcoords="offset points", va="center"
        )
        continue
    g, colour = one.skill.gain, BLUE if one.skill.is_proven else GREY
    axes.plot([g.low, g.high], [row, row], color=colour, lw=3, alpha=0.6)
    axes.plot(g.mean, row, "o", color=colour, ms=8)
    axes.annotate(
        f"{text}, best: {one.rung}", (g.mean, row), (0, 10), textcoords="offset points", ha="center"
    )
axes.axvline(0, color="black", lw=1)
axes.set_yticks(range(len(WORLDS)), [f"{size} accounts" for size in WORLDS])
proven = [size for size, one in told.items() if one.verdict == "skill"]
axes.set(
    xlabel="AUC gain over the stronger dull rule, 95 % interval",
    ylabel="company",
    ylim=(-0.6, len(WORLDS) - 0.4),
    title=f"Of companies with {', '.join(map(str, WORLDS))} accounts, skill is proven for"
    f" {', '.join(map(str, proven)) or 'none'}",
)

# %%
OUTPUT.mkdir(exist_ok=True)
for number in plt.get_fignums():  # none are left where an editor has shown them already
    plt.figure(number).savefig(OUTPUT / f"small_data_{number}.png", dpi=110)

# %% [markdown]
# ## Conclusion

# %%
least, middle, most = WORLDS
assert harmed >= SIZES[0]
assert (mean["logistic", 0] < mean["prior", 0]).all()
assert (mean["logistic", 0] < mean["default_lightgbm", 0]).all()
assert abs(lead[0]) < 0.03
assert lead[-1] > 0
assert told[least].verdict == "too_little_data"
assert told[least].rung == "prior"
assert told[middle].verdict == "no_skill"
assert told[middle].skill.gain.low <= 0
assert told[most].verdict == "skill"
print(
    f"After {SIZES[0]} accounts the regularised logistic rung is already better than the base rate"
    f" ({mean['logistic', 0][0]:.2f} against {mean['prior', 0][0]:.2f} nats), but no better at"
    f" ordering than recency alone ({lead[0]:+.3f} AUC); after {SIZES[-1]} it leads by"
    f" {lead[-1]:+.3f}. Trees out of the box are worse than the base rate up to {harmed} accounts."
    f" A lead of one draw proves nothing yet: with {least} accounts Fanal claims nothing (fewer"
    f" than {MIN_ACCOUNTS} matured), with {middle} the gain of {told[middle].skill.gain.mean:+.3f}"
    f" may be luck, with {most} it is at least {told[most].skill.gain.low:+.3f}."
)
