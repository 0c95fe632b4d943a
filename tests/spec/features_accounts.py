"""What each feature of an account says, as little tables with their values worked out by hand.

Every account is seen on 2011-04-01, midnight UTC. ``-`` is missing; ``~`` stands before a value
that an optimiser found, good to four digits (worked out apart, by Nelder-Mead). A window of 30 days
holds what is up to 30 days old, so what happened on 2011-03-02 at midnight.
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
    bgnbd_frequency            3       0      0
    bgnbd_recency_days         60      0      -
    bgnbd_p_alive              ~0.9667 1      -
    bgnbd_orders_90d           ~2.8854 ~2.9708 -
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
    active_days_30d            1      0
    active_days_90d            2      0
    active_days_180d           3      0
    active_days_365d           4      0
    orders_per_month           30/61  -
    repeat_orders_per_quarter  75/61  -
    recent_order_share         2/3    -
    orders_change_90d          1/2    -
    orders_change_30d          3/5    -
    orders_change_180d         3/5    -
    active_days_change_90d     1/3    -
    """,
)

SEASON = (
    "What did the account do a year ago, around this day and in the 90 days after it?",
    {
        # A ordered 411, 410, 365, 321, 320, 276 and 275 days ago, B 366 and C 365 days ago.
        "orders": """
            order_id  account_id  ordered_at  net_amount
            O-1       A           2010-02-14  10
            O-2       A           2010-02-15  10
            O-3       A           2010-04-01  10
            O-4       A           2010-05-15  10
            O-5       A           2010-05-16  10
            O-6       A           2010-06-29  10
            O-7       A           2010-06-30  10
            O-8       B           2010-03-31  10
            O-9       C           2010-04-01  10
        """,
    },
    """
    feature             A  B  C
    orders_same_season  3  -  -
    orders_next_season  4  0  -
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
    revenue_change_180d    17/117               -    -
    basket_slope_365d      -17100/373           -    -
    margin_365d            181                  -    -
    top_product_share_365d 3/4                  -    -
    """,
)

CATEGORIES = (
    "Which lines of our range does the account buy, drop and take up? Nobody has listed P-9.",
    {
        "products": """
            product_id  category
            P-1         paint
            P-2         paint
            P-3         tools
            P-4         wood
            P-5         glass
        """,
        "orders": """
            order_id  line_id  account_id  ordered_at  net_amount  product_id
            O-1       1        A           2010-01-01  10          P-4
            O-2       1        A           2010-07-05  10          P-5
            O-2       2        A           2010-07-05  10          P-3
            O-3       1        A           2010-12-02  10          P-3
            O-4       1        A           2011-03-12  10          P-1
            O-4       2        A           2011-03-12  10          P-2
            O-4       3        A           2011-03-12  10          P-9
            C-1       1        B           2011-03-12  -10         P-1
        """,
    },
    """
    feature                  A  B
    categories_180d          2  0
    dropped_categories_180d  1  0
    new_categories_180d      1  0
    """,
)

SIZE = (
    "How large is the account, and how much of what it needs does it buy from us?",
    {
        "accounts": """
            account_id  wallet_revenue  potential_revenue  employees
            A           1000            500                20
            B           -               -                  -
        """,
        # What is told on the day itself is not known yet.
        "account_history": """
            account_id  changed_at  field           value
            A           2011-02-01  wallet_revenue  800
            A           2011-03-01  employees       25
            A           2011-04-01  employees       30
            B           2011-02-01  employees       unknown
            B           2011-03-01  employees       inf
        """,
        "orders": """
            order_id  account_id  ordered_at  net_amount
            O-1       A           2011-03-01  200
            O-2       B           2011-03-01  200
        """,
    },
    """
    feature             A    B
    employees           25   -
    share_of_wallet     1/4  -
    share_of_potential  2/5  -
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
    late_invoice_share_365d  1/2  -   -
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
    last_sentiment                      1/2    -   -    -
    days_since_last_survey              90     -   -    -
    """,
)

ANSWERS = (
    "Does the account take up what we send? What came of N-9 is settled on 2011-04-05 only.",
    {
        "accounts": """
            account_id
            A
            B
        """,
        "interactions": """
        interaction_id account_id occurred_at kind direction outcome contact_id resolved_at
        N-1            A          2010-09-01  visit           -        -             K-4 -
        N-2            A          2010-11-01  visit           outbound -             K-1 -
        N-3            A          2010-12-15  web             inbound  -             -   -
        N-4            A          2011-01-15  web             inbound  -             -   -
        N-5            A          2011-02-15  proposal_viewed inbound  -             -   -
        N-6            A          2011-03-15  proposal_viewed inbound  -             -   -
        N-7            A          2011-01-10  email           outbound answered      K-2 -
        N-8            A          2011-02-01  call            outbound objection     K-2 -
        N-9            A          2011-02-10  ticket          outbound answered      K-3 2011-04-05
        N-10           A          2010-05-01  campaign        outbound clicked       -   -
        N-11           A          2010-12-01  campaign        outbound -             -   -
        N-12           A          2010-06-01  campaign        outbound interested    -   -
        N-13           A          2011-03-01  email           inbound  buying_signal K-2 -
        N-14           A          2010-11-20  ticket          inbound  -             -   -
        N-15           A          2010-12-20  ticket          inbound  -             -   -
        N-16           A          2010-08-01  complaint       inbound  -             -   -
        N-17           A          2010-07-01  complaint       inbound  objection     -   2010-08-01
        """,
        "orders": """
            order_id  account_id  ordered_at  net_amount
            O-1       A           2010-06-01  10
            O-2       A           2010-07-01  10
            O-3       A           2010-08-01  10
            O-4       A           2010-09-01  10
        """,
    },
    """
    feature                      A     B
    visits_180d                  1     0
    web_visits_90d               1     0
    proposals_viewed_30d         1     0
    proposals_viewed_90d         2     0
    people_spoken_to_180d        3     0
    objections_180d              1     0
    buying_signals_180d          1     0
    response_rate_180d           1/5   -
    campaign_response_rate_365d  2/3   -
    complaints_per_order_365d    1/2   -
    tickets_change_90d           -1/3  -
    """,
)

SUBSCRIPTIONS = (
    "What is under contract? B's ends at midnight of the day and still runs; D's is to begin.",
    {
        "subscriptions": """
            subscription_id account_id start_date term_end_date mrr_amount cancelled_at ended_at
            S-1             A          2010-01-01 2010-12-31    100        -            2010-12-31
            S-2             A          2011-01-01 2011-12-31    150        -            -
            S-3             A          2011-02-01 2011-05-01    50         2011-03-01   -
            S-5             B          2010-06-01 2011-03-31    80         2010-09-01   2011-04-01
            S-6             C          2010-01-01 2010-12-31    30         2010-02-01   2010-03-01
            S-7             D          2011-05-01 2012-04-30    30         -            -
        """,
    },
    """
    feature                   A    B    C    D
    live_subscriptions        2    1    0    0
    mrr                       200  80   0    0
    mrr_change_180d           1/2  0    -    -
    upgrades                  1    0    0    0
    downgrades                1    0    0    0
    subscription_tenure_days  455  304  455  -
    days_to_renewal           30   -1   -    -
    notices_given             1    1    0    0
    """,
)

PEERS = (
    "Where does the account stand among its like? D, alone in its segment, left; C has no group.",
    {
        "accounts": """
            account_id  segment  country  parent_account_id
            A           small    FR       G
            B           small    DE       G
            C           small    FR       -
            D           large    FR       H
        """,
        # In a year A bought for 300, B for 100, C for 120, D for 70. A, B and D were active a
        # horizon ago; of all three, one left.
        "orders": """
            order_id  account_id  ordered_at  net_amount
            O-1       A           2010-12-01  100
            O-2       A           2011-02-01  100
            O-3       A           2011-03-01  100
            O-4       B           2010-10-15  50
            O-5       B           2011-03-15  50
            O-6       C           2011-01-15  40
            O-7       C           2011-01-16  40
            O-8       C           2011-01-17  40
            O-9       D           2010-08-01  70
        """,
    },
    """
    feature                      A      B      C      D
    revenue_position_in_segment  0.9    0      0.5    -
    revenue_position_in_country  0.9    0.9    0      0
    segment_churn_rate           10/33  10/33  10/33  23/63
    country_churn_rate           23/66  20/63  23/66  23/66
    orders_to_peers              1      2/3    1      -
    group_accounts               2      2      -      1
    group_revenue_365d           400    400    -      70
    group_active_share           1      1      -      0
    """,
)

NOBODY_ACTIVE = (
    "Where nobody has bought for long, there are no peers and nobody to have left.",
    {
        "accounts": """
            account_id  segment  country
            A           small    FR
        """,
        "orders": """
            order_id  account_id  ordered_at  net_amount
            O-1       A           2010-01-01  10
        """,
    },
    """
    feature                      A
    revenue_position_in_segment  -
    revenue_position_in_country  -
    segment_churn_rate           -
    country_churn_rate           -
    """,
)

GROUP_WITHOUT_ORDERS = (
    "What a group buys is not known, rather than nothing, where there are no orders.",
    {
        "accounts": """
            account_id  parent_account_id
            A           G
        """,
    },
    """
    feature             A
    group_accounts      1
    group_revenue_365d  -
    group_active_share  -
    """,
)

EVENTS = (
    "What happened at the account lately? What happens on the day itself is not known yet.",
    {
        "accounts": """
            account_id
            A
            B
        """,
        "account_events": """
            account_id  occurred_at  kind
            A           2010-01-01   project
            A           2010-09-01   growth
            A           2010-12-01   move
            A           2011-03-01   funding
            A           2011-04-01   growth
        """,
    },
    """
    feature                   A   B
    account_events_90d        1   0
    growth_events_365d        2   0
    change_events_180d        1   0
    days_since_account_event  31  -
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

NOBODY_NOTED = (
    "Where nobody notes who left, everybody is taken to be there, and who left is not known.",
    {
        "contacts": """
            contact_id  account_id  created_at
            K-1         A           2010-01-01
            K-2         A           2010-01-01
        """,
    },
    """
    feature                  A
    active_contacts          2
    contacts_left            -
    days_since_contact_left  -
    """,
)

UNPRICED = (
    "What does a subscription of an unknown amount come to? Not to nothing; what is known of A's"
    " two counts, and D's has ended.",
    {
        "subscriptions": """
            subscription_id account_id start_date mrr_amount ended_at
            S-1             A          2011-01-01 -          -
            S-2             A          2010-01-01 40         -
            S-3             B          2010-01-01 -          -
            S-4             B          2010-01-01 30         2011-01-01
            S-5             C          2010-01-01 0          -
            S-6             D          2010-01-01 -          2011-01-01
        """,
    },
    """
    feature             A   B  C  D
    live_subscriptions  2   1  1  0
    mrr                 40  -  0  0
    mrr_change_180d     0   -  -  -
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
    "season": SEASON,
    "spend": SPEND,
    "categories": CATEGORIES,
    "size": SIZE,
    "invoices": INVOICES,
    "interactions": INTERACTIONS,
    "answers": ANSWERS,
    "contacts": CONTACTS,
    "nobody noted": NOBODY_NOTED,
    "subscriptions": SUBSCRIPTIONS,
    "unpriced": UNPRICED,
    "peers": PEERS,
    "nobody active": NOBODY_ACTIVE,
    "group without orders": GROUP_WITHOUT_ORDERS,
    "events": EVENTS,
    "deals of an account": ACCOUNT_DEALS,
    "nothing decided": NOTHING_DECIDED,
}
