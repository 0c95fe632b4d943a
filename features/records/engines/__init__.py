"""Engines: bring each account's rows together, bucket by bucket, for the one kernel."""
