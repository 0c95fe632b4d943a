"""What does the account have under contract, until when, and is notice given?"""

from __future__ import annotations

from features.formulas import MISSING, col, maximum, ratio, where
from features.kernel import Output, State
from features.kernel import Statistic as S
from features.signals.declare import About, aggregate, derived

_SUB = "subscriptions"
_NO_END = "without a subscription that runs and has an end of term"

SIGNALS = (
    aggregate(
        "live_subscriptions", _SUB, Output(S.COUNT, state=State.OPEN),
        About("subscriptions", "contract", "SUBSCRIPTIONS", "subscriptions that run", churn=-1,
              is_actionable=True),
    ),
    aggregate("_known_mrr", _SUB, Output(S.SUM, "mrr_amount", state=State.OPEN)),
    aggregate("_amounts", _SUB, Output(S.COUNT, "mrr_amount", state=State.OPEN)),
    derived(
        "mrr", _SUB,
        where(col("live_subscriptions") > 0.0,
              where(col("_amounts") > 0.0, col("_known_mrr"), MISSING), col("_known_mrr")),
        About("currency", "contract", "SUBSCRIPTIONS", "monthly amount under contract", churn=-1,
              missing="when no amount of the subscriptions that run is known"),
    ),
    aggregate("_mrr_change_180d", "mrr_moves", Output(S.SUM, "mrr", window_days=180), table=_SUB),
    derived(
        "mrr_change_180d", _SUB,
        ratio(col("_mrr_change_180d"), maximum(col("mrr"), col("mrr") - col("_mrr_change_180d"))),
        About("share", "contract", "MRR_TREND",
              "change of the monthly amount over 180 days, as a share of the larger one", churn=-1,
              is_actionable=True, missing="without a monthly amount on either day"),
    ),
    aggregate(
        "upgrades", _SUB, Output(S.RISES, "mrr_amount"),
        About("upgrades", "contract", "MRR_TREND",
              "how often a new subscription was larger than the one before", churn=-1),
    ),
    aggregate(
        "downgrades", _SUB, Output(S.FALLS, "mrr_amount"),
        About("downgrades", "contract", "MRR_TREND",
              "how often a new subscription was smaller than the one before", churn=1),
    ),
    aggregate(
        "subscription_tenure_days", _SUB, Output(S.AGE_FIRST),
        About("days", "contract", "CONTRACT_TENURE", "days since the first subscription began",
              churn=-1, missing="without any subscription"),
    ),
    aggregate("_next_term_end_day", _SUB, Output(S.MIN, "term_end_day", state=State.OPEN)),
    derived(
        "days_to_renewal", _SUB, col("_next_term_end_day") - col("_as_of_day"),
        About("days", "contract", "RENEWAL", "days until the next term ends (negative: past)",
              is_actionable=True, missing=_NO_END),
    ),
    aggregate(
        "notices_given", "notices", Output(S.COUNT, state=State.OPEN),
        About("notices", "contract", "NOTICE", "notices given on subscriptions that still run",
              churn=1, is_actionable=True), table=_SUB,
    ),
)  # fmt: skip
