"""Is the score store at the form this version of Fanal expects, and how does it get there?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from features.errors import NotReady


@dataclass(frozen=True)
class MigrationState:
    """Where a store stands.

    Attributes
    ----------
    current : str or None
        The step it is at; None for an empty store.
    head : str
        The step this version of Fanal expects.
    is_known : bool
        False when the step is not one of ours: a newer Fanal wrote the store.
    """

    current: str | None
    head: str
    is_known: bool

    @property
    def is_current(self) -> bool:
        """True when nothing is left to do."""
        return self.current == self.head


def migration_state(engine: Engine) -> MigrationState:
    """At which step is the store behind this engine? Reads only."""
    steps = ScriptDirectory.from_config(_config())
    head = steps.get_current_head() or ""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    known = {step.revision for step in steps.walk_revisions()}
    return MigrationState(current, head, current is None or current in known)


def migrate(engine: Engine) -> None:
    """Bring the store to the step this version expects, in one transaction.

    Raises
    ------
    NotReady
        SR001 when a newer Fanal wrote the store.
    """
    state = migration_state(engine)
    if not state.is_known:
        raise NotReady(
            "SR001",
            f"The score store is at step {state.current}, which this version does not know.",
            "Install the version of Fanal that wrote it, or use another FANAL_HOME.",
        )
    if state.is_current:
        return
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    # A per cent sign in the path would be read as the start of a variable.
    folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "newline")
    return config
