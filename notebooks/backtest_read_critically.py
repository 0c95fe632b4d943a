# %% [markdown]
# # A back-test, read critically
#
# **A back-test says that the model is good: how much of that may a manager believe?**
#
# We back-test the churn model on a simulated distributor and put five questions to it. Does it beat
# the dull rules, and by more than chance? Are its probabilities what they say? How much would the
# rows that it learnt from have flattered it? Would it also "find" something where nothing is to be
# found? And what is left of all this for the one list that a rep works through?

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np

import features
from features.events import build_events
from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from training.backtest import run_backtest
from training.dataset import Workshop, task
from training.evaluate import (
    auc,
    calibration_error_by_chance,
    expected_calibration_error,
    metric_interval,
)
from training.evaluate.reliability import calibration_curve
from training.models import default_trees, usable_features
from training.search import fit_rungs
from training.summary import summarise

ROOT = Path(features.__file__).resolve().parents[1]
OUTPUT = ROOT / "notebooks" / "output"
ACCOUNTS = 600
ACCOUNTS_OF_NOTHING = 260
TEST_DAYS = 2
DRAWS = 100
SEED = 11
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"


# %%
def workshop_of(settings):
    """A workshop of the churn model on a simulated portfolio."""
    with TemporaryDirectory() as folder:
        write_simulation(simulate(np.random.default_rng(SEED), settings), Path(folder))
        events = build_events(read_records(open_portfolio(Path(folder))))
    return Workshop(events, task("churn"))


workshop = workshop_of(SimulatorSettings(accounts=ACCOUNTS))
result = run_backtest(workshop, quick=True, count=TEST_DAYS)
scored = [day.scored for day in result.slices]
label = np.concatenate([day.label for day in scored])
print(f"verdict: {result.verdict}; {result.reason}")

# %% [markdown]
# ## 1. Does it beat the dull rules?
#
# Every rule reads the same rows. The bars are 95 % intervals by bootstrap over accounts: an account
# recurs on every test day, so rows are not independent and intervals over rows would be too narrow.

# %%
NAMES = {
    "prior": "everyone alike",
    "rates": "rate of the segment",
    "bg_nbd": "BG/NBD",
    "recency": "recency alone",
    "default_lightgbm": "LightGBM untouched",
    "logistic": "logistic rung",
    "lightgbm": "LightGBM rung",
}
intervals = {name: metric_interval(scored, name, "auc", draws=DRAWS) for name in NAMES}
order = sorted(NAMES, key=lambda name: intervals[name].mean)
figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
for row, name in enumerate(order):
    one = intervals[name]
    colour = BLUE if name in ("logistic", "lightgbm") else GREY
    axes.plot([one.low, one.high], [row, row], color=colour, lw=2.5, alpha=0.6)
    axes.plot(one.mean, row, "o", color=colour)
    axes.annotate(
        f"{one.mean:.3f}", (one.mean, row), (0, 7), textcoords="offset points", ha="center"
    )
axes.set_yticks(range(len(order)), [NAMES[name] for name in order])
axes.axvline(0.5, color="black", lw=1, ls=":", zorder=0)
gain = result.skill.gain
axes.set(
    xlabel=f"AUC, mean of {TEST_DAYS} test days, 95 % interval (0.5 = a coin)",
    ylabel="model or rule",
    ylim=(-0.5, len(order) - 0.2),
    xlim=(0.48, 0.9),
    title=f"The rung beats {NAMES[result.skill.against]} by {gain.mean:.3f} AUC"
    f" ({gain.low:.3f} to {gain.high:.3f}, paired)",
)

# %% [markdown]
# The paired interval of the *difference* is what counts: both models read the same accounts, so
# much of their luck is shared. Two intervals that overlap in the picture may still differ for
# certain.

# %%
rule, rung = result.skill.against, result.rung
print(
    f"{NAMES[rule]}: {intervals[rule].low:.3f} to {intervals[rule].high:.3f};"
    f" {NAMES[rung]}: {intervals[rung].low:.3f} to {intervals[rung].high:.3f}."
)
width_apart = np.hypot(
    intervals[rule].high - intervals[rule].low, intervals[rung].high - intervals[rung].low
)
width_paired = gain.high - gain.low
print(
    f"Width of the interval of the gain: {width_paired:.3f} paired, {width_apart:.3f} if unpaired."
)

# %% [markdown]
# ## 2. Are the probabilities what they say?
#
# Each point is a tenth of the rows of all test days. A perfect model also strays from the diagonal,
# by chance; so the error stands beside the one that a perfect model of this size would show.

# %%
said = np.concatenate([day.probability[rung] for day in scored])
points = calibration_curve(said, label)
error = expected_calibration_error(said, label)
by_chance = calibration_error_by_chance(said)
figure, axes = plt.subplots(figsize=(6, 5.5), layout="constrained")
axes.plot([0, 100], [0, 100], color=GREY, ls="--", lw=1, label="said = happened")
axes.errorbar(
    [100 * p.said for p in points],
    [100 * p.happened for p in points],
    yerr=[
        [100 * (p.happened - p.low) for p in points],
        [100 * (p.high - p.happened) for p in points],
    ],
    fmt="o",
    color=BLUE,
    capsize=3,
    label="a tenth of the rows, 95 % interval",
)
limit = 100 * max(max(p.high, p.said) for p in points) + 5
axes.set(
    xlabel="said: probability of leaving (%)",
    ylabel="happened: share that left (%)",
    xlim=(0, limit),
    ylim=(0, limit),
    title=f"Off by {100 * error:.1f} points on average; {100 * by_chance:.1f} would be chance"
    " alone",
)
axes.legend(loc="upper left")

# %% [markdown]
# ## 3. How much would the rows that it learnt from have flattered it?
#
# The logistic rung, and LightGBM as it comes out of the box, asked about the very rows that they
# were fitted on, and about the later day. The two days differ by luck as well, so a small gap says
# little.

# %%
last = result.slices[-1].slice
train = workshop.dataset(last.train_dates, last.test_date)
test = workshop.dataset([last.test_date], workshop.data_end)
rungs = fit_rungs(train, workshop.task, quick=True, only=["logistic"])
untouched = default_trees(train, usable_features(train))
models = {"logistic": rungs["logistic"].rung, "default_lightgbm": untouched}
seen = {name: auc(one.margin(train.matrix), train.label) for name, one in models.items()}
unseen = {name: auc(one.margin(test.matrix), test.label) for name, one in models.items()}
flattery = {name: seen[name] - unseen[name] for name in models}
worst = max(flattery, key=lambda name: flattery[name])

figure, axes = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
place = np.arange(len(models))
bars = axes.bar(place - 0.19, list(seen.values()), 0.36, color=ORANGE, label="rows it learnt from")
axes.bar_label(bars, fmt="%.3f", padding=2)
bars = axes.bar(
    place + 0.19, list(unseen.values()), 0.36, color=BLUE, label=f"the later day {last.test_date}"
)
axes.bar_label(bars, fmt="%.3f", padding=2)
axes.set_xticks(place, [NAMES[name] for name in models])
axes.set(
    xlabel="model",
    ylabel="AUC (0.5 = a coin)",
    ylim=(0.5, 1.05),
    title=f"On its own rows {NAMES[worst]} looks {flattery[worst]:.2f} AUC better than it is",
)
figure.legend(loc="outside lower center", ncols=2, frameon=False)

# %% [markdown]
# ## 4. Would it find something where nothing is to be found?
#
# The control: a world in which everybody orders at the same rate, at random, and nobody leaves. The
# label "no order in 90 days" is a coin with a known bias there. A procedure that claims skill here
# would claim it anywhere.

# %%
nothing = workshop_of(SimulatorSettings.without_effects(accounts=ACCOUNTS_OF_NOTHING))
control = run_backtest(nothing, quick=True, count=1)
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
worlds = [(control, "a world without causes", GREY), (result, "the distributor", BLUE)]
for row, (one, _, colour) in enumerate(worlds):
    g = one.skill.gain
    axes.plot([g.low, g.high], [row, row], color=colour, lw=3, alpha=0.6)
    axes.plot(g.mean, row, "o", color=colour, ms=8)
    axes.annotate(
        f"verdict: {one.verdict.replace('_', ' ')}",
        (g.mean, row),
        (0, 10),
        textcoords="offset points",
        ha="center",
    )
axes.axvline(0, color="black", lw=1)
axes.set_yticks([0, 1], [text for _, text, _ in worlds])
axes.set(
    xlabel="AUC gain over the stronger dull rule, 95 % interval",
    ylabel="world",
    ylim=(-0.5, 1.6),
    title=f"Skill is {'' if control.skill.is_proven else 'not '}claimed where there is none to be"
    " had",
)

# %% [markdown]
# ## 5. What is left for the one list that a rep works through?
#
# `summarise` flags a tenth of each rep's list, by the rung and by the rule, and counts who left.

# %%
summary = summarise(result, draws=DRAWS)
shown = {
    NAMES[rung]: summary.pool[rung].precision,
    NAMES[summary.rule]: summary.pool[summary.rule].precision,
}
base = 100 * label.mean()
figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for row, one in enumerate(shown.values()):
    bar = axes.barh(
        row,
        100 * one.mean,
        0.55,
        color=(BLUE, GREY)[row],
        xerr=[[100 * (one.mean - one.low)], [100 * (one.high - one.mean)]],
        capsize=4,
    )
    axes.annotate(f"{100 * one.mean:.0f}", (2, row), va="center", color="white", weight="bold")
axes.axvline(base, color="black", ls="--", lw=1, label=f"of 100 active accounts, {base:.0f} left")
axes.set_yticks([0, 1], list(shown))
axes.invert_yaxis()
of_rung, of_rule = (100 * one.mean for one in shown.values())
axes.set(
    xlabel="of 100 flagged accounts, so many left (95 % interval)",
    ylabel="list made by",
    xlim=(0, 105),
    title=f"Of 100 accounts flagged, {of_rung:.0f} left; by recency alone, {of_rule:.0f}",
)
figure.legend(loc="outside lower center", frameon=False)

# %%
OUTPUT.mkdir(exist_ok=True)
for number in plt.get_fignums():  # none are left where an editor has shown them already
    plt.figure(number).savefig(OUTPUT / f"backtest_read_critically_{number}.png", dpi=110)

# %% [markdown]
# ## Conclusion

# %%
assert result.verdict == "skill"
assert gain.low > 0
assert width_paired < width_apart
assert error < by_chance + 0.03
assert flattery[worst] > 0.1
assert worst == "default_lightgbm"
assert control.verdict == "no_skill"
assert control.skill.gain.low <= 0
assert of_rung > base
assert of_rung > of_rule
print(
    f"A manager may believe three things. The order: the {NAMES[rung]} beats {NAMES[rule]} by"
    f" {gain.mean:.3f} AUC, at least {gain.low:.3f}, and the same procedure claims nothing in a"
    f" world without causes. The level, roughly: a probability is off by {100 * error:.1f} points on"
    f" average, and a perfect model would show {100 * by_chance:.1f} by chance. The use: of 100"
    f" accounts flagged {of_rung:.0f} left, by recency alone {of_rule:.0f}, of all {base:.0f}. What"
    " nobody may believe is a figure read on the rows that were learnt from:"
    f" {NAMES[worst]} shows AUC {seen[worst]:.2f} there and {unseen[worst]:.2f} later."
)
