"""What does a hand-written TOML file of the records room declare, and what is wrong with it?

``portfolio.toml`` and mapping files open alike: name, currency, zone, static attributes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.numbers import list_currencies
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from features.errors import SettingsError
from features.records.contract import TABLES

CODES: Mapping[str, str] = {
    "PF001": "a portfolio folder or a file of it is missing",
    "PF002": "a file that is not TOML",
    "PF003": "a key that the file may not have",
    "PF004": "a value is missing, or not of the type wanted",
    "PF005": "a time zone that nobody knows",
    "PF006": "a currency that is not in ISO 4217",
    "PF007": "the output folder holds something that is not a portfolio",
    "PF009": "data_as_of lies in the future",
    "PF008": "a mapping that names a source or a shipped mapping that is not there",
}
"""Every code of a wrong portfolio or mapping file; each has a line in docs/errors.md."""

Model = TypeVar("Model", bound=BaseModel)


def is_portfolio_name(value: str) -> bool:
    """Tell whether this can name a portfolio: it becomes a folder, and part of a model's name."""
    return (
        bool(value.strip())
        and value.isprintable()
        and not value.startswith(".")
        and not set(value) & set("/\\:")
    )


def _name(value: str) -> str:
    if not is_portfolio_name(value):
        raise PydanticCustomError("PF004", "a name has letters, and none of / \\ :")
    return value


def _currency(value: str) -> str:
    if value not in list_currencies():
        raise PydanticCustomError("PF006", "write an ISO 4217 code, such as EUR, GBP or USD")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError(
            "PF005", "write an IANA zone, such as Europe/Paris or UTC"
        ) from None
    return value


def _static(value: str) -> str:
    table, _, column = value.partition(".")
    if table not in TABLES or TABLES[table].column(column) is None:
        raise PydanticCustomError("PF004", "write table.column of the contract")
    return value


class PortfolioSection(BaseModel):
    """What holds for a whole portfolio, as a person writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, AfterValidator(_name)] | None = None
    currency: Annotated[str, AfterValidator(_currency)]
    timezone: Annotated[str, AfterValidator(_zone)]
    static: tuple[Annotated[str, AfterValidator(_static)], ...] = ()
    data_as_of: datetime | date | None = None

    def instant_by(self, clock: datetime) -> datetime | None:
        """At which UTC instant do the records end, if the file says so?

        Raises
        ------
        SettingsError
            PF009 when that lies after the clock: outcomes still to come would count as known.
        """
        moment = self.instant()
        if moment is not None and moment > clock:
            raise SettingsError(
                "PF009",
                f"data_as_of {self.data_as_of} lies in the future.",
                "Write the last instant that the records know of, or leave it out.",
            )
        return moment

    def instant(self) -> datetime | None:
        """At which UTC instant do the records end, if the file says so?"""
        moment = self.data_as_of
        if moment is None:
            return None
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time(), ZoneInfo(self.timezone))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(self.timezone))
        return moment.astimezone(UTC)


def read_toml(path: Path, model: type[Model]) -> Model:
    """What does this file declare?

    Parameters
    ----------
    path : Path
        A TOML file.
    model : type
        The pydantic model it must fit.

    Raises
    ------
    SettingsError
        PF001 to PF006, every fault of the file in one message.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise SettingsError(
            "PF001", f"{path} is missing or cannot be read.", "Check the path."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            "PF002", f"{path} is not TOML: {error}.", "Correct that line."
        ) from None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _settings_error(path, model, error) from None


def _settings_error(path: Path, model: type[BaseModel], error: ValidationError) -> SettingsError:
    faults = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        if fault["type"] == "extra_forbidden":
            allowed = ", ".join(_allowed_keys(model, fault["loc"][:-1]))
            faults.append(("PF003", f"{where} is not a key here; allowed: {allowed}"))
        elif fault["type"] == "missing":
            faults.append(("PF004", f"{where} is missing"))
        else:
            code = fault["type"] if fault["type"] in CODES else "PF004"
            faults.append((code, f"{where} = {fault['input']!r}: {fault['msg']}"))
    return SettingsError(
        faults[0][0], f"{path}: " + "; ".join(text for _, text in faults) + ".", "Correct the file."
    )


def _allowed_keys(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    current: Any = model  # a model on the way down, or the annotation of one of its fields
    for part in place:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            current = fields[str(part)].annotation
        else:
            current = get_args(current)[-1]
    return [field.alias or name for name, field in current.model_fields.items()]
