from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from features.errors import NotReady
from serving.store.engine import make_engine
from serving.store.migrate import MigrationState, _config, migrate, migration_state
from serving.store.models import Base


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = make_engine(tmp_path, None)
    yield engine
    engine.dispose()


def test_an_empty_store_is_brought_to_the_form_of_the_models(engine: sa.Engine) -> None:
    assert migration_state(engine) == MigrationState(None, "0001", True)
    migrate(engine)
    assert migration_state(engine) == MigrationState("0001", "0001", True)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert sorted(sa.inspect(connection).get_table_names()) == [
            "alembic_version", "audit", "contexts", "inputs", "latest_scores", "runs", "scores",
        ]  # fmt: skip


def test_migrating_twice_changes_nothing(engine: sa.Engine) -> None:
    migrate(engine)
    migrate(engine)
    assert migration_state(engine).is_current


def test_a_migration_that_breaks_off_leaves_nothing_behind(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE scores (here_before TEXT)"))
    with pytest.raises(sa.exc.OperationalError, match="already exists"):
        migrate(engine)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["scores"]


def test_a_store_of_a_newer_version_is_left_alone(engine: sa.Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotReady, match=r"SR001.*9999") as caught:
        migrate(engine)
    assert caught.value.exit_code == 2


def test_the_steps_form_one_line_and_can_be_taken_back(engine: sa.Engine) -> None:
    assert len(ScriptDirectory.from_config(_config()).get_heads()) == 1
    migrate(engine)
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]


def test_every_table_can_be_made_on_postgresql() -> None:
    dialect = postgresql.dialect()
    made = [str(CreateTable(t).compile(dialect=dialect)) for t in Base.metadata.sorted_tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in Base.metadata.sorted_tables
        for index in table.indexes
    ]
    scores = next(text for text in made if "CREATE TABLE scores" in text)
    assert "probability DOUBLE PRECISION" in scores
    assert "terms JSON NOT NULL" in scores
    assert "created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL" in scores
    assert (len(made), len(indexes)) == (6, 6)
    # PostgreSQL cuts longer names, and then no migration finds them again.
    named = [index.name for table in Base.metadata.tables.values() for index in table.indexes]
    assert max(len(str(name)) for name in named) <= 63
