# %% [markdown]
# # Weights and thresholds, chosen by money
#
# **Whom should the reps call, how far down the list, and by which weights of the formula?**
#
# A probability is not yet a decision. We take the predictions of a back-test, put stated costs
# beside them, and reckon what each list would have earned. Whatever is chosen is chosen on test
# days whose outcome was known on the last one, and then judged on the last one, which had no say.

# %%
from datetime import timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np

import features
from features.context import PORTFOLIO
from features.events import build_events
from features.records.folder import open_portfolio, read_records
from features.records.simulator import SimulatorSettings, simulate, write_simulation
from portfolio.actions import PlayPriors, deal_actions, save_actions
from portfolio.priority import Actions, MoneyScale, Weights, prioritise
from training.backtest import predict
from training.baselines import one_column
from training.dataset import Workshop, task
from training.evaluate.profit import Campaign, expected_maximum_profit, profit_curve
from training.search import fit_rungs
from training.slices import rolling_slices
from training.stakes import stakes_of

ROOT = Path(features.__file__).resolve().parents[1]
OUTPUT = ROOT / "notebooks" / "output"
ACCOUNTS = 1500
SEED = 11
STEPS_BACK = (150, 120, 90, 0)  # days before the last test day; the horizon is 90 days
CAMPAIGN = Campaign(contact_cost=60.0, offer_share=0.05)  # EUR a call; 30 % of leavers are kept
HINGES_ON_WORK = 0.3  # assumed: so many of the won deals would be lost if nobody worked them
CAPACITY = 40  # actions that the team can take on a day
REFERENCE_DAYS = 90.0
STEP = 0.1  # of the weights that are tried
DRAWS = 500
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"

# %%
with TemporaryDirectory() as folder:
    made = simulate(np.random.default_rng(SEED), SimulatorSettings(accounts=ACCOUNTS))
    write_simulation(made, Path(folder))
    events = build_events(read_records(open_portfolio(Path(folder))))
churn, close = Workshop(events, task("churn")), Workshop(events, task("close"))
last_day = churn.data_end - timedelta(days=churn.task.horizon.horizon_days)
dates = [last_day - timedelta(days=back) for back in STEPS_BACK]


# %%
def tested(workshop, slices):
    """Rows, outcomes, probabilities and what is at stake on each test day, for the logistic"
    " rung."""
    for piece in slices:
        train = workshop.dataset(piece.train_dates, piece.test_date)
        test = workshop.dataset([piece.test_date], workshop.data_end)
        rung = fit_rungs(train, workshop.task, quick=True, only=["logistic"])["logistic"]
        recency = one_column(train, "days_since_last_order") if workshop is churn else None
        dull = recency(test.matrix) if recency else None
        yield test, predict(rung, test), stakes_of(workshop, test.matrix).value, dull


slices = rolling_slices(churn.first_day, churn.data_end, churn.task.horizon, test_dates=dates)
accounts = list(tested(churn, slices))
deals = list(tested(close, slices))
for day, (one, *_), (other, *_) in zip(dates, accounts, deals, strict=True):
    print(
        f"{day}: {one.size} active accounts, {one.label.mean():.0%} left;"
        f" {other.size} open deals, {other.label.mean():.0%} won."
    )

# %% [markdown]
# ## What is one call worth?
#
# A call to an account worth `v` EUR a year (its margin of the trailing 365 days), which leaves with
# probability `p`, earns on average `p g (1 - d) v - (1 - p) d v - c`: of the leavers a share `g` is
# kept, at an offer of the share `d` of its value; those who would have stayed take the offer along;
# and the call costs `c`. Call where that is above 0: a threshold that needs no search, but a
# *calibrated* p.


# %%
def worth_of_call(p, value):
    """Expected profit of calling each account, in EUR; with an outcome for p, what it earned."""
    kept = p * CAMPAIGN.save_rate * (1 - CAMPAIGN.offer_share) * value
    return kept - (1 - p) * CAMPAIGN.offer_share * value - CAMPAIGN.contact_cost


test, p, value, recency = accounts[-1]
label = test.label
lists = {
    "expected profit of the call": worth_of_call(p, value),
    "probability of leaving": p,
    "recency alone": recency,
    "value of the account": value,
}
STYLE = dict(zip(lists, ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (GREY, ":")), strict=True))
curves = {
    text: profit_curve(score, label, value=value, places=np.linspace(0, 1, 101), campaign=CAMPAIGN)
    for text, score in lists.items()
}
is_called = worth_of_call(p, value) > 0
earned = float((is_called * worth_of_call(label, value)).sum() / label.size)
everyone = float(worth_of_call(label, value).mean())
peak = max(float(curve.max()) for curve in curves.values())

figure, axes = plt.subplots(figsize=(8, 4.8), layout="constrained")
for text, curve in curves.items():
    colour, line = STYLE[text]
    axes.plot(np.arange(101), curve, color=colour, ls=line, lw=2, label=text)
axes.plot(
    100 * is_called.mean(),
    earned,
    "o",
    color="black",
    ms=8,
    zorder=5,
    label="stop where a call is worth 0 EUR",
)
axes.axhline(0, color="black", lw=0.8)
axes.set(
    xlabel="accounts called, from the top of the list (%)",
    ylabel="profit per account (EUR)",
    ylim=(-0.9 * peak, 1.25 * peak),
    xlim=(0, 100),
    title=f"Calling {is_called.mean():.0%} of the accounts earns {earned:.0f} EUR per account;"
    f" calling all, {everyone:+.0f}",
)
figure.legend(loc="outside lower center", ncols=3, frameon=False)

# %% [markdown]
# ## The same, without a hand on the threshold
#
# The expected maximum profit for B2B churn (EMPB, `training/evaluate/profit.py` names the paper)
# takes the best cutoff for each possible save rate and averages over what is not known of it. It is
# read in hindsight, so it compares lists and promises nothing.

# %%
best = {
    text: expected_maximum_profit(score, label, value=value, campaign=CAMPAIGN)
    for text, score in lists.items()
}
order = sorted(best, key=lambda text: best[text].per_account)
figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
bars = axes.barh(
    order, [best[t].per_account for t in order], color=[STYLE[t][0] for t in order], height=0.6
)
axes.bar_label(
    bars,
    [f"{best[t].per_account:.0f} EUR, {best[t].contacted:.0%} called" for t in order],
    padding=4,
)
by_worth, by_chance = best["expected profit of the call"], best["probability of leaving"]
axes.set(
    xlabel="expected maximum profit per account (EUR)",
    ylabel="list ordered by",
    xlim=(0, 1.4 * best[order[-1]].per_account),
    title=f"By the worth of each call: {by_worth.per_account:.0f} EUR for"
    f" {by_worth.contacted:.0%} called;"
    f"\nby probability: {by_chance.per_account:.0f} EUR for {by_chance.contacted:.0%} called",
)

# %% [markdown]
# ## A threshold on the probability alone?
#
# Many teams call "everybody above x %". We choose x on the earlier days and look at the last one.

# %%
LEVELS = np.arange(0.05, 0.96, 0.05)


def by_threshold(day):
    """Profit per account of calling everybody above each level, in EUR."""
    test, p, value, _ = day
    gains = worth_of_call(test.label, value)
    return np.array([gains[p > level].sum() / p.size for level in LEVELS])


earlier = np.mean([by_threshold(day) for day in accounts[:-1]], axis=0)
later = by_threshold(accounts[-1])
level = int(earlier.argmax())
figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
axes.plot(
    100 * LEVELS, earlier, color=GREY, ls="--", marker="s", ms=4, label="mean of the earlier days"
)
axes.plot(100 * LEVELS, later, color=BLUE, marker="o", ms=4, label=f"last day, {last_day}")
axes.axvline(100 * LEVELS[level], color=ORANGE, lw=2, label="chosen on the earlier days")
axes.axhline(earned, color="black", ls=":", label="by expected profit, last day")
axes.axhline(0, color="black", lw=0.8)
axes.set(
    xlabel="call everybody above this probability of leaving (%)",
    ylabel="profit per account (EUR)",
    title=f"The best threshold of before, {LEVELS[level]:.0%}, earns {later[level]:.0f} EUR;"
    f" the worth of each call, {earned:.0f} EUR",
)
figure.legend(loc="outside lower center", ncols=2, frameon=False)

# %% [markdown]
# ## Which weights?
#
# The priority formula puts saves and deals into one list. We order the actions of each day by it,
# take the first of them as far as the team's capacity goes, and reckon what they brought: a saved
# account its value times the save rate, a won deal its margin times the share of wins that hinge on
# the work. Both shares are assumptions, stated at the top: only a held-out arm can measure them.


# %%
def calls_for_deals(day, offered, p_win, margin, risk_of):
    """Work on each open deal, in the four numbers of the formula."""
    risk = np.array([risk_of.get(code, 0.0) for code in offered.group.tolist()])
    stages = close.context(day).tables["stage"]
    days = np.array([stages.get(word, "days_to_close") for word in offered.matrix.keys["stage"]])
    return deal_actions(margin, p_win, risk, np.where(np.isnan(days), REFERENCE_DAYS, days))


def scale_of(money, *rows):
    """What is a usual and a large amount on the day, capped by each row's segment."""
    segments = np.concatenate([one.matrix.keys["segment"] for one in rows])
    cap = np.array([money.get(word, "stake_p95") for word in segments])
    middle, p95 = (money.get(PORTFOLIO, name) for name in ("stake_median", "stake_p95"))
    return MoneyScale(middle, p95, cap)


worlds = []
for day, (kept, p, value, _), (offered, p_win, amount, _) in zip(
    dates, accounts, deals, strict=True
):
    money = churn.context(day).tables["segment"]
    margin = amount * money.get(PORTFOLIO, "margin_rate")
    risk_of = dict(zip(kept.group.tolist(), p, strict=True))
    saves = save_actions(value, p, PlayPriors(save_success=CAMPAIGN.save_rate))
    works = calls_for_deals(day, offered, p_win, margin, risk_of)
    both = [
        (getattr(saves, n), getattr(works, n)) for n in ("stake", "probability", "risk", "days")
    ]
    saved = kept.label * value * CAMPAIGN.save_rate
    won = offered.label * margin * HINGES_ON_WORK
    actions = Actions(*(np.concatenate(pair) for pair in both))
    worlds.append((actions, np.concatenate((saved, won)), scale_of(money, kept, offered)))

# %% [markdown]
# Every combination of weights in steps of a tenth, and what the first actions of its list brought.


# %%
def money_of(score, brought):
    """EUR that the first actions of a list brought."""
    return float(brought[np.argsort(-score, kind="stable")[:CAPACITY]].sum())


def scores(actions, scale, weights):
    """Scores of the formula, 0 to 100."""
    return prioritise(actions, scale, Weights(*weights), reference_days=REFERENCE_DAYS).score


ticks = np.round(np.arange(0, 1 + STEP / 2, STEP), 2)
tried = [w for w in product(ticks, repeat=4) if abs(sum(w) - 1) < 1e-9]
table = np.array([[money_of(scores(a, m, w), b) for w in tried] for a, b, m in worlds])
default = tried.index((0.4, 0.3, 0.2, 0.1))
before, after = table[:-1].mean(axis=0), table[-1]
chosen = int(before.argmax())
expected = [money_of(np.nan_to_num(a.stake) * a.probability, b) for a, b, _ in worlds]
euros = (float(np.mean(expected[:-1])), expected[-1])

figure, axes = plt.subplots(figsize=(8, 5.6), layout="constrained")
dots = axes.scatter(
    before / 1000, after / 1000, c=[w[0] for w in tried], cmap="cividis", s=22, edgecolors="none"
)
figure.colorbar(dots, label="weight of potential (0 to 1)")
for (x, y), mark, colour, text in (
    ((before[chosen], after[chosen]), "X", RED, "best on the earlier days"),
    ((before[default], after[default]), "D", BLUE, "weights as shipped"),
    (euros, "P", GREEN, "no formula: expected euros"),
):
    axes.plot(
        x / 1000, y / 1000, mark, color=colour, ms=12, ls="", label=text, markeredgecolor="white"
    )
axes.set(
    xlabel=f"brought on the earlier days, mean (kEUR per {CAPACITY} actions)",
    ylabel=f"brought on the last day (kEUR per {CAPACITY} actions)",
    title=f"The best of {len(tried)} weights led those shipped by"
    f" {(before[chosen] - before[default]) / 1000:.0f} kEUR on the days\nthat chose them, and"
    " stands at"
    f" {(after[chosen] - after[default]) / 1000:+.0f} kEUR on the last day",
)
figure.legend(loc="outside lower center", ncols=3, frameon=False)

# %% [markdown]
# ## How sure is the difference?
#
# The last day again, its actions drawn anew with replacement: by how much do two lists differ?
# Weights in brackets are those of potential, probability, risk and duration.

# %%
actions, brought, scale = worlds[-1]
rival = {
    f"best on the earlier days {tuple(float(x) for x in tried[chosen])}": scores(
        actions, scale, tried[chosen]
    ),
    "expected euros": np.nan_to_num(actions.stake) * actions.probability,
    "potential alone (1, 0, 0, 0)": scores(actions, scale, (1, 0, 0, 0)),
    "probability alone (0, 1, 0, 0)": scores(actions, scale, (0, 1, 0, 0)),
}
shipped = scores(actions, scale, tried[default])
random = np.random.default_rng(SEED)
picks = random.integers(0, brought.size, (DRAWS, brought.size))
ahead = {
    text: np.array([money_of(one[k], brought[k]) - money_of(shipped[k], brought[k]) for k in picks])
    for text, one in rival.items()
}
gap = {text: money_of(one, brought) - money_of(shipped, brought) for text, one in rival.items()}
ends = {text: np.percentile(found, [2.5, 97.5]) for text, found in ahead.items()}
figure, axes = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
for row, text in enumerate(rival):
    certain = ends[text][0] > 0 or ends[text][1] < 0
    axes.plot(ends[text] / 1000, [row, row], color=RED if certain else GREY, lw=3, alpha=0.6)
    axes.plot(gap[text] / 1000, row, "o", color=RED if certain else GREY, ms=8)
axes.axvline(0, color="black", lw=1)
axes.set_yticks(range(len(rival)), list(rival))
sure = [text for text in rival if ends[text][0] > 0 or ends[text][1] < 0]
axes.set(
    xlabel=f"more than the weights as shipped (kEUR per {CAPACITY} actions, 95 % interval)",
    ylabel="list ordered by",
    ylim=(-0.6, len(rival) - 0.4),
    title=f"{len(sure)} of {len(rival)} other lists differs for certain (red)"
    if len(sure) == 1
    else f"{len(sure)} of {len(rival)} other lists differ for certain (red)",
)

# %%
OUTPUT.mkdir(exist_ok=True)
for number in plt.get_fignums():  # none are left where an editor has shown them already
    plt.figure(number).savefig(OUTPUT / f"weights_and_thresholds_{number}.png", dpi=110)

# %% [markdown]
# ## Conclusion

# %%
FEW = 5  # percent of the accounts
few_by_worth = curves["expected profit of the call"][FEW]
few_by_chance = curves["probability of leaving"][FEW]
found = max(float(curve.max()) for curve in curves.values())
first, euro, potential, chance = (gap[text] for text in rival)
assert everyone < 0 < earned
assert earned > 0.9 * found
assert earned > 0.9 * later[level]
assert by_worth.per_account > 0.9 * by_chance.per_account
assert by_worth.contacted < by_chance.contacted
assert few_by_worth > 1.3 * few_by_chance
assert best["value of the account"].per_account < best["recency alone"].per_account
assert before[chosen] > before[default]
assert after[chosen] - after[default] < 0.5 * (before[chosen] - before[default])
assert sure == ["probability alone (0, 1, 0, 0)"]
assert chance < 0
print(
    f"Call where the call is worth more than it costs: {is_called.mean():.0%} of the accounts,"
    f" {earned:.0f} EUR per account, against {found:.0f} with hindsight and {everyone:+.0f} for"
    " calling all. No threshold had to be searched for that, only calibrated probabilities and"
    f" stated costs. Of few calls it makes most: the first {FEW} % bring {few_by_worth:.0f} EUR by"
    f" worth and {few_by_chance:.0f} by probability. Weights tuned on {len(dates) - 1} days led by"
    f" {before[chosen] - before[default]:,.0f} EUR there and stand at {first:+,.0f} on the next,"
    f" within chance: keep those shipped (expected euros alone: {euro:+,.0f}, within chance too)."
    f" What loses for certain is to leave money out: probability alone brings {chance:+,.0f} EUR."
    f" All of it rests on a save rate of {CAMPAIGN.save_rate:.0%} and on {HINGES_ON_WORK:.0%} of"
    " won deals hinging on the work, which only a held-out arm can measure."
)
