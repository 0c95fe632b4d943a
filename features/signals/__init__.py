"""Families of signals: each module declares aggregates and derived features, the kernel runs them."""
