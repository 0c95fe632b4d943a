"""What was scored, when, from what, and by whom?

One store per home folder: SQLite in ``store.db`` with a write-ahead log, or a PostgreSQL database
named in the environment. Everything else in Fanal sees the dataclasses of ``rows.py`` only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from filelock import FileLock, Timeout
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
)
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from features.errors import NotReady
from serving.store.engine import WRITES, make_engine, write_ahead
from serving.store.migrate import MigrationState, migrate, migration_state
from serving.store.models import (
    AuditTable,
    ContextTable,
    InputTable,
    LatestTable,
    RunTable,
    ScoreTable,
)
from serving.store.rows import (
    AuditEntry,
    EntityKind,
    PreviousScore,
    Run,
    ScoredRow,
    ScoreInput,
    StoredContext,
    StoredScore,
)

CODES: Mapping[str, str] = {
    "SR001": "a newer Fanal wrote the score store",
    "SR002": "another process holds the score store's lock",
    "SR003": "the score store cannot be opened",
}
"""Every code of the store, with what it means; each has a line in docs/errors.md."""

_CHUNK = 5_000  # ids in one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535
_LOCK_SECONDS = 60
_KEY = ("portfolio", "model", "entity_kind", "entity_id")
_Item = TypeVar("_Item")


class Store:
    """The score store of one installation; made by `Store.open`, used by one process.

    Parameters
    ----------
    engine : Engine
        Where the tables lie, at the step this version expects.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**WRITES)

    @classmethod
    def open(cls, home: Path, url: str | None = None) -> Self:
        """Open the store, made or brought up to date where it must be.

        Safe when several processes start at once: one migrates, the others wait.

        Parameters
        ----------
        home : Path
            Home folder, made where it is missing.
        url : str or None
            Address of a database to use instead of ``store.db``.

        Raises
        ------
        NotReady
            SR001 when a newer Fanal wrote it, SR002 when the lock stays held for a minute, SR003
            when it cannot be opened.
        """
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            engine = make_engine(home, url)
            with FileLock(home / "store.lock", timeout=_LOCK_SECONDS):
                write_ahead(engine)
                migrate(engine)
        except Timeout:
            raise NotReady(
                "SR002", f"The score store of {home} is locked.", "Wait for the other process."
            ) from None
        except (OSError, sqlite3.Error, DBAPIError, ArgumentError, ModuleNotFoundError) as error:
            # The address may hold a password: only the kind of fault is shown.
            raise NotReady(
                "SR003",
                f"The score store of {home} cannot be opened ({type(error).__name__}).",
                "See that the folder is writable, and FANAL_STORE_URL right where it is set.",
            ) from error
        return cls(engine)

    @property
    def engine(self) -> Engine:
        """Where the other modules of the store read."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def save_run(self, run: Run) -> None:
        """Keep a run, or bring the one of the same id up to date."""
        with Session(self._writer) as session, session.begin():
            session.merge(RunTable(**{**vars(run), "counts": dict(run.counts)}))

    def runs(self, portfolio: str, *, kind: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        """Which runs were there, the latest first?"""
        wanted = [RunTable.portfolio == portfolio]
        if kind is not None:
            wanted.append(RunTable.kind == kind)
        query = select(RunTable.__table__).where(*wanted).order_by(RunTable.started_at.desc())
        with self._engine.connect() as connection:
            return tuple(Run(**row._asdict()) for row in connection.execute(query.limit(limit)))

    def save_scores(
        self, run: Run, rows: Sequence[ScoredRow], inputs: Sequence[ScoreInput] = ()
    ) -> None:
        """Keep scores of a run that is saved, and what they were made of: all of them or none.

        Parameters
        ----------
        run : Run
            The run; one score per entity and model.
        rows : sequence of ScoredRow
            The scores; 100,000 take some seconds.
        inputs : sequence of ScoreInput
            What scores of ``rows`` were made of.
        """
        shared = {"run_id": run.run_id, "portfolio": run.portfolio}
        with self._writer.begin() as connection:
            for chunk in _chunks(rows):
                connection.execute(insert(ScoreTable), [{**vars(row), **shared} for row in chunk])
                _follow(connection, [row.score_id for row in chunk])
            for part in _chunks(inputs):
                connection.execute(insert(InputTable), [{**vars(row)} for row in part])

    def previous(
        self,
        portfolio: str,
        model: str,
        entity_kind: EntityKind,
        ids: Sequence[str],
        before: date,
    ) -> dict[str, PreviousScore]:
        """What was each entity's last probability as of a day before ``before``?

        Entities without one are absent. Of several scores as of one day, the last made counts.
        """
        found: dict[str, PreviousScore] = {}
        with self._engine.connect() as connection:
            for chunk in _chunks(ids):
                ranked = _ranked(
                    ScoreTable.portfolio == portfolio,
                    ScoreTable.model == model,
                    ScoreTable.entity_kind == entity_kind,
                    ScoreTable.entity_id.in_(chunk),
                    ScoreTable.as_of < before,
                )
                for entity_id, as_of, probability in connection.execute(ranked):
                    found[entity_id] = PreviousScore(as_of, probability)
        return found

    def latest(
        self,
        portfolio: str,
        *,
        entity_kind: EntityKind | None = None,
        entity_ids: Sequence[str] | None = None,
        account_id: str | None = None,
        owner_id: str | None = None,
        model: str | None = None,
        since: date | None = None,
        limit: int | None = None,
    ) -> tuple[StoredScore, ...]:
        """What are the latest scores of a portfolio, the highest priority first?

        Parameters
        ----------
        portfolio : str
            Name of the portfolio.
        entity_kind, entity_ids, account_id, owner_id, model : optional
            Which of them; None for all. At most 30,000 ids.
        since : date or None
            Leave out entities not scored as of this day or later: they left the cohort.
        limit : int or None
            At most so many.
        """
        given = {
            LatestTable.entity_kind: entity_kind,
            LatestTable.account_id: account_id,
            LatestTable.owner_id: owner_id,
            LatestTable.model: model,
        }
        wanted = [LatestTable.portfolio == portfolio]
        wanted += [column == value for column, value in given.items() if value is not None]
        if entity_ids is not None:
            wanted.append(LatestTable.entity_id.in_(entity_ids))
        if since is not None:
            wanted.append(LatestTable.as_of >= since)
        query = (
            select(ScoreTable.__table__)
            .join(LatestTable, LatestTable.score_id == ScoreTable.score_id)
            .where(*wanted)
            .order_by(
                ScoreTable.priority.is_(None), ScoreTable.priority.desc(), ScoreTable.entity_id
            )
        )
        with self._engine.connect() as connection:
            return tuple(_stored(row) for row in connection.execute(query.limit(limit)))

    def score(self, score_id: str) -> StoredScore | None:
        """What is the score of this id? None when there is none."""
        query = select(ScoreTable.__table__).where(ScoreTable.score_id == score_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _stored(row)

    def inputs_of(self, score_id: str) -> ScoreInput | None:
        """What was this score made of? None when it was not kept."""
        query = select(InputTable.__table__).where(InputTable.score_id == score_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else ScoreInput(**row._asdict())

    def save_context(self, context: StoredContext) -> None:
        """Keep a context; one that is already there stays as it is."""
        with Session(self._writer) as session, session.begin():
            if session.get(ContextTable, context.digest) is None:
                session.add(ContextTable(**vars(context)))

    def context(self, digest: str) -> StoredContext | None:
        """What is the context of this digest? None when there is none."""
        query = select(ContextTable.__table__).where(ContextTable.digest == digest)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else StoredContext(**row._asdict())

    def record(self, entry: AuditEntry) -> None:
        """Write down who did what."""
        with self._writer.begin() as connection:
            connection.execute(insert(AuditTable), [{**vars(entry)}])

    def audit(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Who did what, the latest first?"""
        columns = (AuditTable.at, AuditTable.who, AuditTable.what, AuditTable.detail)
        query = select(*columns).order_by(AuditTable.at.desc(), AuditTable.audit_id.desc())
        with self._engine.connect() as connection:
            return tuple(AuditEntry(*row) for row in connection.execute(query.limit(limit)))


def store_state(home: Path) -> MigrationState:
    """At which step is the store of this home folder? Changes nothing in one that is there.

    Raises
    ------
    NotReady
        SR003 when it cannot be read.
    """
    engine = make_engine(home, None)
    try:
        return migration_state(engine)
    except (OSError, sqlite3.Error, DBAPIError) as error:
        raise NotReady(
            "SR003",
            f"The score store of {home} cannot be opened ({type(error).__name__}).",
            "See that store.db is readable and whole.",
        ) from error
    finally:
        engine.dispose()


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


def _ranked(*wanted: ColumnElement[bool]) -> Any:  # a SQLAlchemy query of id, day, probability
    newest = func.row_number().over(
        partition_by=ScoreTable.entity_id,
        order_by=(ScoreTable.as_of.desc(), ScoreTable.created_at.desc(), ScoreTable.score_id),
    )
    scored = (
        select(
            ScoreTable.entity_id, ScoreTable.as_of, ScoreTable.probability, newest.label("place")
        )
        .where(*wanted, ScoreTable.probability.is_not(None))
        .subquery()
    )
    return select(scored.c.entity_id, scored.c.as_of, scored.c.probability).where(
        scored.c.place == 1
    )


def _follow(connection: Connection, score_ids: Sequence[str]) -> None:
    """Point the entities of these new scores to them, unless they have a later one."""
    old = [getattr(LatestTable, name) for name in _KEY]
    new = [getattr(ScoreTable, name) for name in _KEY]
    same = [left == right for left, right in zip(old, new, strict=True)]
    is_new = ScoreTable.score_id.in_(score_ids)
    is_later = or_(
        ScoreTable.as_of > LatestTable.as_of,
        (ScoreTable.as_of == LatestTable.as_of) & (ScoreTable.created_at >= LatestTable.created_at),
    )
    overtaken = select(*new).where(is_new, *same, is_later)
    connection.execute(delete(LatestTable).where(tuple_(*old).in_(overtaken)))
    names = (*_KEY, "score_id", "account_id", "owner_id", "as_of", "created_at")
    missing = select(*(getattr(ScoreTable, name) for name in names)).where(
        is_new, ~select(LatestTable.score_id).where(*same).exists()
    )
    connection.execute(insert(LatestTable).from_select(list(names), missing))


def _stored(row: Row[Any]) -> StoredScore:  # columns of every type
    values = row._asdict()
    run_id, portfolio = values.pop("run_id"), values.pop("portfolio")
    values.update(terms=tuple(values["terms"]), reasons=tuple(values["reasons"]))
    return StoredScore(run_id, portfolio, ScoredRow(**values))
