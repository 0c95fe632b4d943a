"""What each feature of an account says, as little tables with their values worked out by hand.

Every account is seen on 2011-04-01, midnight UTC. ``-`` is missing. A window of 30 days holds what
is up to 30 days old, so what happened on 2011-03-02 at midnight.
"""

from __future__ import annotations

RHYTHM = (
    "How long has the account been silent, against its own rhythm? Credit notes do not count.",
    {
        # A buys at noon after 10, 20 and 30 days; B bought once; C only ever gave something back.
        "orders": """
            order_id  account_id  ordered_at        net_amount
            O-1       A           2011-01-01T12:00  100
            O-2       A           2011-01-11T12:00  100
            O-3       A           2011-01-31T12:00  100
            O-4       A           2011-03-02T12:00  100
            C-1       A           2011-03-20T00:00  -10
            O-5       B           2011-03-31T00:00  50
            C-2       C           2011-03-01T00:00  -5
        """,
    },
    """
    feature                    A       B      C
    days_since_last_order      29.5    1      -
    days_since_first_order     89.5    1      -
    usual_gap_days             20      -      -
    median_gap_days            20      -      -
    gap_spread_days            10      -      -
    longest_gap_days           30      -      -
    expected_gap_days          20      20     20
    overdue_ratio              1.475   0.05   -
    overdue_days               9.5     -19    -
    gap_irregularity           1/2     -      -
    overdue_spreads            19/30   -      -
    silence_over_longest_gap   59/60   -      -
    silence_over_active_life   59/180  1/30   -
    silence_share_of_tenure    59/179  1      -
    """,
)

RHYTHM_OF_NOBODY = (
    "Where nobody ever ordered twice there is no gap to expect.",
    {
        "orders": """
            order_id  account_id  ordered_at        net_amount
            O-1       A           2011-03-31T00:00  50
        """,
    },
    """
    feature            A
    expected_gap_days  -
    overdue_ratio      -
    overdue_days       -
    """,
)

FREQUENCY = (
    "How often does the account order, and more or less than before?",
    {
        # A ordered 29.25, 30, 31, 91, 181 and 366 days ago, twice on 2011-03-02.
        "orders": """
            order_id  account_id  ordered_at        net_amount
            O-1       A           2010-03-31T00:00  10
            O-2       A           2010-10-02T00:00  10
            O-3       A           2010-12-31T00:00  10
            O-4       A           2011-03-01T00:00  10
            O-5       A           2011-03-02T00:00  10
            O-6       A           2011-03-02T18:00  10
            C-1       B           2011-03-02T18:00  -10
        """,
    },
    """
    feature                    A      B
    orders_30d                 2      0
    orders_90d                 3      0
    orders_180d                4      0
    orders_365d                5      0
    orders_all                 6      0
    active_days_90d            2      0
    active_days_180d           3      0
    active_days_365d           4      0
    orders_per_month           30/61  -
    repeat_orders_per_quarter  75/61  -
    recent_order_share         2/3    -
    orders_change_90d          1/2    -
    orders_change_30d          3/5    -
    """,
)

SPEND = (
    "How much does the account spend, on what, and is it growing?",
    {
        # A bought for 100 (two lines), 200, 400 and 500 in a year, gave 30 back, and once bought
        # for 800 before. B has been away for 455 days. C only gave back.
        "orders": """
          order_id line_id account_id ordered_at net_amount margin_amount discount_amount product_id
          O-1      1       A          2011-03-12 60         20            10              P-1
          O-1      2       A          2011-03-12 40         10            0               P-2
          C-1      1       A          2011-02-20 -30        -9            -               P-5
          O-2      1       A          2011-02-10 200        60            0               P-1
          O-3      1       A          2010-12-02 400        100           90              P-3
          O-4      1       A          2010-07-05 500        -             -               P-3
          O-5      1       A          2010-01-01 800        -             -               P-4
          O-6      1       B          2010-01-01 91         -             -               -
          C-2      1       C          2011-03-22 -20        -             -               P-1
        """,
    },
    """
    feature                A                    B    C
    revenue_30d            100                  0    -20
    revenue_90d            270                  0    -20
    revenue_180d           670                  0    -20
    revenue_365d           1170                 0    -20
    revenue_all            1970                 91   -20
    revenue_change_90d     -13/67               -    -
    average_basket_365d    300                  -    -
    median_basket_365d     300                  -    -
    basket_spread_365d     182.57418583505537   -    -
    largest_order_365d     500                  -    -
    last_basket_ratio      1/3                  -    -
    basket_volatility      0.60858061945018457  -    -
    revenue_per_month      11820/91             6    -
    credit_note_rate_365d  1/40                 -    -
    credit_notes_180d      1                    0    1
    margin_rate_365d       181/1170             -    -
    discount_rate_365d     1/13                 -    -
    products_180d          3                    0    0
    products_all           4                    0    0
    lines_per_order_365d   5/4                  -    -
    """,
)

INVOICES = (
    "How late are invoices paid, and what is owed? A payment still to come is not known.",
    {
        # A paid the first on the fifth day after the due date, four whole days late, the second on
        # the due date itself, and pays the last on 2011-04-02.
        "invoices": """
            invoice_id  account_id  issued_at   due_date    amount  paid_at
            I-1         A           2011-01-01  2011-01-31  100     2011-02-05T00:00
            I-2         A           2011-02-01  2011-02-15  50      2011-02-15T18:00
            I-3         A           2011-03-01  2011-03-15  80      -
            I-4         A           2011-03-05  2011-04-04  30      2011-04-02T00:00
            I-5         B           2011-03-30  2011-04-29  10      -
            I-6         C           2009-01-01  2009-01-31  10      2009-02-20T00:00
        """,
    },
    """
    feature                  A    B   C
    payment_delay_days_365d  2    -   -
    unpaid_amount            110  10  0
    """,
)

INTERACTIONS = (
    "How alive is the relationship? What is resolved at midnight of the day is still open.",
    {
        "accounts": """
            account_id
            A
            B
            C
            D
        """,
        "interactions": """
          interaction_id account_id occurred_at kind direction sentiment survey_score resolved_at
          N-1            A          2010-05-01  survey    -        -     6            -
          N-2            A          2010-09-02  complaint inbound  -     -            2010-09-04
          N-3            A          2010-10-03  meeting   -        -     -            -
          N-4            A          2010-12-02  visit     -        -     -            -
          N-5            A          2011-01-01  survey    -        -     9            -
          N-6            A          2011-01-31  ticket    inbound  -     -            2011-02-01
          N-7            A          2011-02-10  complaint inbound  -0.5  -            -
          N-8            A          2011-03-02  meeting   outbound 1     -            -
          N-9            A          2011-03-12  call      inbound  0.5   -            -
          N-10           A          2011-03-22  email     outbound -     -            -
          N-11           A          2011-03-31  ticket    outbound -     -            2011-04-01
          N-12           B          2011-03-12  complaint outbound -     -            -
          N-13           C          2010-01-01  email     inbound  -     -            -
        """,
    },
    """
    feature                             A      B   C    D
    days_since_last_interaction         1      20  455  -
    days_since_last_meaningful_contact  20     -   -    -
    usual_contact_gap_days              160/3  -   -    -
    contact_overdue_ratio               3/8    -   -    -
    interactions_30d                    4      1   0    0
    interactions_90d                    7      1   0    0
    contact_change_90d                  5/9    1   -    -
    meaningful_contacts_90d             2      0   0    0
    meetings_180d                       2      0   0    0
    calls_90d                           1      0   0    0
    emails_90d                          1      0   0    0
    complaints_90d                      1      1   0    0
    complaints_365d                     2      1   0    0
    tickets_90d                         2      0   0    0
    tickets_365d                        2      0   0    0
    open_complaints                     1      1   0    0
    open_tickets                        1      0   0    0
    silence_after_complaint_days        0      20  -    -
    hours_to_resolve_365d               36     -   -    -
    last_survey_score                   9      -   -    -
    survey_change                       3/2    -   -    -
    sentiment_180d                      1/3    -   -    -
    inbound_share_90d                   3/7    0   -    -
    """,
)

CONTACTS = (
    "Whom do we know there? Who leaves at midnight of the day is still there.",
    {
        "contacts": """
            contact_id  account_id  created_at  left_at
            K-1         A           2010-01-01  -
            K-2         A           2010-01-01  2011-03-22T12:00
            K-3         A           2010-01-01  2011-04-01T00:00
            K-4         A           2011-04-02  -
            K-5         B           2010-01-01  -
        """,
    },
    """
    feature                  A    B
    active_contacts          2    1
    contacts_left            1    0
    days_since_contact_left  9.5  -
    """,
)

_STAGES = """
    stage  position  outcome
    lead   0         open
    offer  1         open
    won    2         won
    lost   3         lost
"""

ACCOUNT_DEALS = (
    "Which deals has the account open, and how did the others end? Two of four were won in all.",
    {
        "stages": _STAGES,
        "opportunities": """
            opportunity_id  account_id  created_at
            D-1             A           2011-02-01
            D-2             A           2011-02-01
            D-3             A           2011-03-01
            D-4             A           2010-01-01
            D-5             B           2011-03-15
            D-6             C           2010-06-01
        """,
        # D-5 is won at midnight of the day: not yet.
        "opportunity_history": """
            opportunity_id  changed_at  stage
            D-1             2011-02-01  lead
            D-1             2011-03-01  won
            D-2             2011-02-01  lead
            D-2             2011-03-10  lost
            D-3             2011-03-01  lead
            D-4             2010-01-01  lead
            D-4             2010-02-01  won
            D-5             2011-03-15  lead
            D-5             2011-04-01  won
            D-6             2010-06-01  lead
            D-6             2010-07-01  lost
        """,
    },
    """
    feature           A     B    C
    open_deals        1     1    0
    won_deals_365d    1     0    0
    lost_deals_365d   1     0    1
    account_win_rate  9/16  1/2  5/12
    """,
)

NOTHING_DECIDED = (
    "Without any decided deal there is no win rate to lean on.",
    {
        "stages": _STAGES,
        "opportunities": """
            opportunity_id  account_id  created_at
            D-1             A           2011-03-01
        """,
        "opportunity_history": """
            opportunity_id  changed_at  stage
            D-1             2011-03-01  lead
        """,
    },
    """
    feature           A
    open_deals        1
    account_win_rate  -
    """,
)

SPECS = {
    "rhythm": RHYTHM,
    "rhythm of nobody": RHYTHM_OF_NOBODY,
    "frequency": FREQUENCY,
    "spend": SPEND,
    "invoices": INVOICES,
    "interactions": INTERACTIONS,
    "contacts": CONTACTS,
    "deals of an account": ACCOUNT_DEALS,
    "nothing decided": NOTHING_DECIDED,
}
