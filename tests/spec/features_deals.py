"""What each feature of a deal says, as little tables with their values worked out by hand.

Every deal is seen on 2011-04-01, midnight UTC, with win rates over a horizon of 90 days. ``-`` is
missing.
"""

from __future__ import annotations

_STAGES = """
    stage  position  outcome
    lead   0         open
    offer  1         open
    won    2         won
    lost   3         lost
"""

# Two deals of H have matured: M-1, of U, was won after 20 days; M-2, of V, lost after 40.
_DEALS = """
    opportunity_id  account_id  created_at  source  product_id  competitor  kind
    M-1             H           2010-06-01  web     P-1         -  new
    M-2             H           2010-06-01  fair    P-2         Acme  renewal
    X-1             A           2011-03-02  web     P-1         Acme  new
    X-2             A           2011-03-30  fair    -           -  -
    X-3             A           2011-03-30  -       -           -  -
    X-4             Z           2011-03-30  -       -           -  -
"""

_HISTORY = """
    opportunity_id  changed_at  stage    amount  expected_close_date  owner_id
    M-1             2010-06-01  lead     -       -                    U
    M-1             2010-06-21  won      -       -                    U
    M-2             2010-06-01  lead     -       -                    V
    M-2             2010-06-11  offer    -       -                    V
    M-2             2010-07-11  lost     -       -                    V
    X-1             2011-03-02  lead     100     2011-03-20           U
    X-1             2011-03-12  offer    120     2011-03-25           U
    X-1             2011-03-17  lead     120     2011-03-30           V
    X-1             2011-03-22  offer    150     2011-03-30           V
    X-2             2011-03-30  mystery  -       -                    -
    X-3             2011-03-30  lead     -       -                    V
    X-4             2011-03-30  lead     -       -                    -
"""

_ORDERS = """
    order_id  account_id  ordered_at  net_amount
    O-1       A           2011-01-22  300
    O-2       A           2011-02-01  300
"""

# What came of T-4 is settled on 2011-04-05 only.
_TALK = """
  interaction_id account_id opportunity_id occurred_at kind outcome duration_minutes resolved_at survey_score
  T-1            A          X-1            2011-03-02  call    objection     30  -          -
  T-4            A          X-1            2011-03-20  ticket  objection     5   2011-04-05 -
  T-2            A          X-1            2011-03-22  meeting buying_signal 60  -          -
  T-5            A          X-1            2011-03-25  call    objection     15  -          -
  T-3            A          X-1            2011-03-27  email   -             -   -          -
  T-6            A          X-2            2011-03-31  email   -             -   -          -
  N-1            A          -              2011-03-01  survey  -             -   -          8
"""  # noqa: E501

_ALL = {
    "stages": _STAGES,
    "opportunities": _DEALS,
    "opportunity_history": _HISTORY,
    "orders": _ORDERS,
    "interactions": _TALK,
}

STAGE = (
    "Where does the deal stand, and how does it move? X-2 is in a stage nobody has listed.",
    _ALL,
    """
    feature                   X-1    X-2
    stage_position            1      -
    highest_stage_position    1      -
    stage_win_rate            20/63  1/3
    stage_age_days            10     2
    days_since_last_move      10     2
    usual_stage_age_days      17.5   -
    stage_age_ratio           4/7    -
    moves                     4      1
    moves_7d                  0      1
    moves_30d                 4      1
    stage_setbacks            1      0
    stages_seen               2      1
    owners_seen               2      0
    mean_move_gap_days        20/3   -
    deal_age_days             30     2
    days_past_expected_close  2      -
    close_date_postponements  2      0
    days_to_quarter_end       91     91
    amount                    150    -
    amount_change             1/2    -
    amount_changes            2      0
    amount_to_basket          1/2    -
    weekday                   4      4
    expected_close_shift_days 10     -
    amount_cuts               0      0
    """,
)

STANDING = (
    "How long has the deal been in its stage? Putting off the close moves no stage, and coming back"
    " to a stage begins anew.",
    {
        "stages": _STAGES,
        "opportunities": """
            opportunity_id  account_id  created_at
            M-1             H           2010-06-01
            X-1             A           2011-01-01
            X-2             A           2011-01-01
        """,
        # Stays: lead 20 (M-1), 31 and 39 days; offer 10 (M-1) and 31.
        # Entries matured: M-1's two, both won in time, X-1's into lead and X-2's into offer.
        "opportunity_history": """
            opportunity_id  changed_at  stage  amount  expected_close_date
            M-1             2010-06-01  lead   100     2010-09-01
            M-1             2010-06-11  lead   200     2010-09-01
            M-1             2010-06-21  offer  200     2010-09-01
            M-1             2010-07-01  won    200     2010-09-01
            X-1             2011-01-01  lead   100     2011-03-01
            X-1             2011-02-01  offer  100     2011-03-01
            X-1             2011-03-01  offer  100     2011-04-01
            X-1             2011-03-22  offer  100     2011-05-01
            X-2             2011-01-01  offer  100     2011-03-01
            X-2             2011-02-01  lead   100     2011-03-01
            X-2             2011-03-12  offer  100     2011-03-01
        """,
    },
    """
    feature               X-1     X-2
    stage_age_days        59      20
    days_since_last_move  10      20
    usual_stage_age_days  20.5    20.5
    stage_age_ratio       118/41  40/41
    stage_win_rate        1/2     1/2
    """,
)

HAGGLING = (
    "How often was the amount cut, and do we talk more or less than the month before?",
    {
        "stages": _STAGES,
        "opportunities": """
            opportunity_id  account_id  created_at
            X-1             A           2011-01-01
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage  amount  expected_close_date
            X-1             2011-01-01  lead   100     2011-03-31
            X-1             2011-02-01  lead   80      -
            X-1             2011-03-01  lead   90      2011-03-21
            X-1             2011-03-02  lead   60      -
        """,
        "interactions": """
            interaction_id  account_id  opportunity_id  occurred_at  kind
            T-1             A           X-1             2011-01-30   call
            T-2             A           X-1             2011-01-31   call
            T-3             A           X-1             2011-03-01   call
            T-4             A           X-1             2011-03-02   call
        """,
    },
    """
    feature                    X-1
    amount_cuts                2
    amount_changes             3
    expected_close_shift_days  -10
    deal_activity_change_30d   -1/3
    """,
)

TALK = (
    "Who talks about the deal, and what did they say?",
    _ALL,
    """
    feature                            X-1   X-2  X-3
    deal_interactions                  5     1    0
    deal_interactions_7d               2     1    0
    deal_interactions_30d              5     1    0
    days_since_deal_interaction        5     1    -
    deal_calls                         2     0    0
    deal_calls_14d                     1     0    0
    days_since_deal_call               7     -    -
    deal_meetings                      1     0    0
    deal_talk_minutes                  110   0    0
    deal_talk_minutes_14d              80    0    0
    longest_talk_minutes               60    -    -
    days_since_first_deal_interaction  30    1    -
    mean_deal_contact_gap_days         25/4  -    -
    buying_signals                     1     0    0
    objections                         2     0    0
    deal_activity_change_30d           1     1    -
    """,
)

RECORD = (
    "How did deals like this one end? A rate leans on the one of all deals like 20 more.",
    _ALL,
    """
    feature              X-1    X-2
    owner_win_rate       10/21  1/2
    owner_open_deals     2      2
    product_win_rate     11/21  1/2
    source_win_rate      11/21  10/21
    competitor_win_rate  10/21  1/2
    kind_win_rate        11/21  1/2
    """,
)

ITS_ACCOUNT = (
    "What of its account does a deal's row carry? Z never bought and never spoke to us.",
    _ALL,
    """
    feature                                     X-1  X-4
    account_days_since_last_order               59   -
    account_overdue_ratio                       5.9  -
    account_orders_365d                         2    0
    account_revenue_365d                        600  0
    account_average_basket_365d                 300  -
    account_days_since_last_meaningful_contact  7    -
    account_interactions_90d                    7    0
    account_complaints_365d                     0    0
    account_open_complaints                     0    0
    account_last_survey_score                   8    -
    account_win_rate                            1/2  1/2
    account_open_deals                          3    1
    """,
)

NOTHING_MATURED = (
    "Before any deal has matured there are no rates, and before one has left a stage no usual age.",
    {
        "stages": _STAGES,
        "opportunities": """
            opportunity_id  account_id  created_at
            X-1             A           2011-03-02
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage  owner_id
            X-1             2011-03-02  lead   V
        """,
    },
    """
    feature               X-1
    stage_win_rate        -
    usual_stage_age_days  -
    stage_age_ratio       -
    owner_win_rate        -
    owner_open_deals      1
    product_win_rate      -
    source_win_rate       -
    competitor_win_rate   -
    kind_win_rate         -
    account_win_rate      -
    """,
)

NOTHING_DATED = (
    "A deal without a dated stage does not stand anywhere. X-1 changed a day ago, X-2 never.",
    {
        "stages": _STAGES,
        "opportunities": """
            opportunity_id  account_id  created_at
            X-1             A           2011-03-02
            X-2             A           2011-03-02
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage
            X-1             2011-03-31  lead
        """,
    },
    """
    feature               X-1  X-2
    stage_age_days        1    -
    days_since_last_move  1    -
    stage_position        0    -
    moves                 1    0
    """,
)

SPECS = {
    "stage": STAGE,
    "standing": STANDING,
    "haggling": HAGGLING,
    "talk": TALK,
    "record": RECORD,
    "its account": ITS_ACCOUNT,
    "nothing matured": NOTHING_MATURED,
    "nothing dated": NOTHING_DATED,
}
STATIC = (
    "accounts.segment", "accounts.country", "accounts.parent_account_id",
    "accounts.wallet_revenue", "accounts.potential_revenue", "accounts.employees",
    "opportunities.kind", "opportunities.product_id", "opportunities.source",
    "opportunities.competitor",
)  # fmt: skip
