"""Which tables does the score store have?

Types and statements are those that SQLite and PostgreSQL share; instants lie in UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = Any  # any JSON value; its form belongs to who writes it


class UtcInstant(TypeDecorator[datetime]):
    """An instant: aware outside, without zone and in UTC inside, alike on every database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into UTC without zone.

        Raises
        ------
        ValueError
            When the instant is naive: which zone it means is not for the store to guess.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive instant cannot be stored: {value}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn what is stored into an aware instant in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Root of the tables; constraints carry stated names so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (the name and form are SQLAlchemy's)
        str: Text,
        float: Double,
        date: Date,
        datetime: UtcInstant,
        Json: JSON,
    }


class RunTable(Base):
    """One row per run."""

    __tablename__ = "runs"
    __table_args__ = (Index(None, "portfolio", "kind", "started_at"),)

    run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    portfolio: Mapped[str]
    kind: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    as_of: Mapped[date | None]
    fanal_version: Mapped[str] = mapped_column(String(64))
    counts: Mapped[Json] = mapped_column(JSON)


class ScoreTable(Base):
    """One row per run, entity and model."""

    __tablename__ = "scores"
    __table_args__ = (
        UniqueConstraint("run_id", "entity_kind", "entity_id", "model"),
        Index(None, "portfolio", "model", "entity_kind", "entity_id", "as_of"),
    )

    score_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"))
    portfolio: Mapped[str]
    entity_kind: Mapped[str] = mapped_column(String(16))
    entity_id: Mapped[str]
    account_id: Mapped[str]
    model: Mapped[str] = mapped_column(String(32))
    as_of: Mapped[date]
    created_at: Mapped[datetime]
    data_as_of: Mapped[datetime]
    probability: Mapped[float | None]
    margin: Mapped[float | None]
    grade: Mapped[str | None] = mapped_column(String(1))
    trend: Mapped[str | None] = mapped_column(String(8))
    previous: Mapped[float | None]
    rung: Mapped[str | None] = mapped_column(String(32))
    horizon_days: Mapped[int | None]
    priority: Mapped[float | None]
    expected_amount: Mapped[float | None]
    action: Mapped[str | None] = mapped_column(String(32))
    terms: Mapped[Json] = mapped_column(JSON)
    reasons: Mapped[Json] = mapped_column(JSON)
    status: Mapped[str | None] = mapped_column(String(32))
    is_stale: Mapped[bool]
    model_version: Mapped[str | None]
    model_digest: Mapped[str | None]
    feature_set_version: Mapped[str | None]
    context_version: Mapped[str | None]
    owner_id: Mapped[str | None]
    segment: Mapped[str | None]


class LatestTable(Base):
    """Which score is an entity's latest: by as_of_date, then by when it was scored.

    Kept beside the scores because a worklist must not rank a year of history to find it.
    """

    __tablename__ = "latest_scores"
    __table_args__ = (
        Index(None, "portfolio", "owner_id"),
        Index(None, "portfolio", "account_id"),
    )

    portfolio: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(String(32), primary_key=True)
    entity_kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    entity_id: Mapped[str] = mapped_column(primary_key=True)
    score_id: Mapped[str] = mapped_column(ForeignKey("scores.score_id"))
    account_id: Mapped[str]
    owner_id: Mapped[str | None]
    as_of: Mapped[date]
    created_at: Mapped[datetime]


class InputTable(Base):
    """What a score was made of."""

    __tablename__ = "inputs"

    score_id: Mapped[str] = mapped_column(ForeignKey("scores.score_id"), primary_key=True)
    features: Mapped[Json] = mapped_column(JSON)
    records: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    records_digest: Mapped[str | None] = mapped_column(String(64))


class ContextTable(Base):
    """Contexts by digest."""

    __tablename__ = "contexts"
    __table_args__ = (Index(None, "portfolio", "model", "as_of"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    portfolio: Mapped[str]
    model: Mapped[str] = mapped_column(String(32))
    as_of: Mapped[date]
    body: Mapped[Json] = mapped_column(JSON)


class AuditTable(Base):
    """Who did what, in the order it was done."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "at"),)

    audit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    detail: Mapped[Json] = mapped_column(JSON)
