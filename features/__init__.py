"""Signals: records of a B2B portfolio become one point-in-time feature row per account or deal."""
