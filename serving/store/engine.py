"""How is the database of the score store reached, on SQLite and on PostgreSQL?"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

WRITES = {"is_write": True}
"""Execution options of a connection that will write: its transaction takes the lock at once."""

_WAIT_SECONDS = 30


def make_engine(home: Path, url: str | None) -> Engine:
    """Reach the store in the home folder, or at a database address. Connects to nothing yet.

    Parameters
    ----------
    home : Path
        Home folder, which holds ``store.db``.
    url : str or None
        SQLAlchemy address of another database (``postgresql+psycopg://...``); None for the file.
    """
    # PostgreSQL refuses NaN in JSON, so no database gets it; one encoder for all rows is faster.
    plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    if url is not None:
        return create_engine(url, json_serializer=plain, pool_pre_ping=True)
    engine = create_engine(
        URL.create("sqlite", database=str(home / "store.db")),
        json_serializer=plain,
        connect_args={"timeout": _WAIT_SECONDS},
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def write_ahead(engine: Engine) -> None:
    """Let readers and one writer of a SQLite file work side by side; kept in the file for good."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # Python's own handling commits before each CREATE TABLE: a migration could stay half done.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _on_begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another wrote in between.
    is_write = connection.get_execution_options().get("is_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
