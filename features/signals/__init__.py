"""Families of signals: each declares aggregates and derived features, the kernel runs them."""
