"""The score store: runs, scores, their inputs, contexts and the audit, in SQLite or PostgreSQL."""
