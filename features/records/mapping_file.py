"""What does a mapping file say, and which mappings ship with the product?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from features.errors import SettingsError
from features.records.declared import PortfolioSection, read_toml

_SHIPPED = Path(__file__).with_name("mappings")
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class SourceMapping(BaseModel):
    """Files that hold one source.

    Attributes
    ----------
    path : str
        Path or glob, relative to the mapping file.
    sheet : str or None
        Sheet of a spreadsheet; default: the first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    sheet: str | None = None


class TableMapping(BaseModel):
    """Where the rows of one table come from: a source and its expressions, or a query.

    Attributes
    ----------
    source : str or None
        ``from``: name of a source.
    where : str or None
        SQL condition on the rows of the source.
    columns : mapping of str to str
        SQL expression of each column of the contract.
    query : str or None
        A whole SQL query over the sources, in place of the three others.
    distinct : bool
        True to merge rows that are identical in all columns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = Field(default=None, alias="from")
    where: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    query: str | None = None
    distinct: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        parts = self.source is not None and bool(self.columns)
        others = self.source is not None or bool(self.columns) or self.where is not None
        if (self.query is not None and others) or (self.query is None and not parts):
            raise PydanticCustomError("PF004", "give either from and columns, or query")
        return self


class AuditMapping(BaseModel):
    """Rows of a source with their outcome, which `fanal check` alone reads.

    A current-state export carries the outcome into the past, so no model may read it; but it shows
    which of the other columns tell the outcome.

    Attributes
    ----------
    source : str
        ``from``: name of a source.
    outcome : str
        SQL expression of what became of the row: ``open``, or what it ended as.
    where : str or None
        SQL condition on the rows of the source.
    leave_out : tuple of str
        Columns of the source that are the outcome itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(alias="from")
    outcome: str
    where: str | None = None
    leave_out: tuple[str, ...] = ()


class Mapping(BaseModel):
    """A whole mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    portfolio: PortfolioSection
    sources: dict[_Name, str | SourceMapping]
    tables: dict[str, TableMapping]
    audit: dict[_Name, AuditMapping] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sources_are_there(self) -> Self:
        named = {f"tables.{name}": table.source for name, table in self.tables.items()}
        named |= {f"audit.{name}": audit.source for name, audit in self.audit.items()}
        for place, source in named.items():
            if source is not None and source not in self.sources:
                raise PydanticCustomError(
                    "PF008",
                    "{place}.from names no source; [sources] has {sources}",
                    {"place": place, "sources": ", ".join(self.sources) or "none"},
                )
        return self

    def source(self, name: str) -> SourceMapping:
        """Which files hold this source?"""
        source = self.sources[name]
        return SourceMapping(path=source) if isinstance(source, str) else source


def read_mapping(path: Path) -> Mapping:
    """What does this mapping file say?

    Parameters
    ----------
    path : Path
        A TOML file.

    Raises
    ------
    SettingsError
        PF001 to PF006 and PF008; an unknown key is named with the keys allowed in its place.
    """
    return read_toml(path, Mapping)


def shipped_mappings() -> tuple[str, ...]:
    """Which mappings ship with the product, by name?"""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.toml")))


def resolve_mapping(name_or_path: str) -> Path:
    """Which file is meant: the one at this path, or the shipped mapping of this name?

    Raises
    ------
    SettingsError
        PF008 when it is neither.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    if name_or_path in shipped_mappings():
        return _SHIPPED / f"{name_or_path}.toml"
    raise SettingsError(
        "PF008",
        f"{name_or_path} is neither a file nor a shipped mapping.",
        f"Shipped: {', '.join(shipped_mappings())}.",
    )
