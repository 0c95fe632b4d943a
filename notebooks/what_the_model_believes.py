# %% [markdown]
# # What the model believes
#
# **Which records make the model expect that an account leaves, and are those the true causes?**
#
# Contributions are exact: they add up to the model's log-odds, row by row. In a simulated portfolio
# the causes of leaving are known, so beliefs can be held against the truth, which no real portfolio
# allows.

# %%
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import shap

import features
from features.events import build_events
from features.records.folder import open_portfolio, read_records
from features.records.simulator import CHURN_CAUSES, SimulatorSettings, simulate, write_simulation
from features.signals.catalogue import BY_NAME
from training.dataset import Workshop, task
from training.models import select, to_probability
from training.search import fit_rungs
from training.slices import train_dates

ROOT = Path(features.__file__).resolve().parents[1]
OUTPUT = ROOT / "notebooks" / "output"
ACCOUNTS = 1500
SEED = 11
DAY = date(2026, 7, 1)  # the day after the records end: nothing later can have taught the model
DRAWS = 300
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
SAFE = plt.get_cmap("cividis")

# %%
simulation = simulate(np.random.default_rng(SEED), SimulatorSettings(accounts=ACCOUNTS))
with TemporaryDirectory() as folder:
    write_simulation(simulation, Path(folder))
    events = build_events(read_records(open_portfolio(Path(folder))))
workshop = Workshop(events, task("churn"))
days = train_dates(workshop.data_end, workshop.first_day, workshop.task.horizon)
train = workshop.dataset(days, workshop.data_end)
fitted = fit_rungs(train, workshop.task, quick=True, only=["lightgbm"])["lightgbm"]
rows = workshop.rows(DAY)
base, parts = fitted.rung.contributions(rows)
margin = fitted.rung.margin(rows)
names = list(fitted.rung.features)
values = select(rows, names)
theme = np.array([BY_NAME["account", name].about.theme for name in names])
off_by = np.abs(base + parts.sum(axis=1) - margin).max()
print(
    f"{train.size:,} training rows of {len(days)} days; {rows.code.size} accounts scored on {DAY};"
    f" contributions add up to the log-odds within {off_by:.0e}."
)
assert off_by < 1e-9

# %% [markdown]
# ## Over the whole portfolio
#
# Every point is an account; right means "more likely to leave". The colour is the value of the
# feature, from low to high.

# %%
strength = np.abs(parts).mean(axis=0)
plt.figure()
strongest = names[int(strength.argmax())]
shap.summary_plot(
    parts,
    values,
    feature_names=names,
    max_display=12,
    show=False,
    cmap=SAFE,
    plot_size=(8.5, 5.2),
    rng=np.random.default_rng(SEED),
)
axes = plt.gcf().axes[0]
axes.set(
    xlabel="contribution to the chance of leaving (log-odds)",
    ylabel="feature, the strongest first",
    title=f"The strongest single belief rests on {strongest}",
)
plt.gcf().set_layout_engine("tight")

# %% [markdown]
# ## One belief, as a curve
#
# How the contribution of the strongest feature depends on its value. The spread at one value is
# interaction: what the trees make of it together with the rest of the row.

# %%
x, y = values[:, names.index(strongest)], parts[:, names.index(strongest)]
unit = BY_NAME["account", strongest].about.unit
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.scatter(x, y, s=14, color=BLUE, alpha=0.4, edgecolors="none")
axes.axhline(0, color="black", lw=0.8)
low, high = np.nanquantile(x, [0.25, 0.75])
step = y[x >= high].mean() - y[x <= low].mean()
axes.set(
    xlabel=f"{strongest} ({unit})",
    ylabel="contribution (log-odds)",
    title=f"Between its lowest and highest quarter {strongest}\nmoves the odds by {step:+.2f}"
    f" log-odds, a factor of {np.exp(abs(step)):.1f}",
)

# %% [markdown]
# ## One account
#
# Of the accounts that are more likely to leave than not, the one whose belief leans most on
# service. From the portfolio's base to its own log-odds, step by step; grey is the value on the
# day.

# %%
probability = to_probability(fitted.calibration.apply(margin))
service = np.where(probability > 0.5, parts[:, theme == "service"].sum(axis=1), -np.inf)
one = int(service.argmax())
plt.figure()
shap.plots.waterfall(
    shap.Explanation(
        values=parts[one], base_values=base, data=values[one].round(2), feature_names=names
    ),
    max_display=10,
    show=False,
)
who = events.accounts.words[rows.code[one]]
figure = plt.gcf()
figure.set_size_inches(10, 5)
figure.axes[0].set_title(
    f"Why {who} is given {probability[one]:.0%} to leave within 90 days", pad=30
)
figure.axes[0].set(xlabel="log-odds before calibration", ylabel="feature = its value")
figure.set_layout_engine("tight")

# %% [markdown]
# ## By theme
#
# People read themes, not 130 features: contributions are summed within each.

# %%
order = sorted(set(theme), key=lambda name: np.abs(parts[:, theme == name].sum(axis=1)).mean())
by_theme = {name: parts[:, theme == name].sum(axis=1) for name in order}
size = {name: np.abs(part).mean() for name, part in by_theme.items()}
figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
bars = axes.barh(order, [size[name] for name in order], color=BLUE, height=0.65)
axes.bar_label(bars, fmt="%.2f", padding=3)
axes.set(
    xlabel="mean size of the contribution (log-odds)",
    ylabel="theme",
    xlim=(0, 1.15 * max(size.values())),
    title=f"{order[-1].capitalize()} moves an account's log-odds by {size[order[-1]]:.2f} on"
    " average",
)

# %% [markdown]
# ## Held against the truth
#
# For each true cause: how much higher is the contribution of each theme among live accounts with
# the cause than among those without? If beliefs are right, each cause lights up in the theme that
# shows it (docs/simulator.md says which records do).

# %%
SHOWN_BY = {
    "service_trouble": "service",
    "contact_loss": "relationship",
    "low_nps": "relationship",
    "engagement": "relationship",
    "decline": "rhythm",
    "price": "spend",
}
themes = order[::-1]
truth = simulation.truth["churn"].to_pandas()
truth = truth[(truth.as_of_date == DAY) & ~truth.is_departed].set_index("account_id")
ids = np.array([events.accounts.words[code] for code in rows.code])
live = np.isin(ids, truth.index)
has = truth.loc[ids[live], [f"log_odds_{cause}" for cause in SHOWN_BY]].to_numpy() > 0
believed = np.column_stack([by_theme[name] for name in themes])[live]
gap = np.array([believed[h].mean(axis=0) - believed[~h].mean(axis=0) for h in has.T])

figure, axes = plt.subplots(figsize=(9, 4.4), layout="constrained")
reach = np.abs(gap).max()
image = axes.imshow(gap, cmap="PuOr_r", vmin=-reach, vmax=reach, aspect="auto")
for row, cause in enumerate(SHOWN_BY):
    for column, name in enumerate(themes):
        value, expected = gap[row, column], SHOWN_BY[cause] == name
        axes.text(
            column,
            row,
            f"{value:+.2f}",
            ha="center",
            va="center",
            weight="bold" if expected else "normal",
            color="white" if abs(value) > 0.65 * reach else "black",
        )
        if expected:
            axes.add_patch(
                plt.Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, fill=False, lw=1.8)
            )
axes.set_xticks(range(len(themes)), themes)
axes.set_yticks(
    range(len(SHOWN_BY)), [f"{c} ({n})" for c, n in zip(SHOWN_BY, has.sum(0), strict=True)]
)
right = [themes[int(row.argmax())] == SHOWN_BY[c] for row, c in zip(gap, SHOWN_BY, strict=True)]
axes.set(
    xlabel="theme of the contribution",
    ylabel="true cause (live accounts with it)",
    title=f"{sum(right)} of {len(right)} causes weigh most in the theme (framed) that shows them",
)
figure.colorbar(image, label="more with the cause than without (log-odds)")

# %% [markdown]
# ## How sure is that, and how strong?
#
# The framed numbers with 95 % intervals (bootstrap over accounts), beside the log-odds that the
# cause truly adds *on each day it holds*. The two need not be equal: service trouble lasts 45 days
# on average, half of the label's 90, while a decline never ends.

# %%
random = np.random.default_rng(SEED)
column_of = {cause: themes.index(name) for cause, name in SHOWN_BY.items()}
drawn = {cause: [] for cause in SHOWN_BY}
for _ in range(DRAWS):
    pick = random.integers(0, believed.shape[0], believed.shape[0])
    for place, cause in enumerate(SHOWN_BY):
        part, h = believed[pick, column_of[cause]], has[pick, place]
        drawn[cause].append(part[h].mean() - part[~h].mean())
ends = {cause: np.percentile(found, [2.5, 97.5]) for cause, found in drawn.items()}
belief = {c: gap[place, column_of[c]] for place, c in enumerate(SHOWN_BY)}
true_effect = {cause.name: cause.log_odds for cause in CHURN_CAUSES}
causes = sorted(belief, key=lambda cause: belief[cause])

figure, axes = plt.subplots(figsize=(8.5, 4.2), layout="constrained")
for row, cause in enumerate(causes):
    axes.plot(ends[cause], [row, row], color=BLUE, lw=3, alpha=0.6)
    axes.plot(
        belief[cause], row, "o", color=BLUE, ms=7, label="_" if row else "believed, over 90 days"
    )
    axes.plot(true_effect[cause], row, "D", color=ORANGE, label="_" if row else "true, on each day")
axes.axvline(0, color="black", lw=1)
axes.set_yticks(range(len(causes)), [f"{c}, in {SHOWN_BY[c]}" for c in causes])
is_seen = {cause: low > 0 for cause, (low, _) in ends.items()}
axes.set(
    xlabel="higher with the cause than without (log-odds)",
    ylabel="true cause, theme that shows it",
    title=f"{sum(is_seen.values())} of {len(causes)} causes are seen for certain;"
    f" {causes[-1]} is believed most, {causes[0]} least",
)
figure.legend(loc="outside lower center", ncols=2, frameon=False)

# %%
OUTPUT.mkdir(exist_ok=True)
for number in plt.get_fignums():  # none are left where an editor has shown them already
    plt.figure(number).savefig(OUTPUT / f"what_the_model_believes_{number}.png", dpi=110)

# %% [markdown]
# ## Conclusion

# %%
truly = max(true_effect, key=lambda cause: true_effect[cause])
clear = [cause for cause in causes if belief[cause] > 0.1 and is_seen[cause]]
faint = [cause for cause in causes if cause not in clear]
placed = dict(zip(SHOWN_BY, right, strict=True))
assert order[-1] == "rhythm"
assert len(clear) >= 5
assert all(placed[cause] for cause in clear)
assert faint == ["price"]
assert causes[-1] == "decline"
assert truly == "service_trouble"
assert step > 0
print(
    f"The model believes first in rhythm ({size['rhythm']:.2f} log-odds on average), then in the"
    f" relationship ({size['relationship']:.2f}). Those are no idle correlates: {len(clear)} of"
    f" {len(causes)} true causes raise the contribution of just the theme that shows them. It is"
    f" blind to {faint[0]} ({belief[faint[0]]:+.2f} believed, {true_effect[faint[0]]:+.1f} true),"
    f" and what it believes most ({causes[-1]}) is not what drives accounts away hardest on a day"
    f" ({truly}). So a reason says what the records show of an account, and a theme without"
    " contribution does not prove that nothing is wrong there."
)
