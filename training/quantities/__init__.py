"""How long will a deal take, and how much will an account bring in?

Beside `churn` and `close`, which give a probability of one outcome, stand `duration` and `value`,
which give distributions: their ladders, back-tests and gates.
"""
