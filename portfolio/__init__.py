"""Decisions: scored rows become priority, tiers, arbitrage, coverage, forecast, alerts and KPIs."""
