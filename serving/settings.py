"""How is this installation set, and is every setting right?

One file, ``fanal.toml``, holds the settings; ``fanal.toml.example`` shows each with its default.
The environment may override them (``FANAL_HOME``, ``FANAL_SERVER__PORT``) and alone holds secrets.

Worked example: for a deal of the segment ``wholesale`` in the quarter ``2026Q4`` the weights are
those listed for both; failing that for the quarter and ``*``; for ``default`` and the segment; for
``default`` and ``*``; and the built-in ones last.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentError_

from features.errors import SettingsError

Language = Literal["en", "fr"]

CODES: Mapping[str, str] = {
    "ST001": "a key that no setting has",
    "ST002": "the settings file is missing or is not TOML",
    "ST003": "a value of the wrong type or outside its bounds",
    "ST004": "a weight is negative",
    "ST005": "all weights of one entry are zero",
    "ST006": "a quarter that is neither `default` nor like 2026Q4",
    "ST007": "two weights entries for one quarter and segment",
}
"""Every code of a wrong setting, with what it means; each has a line in docs/errors.md."""

_FILE = Path("fanal.toml")
_QUARTER = re.compile(r"default|[12][0-9]{3}Q[1-4]")


def _weight(value: float) -> float:
    if value < 0:
        raise PydanticCustomError("ST004", "a weight must be 0 or more")
    return value


def _quarter(value: str) -> str:
    if not _QUARTER.fullmatch(value):
        raise PydanticCustomError("ST006", "a quarter is `default` or like 2026Q4")
    return value


Weight = Annotated[FiniteFloat, AfterValidator(_weight)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Days = Annotated[FiniteFloat, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(_Section):
    """What counts how much in a priority, for one quarter and one segment?

    All are 0 or more, not all zero; their scale does not matter, only their ratios.
    """

    quarter: Annotated[str, AfterValidator(_quarter)] = "default"
    segment: Annotated[str, Field(min_length=1)] = "*"
    potential: Weight = 0.4
    probability: Weight = 0.3
    risk: Weight = 0.2
    duration_penalty: Weight = 0.1

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if self.potential + self.probability + self.risk + self.duration_penalty == 0:
            raise PydanticCustomError("ST005", "at least one weight must be above 0")
        return self


class PrioritySettings(_Section):
    """How are the terms of the formula scaled?"""

    reference_days: Days = 90.0


class SavePlay(_Section):
    """What is assumed of calling an account that may leave, until measured?

    ``success`` and ``void`` are shares 0..1, ``days`` the usual days until the play has worked.
    """

    success: Share = 0.30
    days: Days = 30.0
    void: Share = 0.0


class ReactivatePlay(_Section):
    """What is assumed of calling a lapsed account, until measured?

    ``probability`` is the share 0..1 that orders again, ``days`` the usual days to that order.
    """

    probability: Share = 0.08
    days: Days = 45.0


class Plays(_Section):
    """What is assumed of each play, until the held-out arm has measured it?"""

    save: SavePlay = SavePlay()
    reactivate: ReactivatePlay = ReactivatePlay()


class Limits(_Section):
    """How much may one HTTP request carry?"""

    max_body_mb: Annotated[FiniteFloat, Field(gt=0, le=1000)] = 10.0
    max_accounts: Annotated[int, Field(ge=1)] = 1000


class MonitorSettings(_Section):
    """From where on is a difference that `fanal monitor` sees worth a person's time?"""

    psi: Annotated[FiniteFloat, Field(gt=0)] = 0.2
    missing: Share = 0.1
    auc: Share = 0.05
    level: Share = 0.03
    moved_weight: Share = 0.2
    data_days: Days = 35.0
    score_days: Days = 35.0
    model_days: Days = 180.0


class Server(_Section):
    """Where does the HTTP service listen, and with how many processes?"""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 3000
    workers: Annotated[int, Field(ge=1, le=256)] = 1


class Settings(BaseSettings):
    """Every setting of an installation; made by `load_settings`."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="FANAL_", env_nested_delimiter="__"
    )

    home: Path = Path(".fanal")
    language: Language = "en"
    weights: tuple[Weights, ...] = ()
    priority: PrioritySettings = PrioritySettings()
    plays: Plays = Plays()
    limits: Limits = Limits()
    monitor: MonitorSettings = MonitorSettings()
    server: Server = Server()

    @model_validator(mode="after")
    def _one_entry_each(self) -> Self:
        places = [(entry.quarter, entry.segment) for entry in self.weights]
        twice = sorted({place for place in places if places.count(place) > 1})
        if twice:
            names = ", ".join(f"{quarter} {segment}" for quarter, segment in twice)
            raise PydanticCustomError(
                "ST007", "weights are given twice for {names}", {"names": names}
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which arrives as arguments; read nothing else."""
        return env_settings, init_settings

    def weights_for(self, quarter: str, segment: str | None) -> Weights:
        """Which weights hold for a quarter (``2026Q4``) and a segment (None: no segment)?"""
        listed = {(entry.quarter, entry.segment): entry for entry in self.weights}
        for place in ((quarter, segment), (quarter, "*"), ("default", segment), ("default", "*")):
            if place[1] is not None and (place[0], place[1]) in listed:
                return listed[place[0], place[1]]
        return Weights()


class Secrets(BaseSettings):
    """What must not lie in a file: read from the environment only.

    ``FANAL_STORE_URL`` names a database for the score store other than the one in the home folder.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="FANAL_", extra="ignore")

    store_url: SecretStr | None = None


class Launch(BaseSettings):
    """What did the command line that started this process say?

    ``FANAL_CONFIG`` names the settings file, ``FANAL_PORTFOLIO`` the portfolio to serve.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="FANAL_", extra="ignore")

    config: Path | None = None
    portfolio: str | None = None


def environment_of(**said: str | Path | None) -> dict[str, str]:
    """Which environment does a process that we start get: ours, quiet, and what was said?

    Parameters
    ----------
    **said : str, Path or None
        Variables to set; paths are made absolute, None leaves a variable as it is.
    """
    quiet = {"BENTOML_DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    given = {
        name: str(value.absolute() if isinstance(value, Path) else value)
        for name, value in said.items()
        if value is not None
    }
    return {**os.environ, **quiet, **given}


def load_settings(
    path: Path | None = None, *, home: Path | None = None, language: str | None = None
) -> Settings:
    """How is this installation set?

    Parameters
    ----------
    path : Path or None
        The settings file; None takes ``fanal.toml`` of the current folder where there is one. A
        relative ``home`` in it is taken from the folder it lies in.
    home, language : Path, str or None
        What a command line says; wins over environment and file.

    Raises
    ------
    SettingsError
        ST001 to ST007, every fault named in one message.
    """
    if language is not None and language not in get_args(Language):
        allowed = ", ".join(get_args(Language))
        raise SettingsError(
            "ST003", f"{language!r} is no language of Fanal.", f"Choose among {allowed}."
        )
    given = _read(path)
    said = {"home": home, "language": language}
    try:
        settings = Settings(**given)
        return settings.model_copy(update={k: v for k, v in said.items() if v is not None})
    except ValidationError as error:
        raise _explained(error.errors(), path or _FILE) from None
    except EnvironmentError_ as error:
        raise SettingsError(
            "ST003", f"An environment variable cannot be read: {error}.", "Write lists as JSON."
        ) from None


def _read(path: Path | None) -> dict[str, Any]:  # any TOML value, checked by Settings
    if path is None and not _FILE.is_file():
        return {}
    path = path or _FILE
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            "ST002", f"{path} cannot be read: {error}.", "Give the path of a settings file."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            "ST002", f"{path} is not TOML: {error}.", "Compare it with fanal.toml.example."
        ) from None
    if isinstance(given.get("home"), str):
        given["home"] = path.parent / given["home"]
    return given


def _explained(faults: list[ErrorDetails], path: Path) -> SettingsError:
    lines = [_fault(fault) for fault in faults]
    return SettingsError(
        lines[0][0],
        f"The settings are wrong ({path} or the environment):\n"
        + "\n".join(f"  {code} {text}" for code, text in lines),
        "Compare them with fanal.toml.example.",
    )


def _fault(fault: ErrorDetails) -> tuple[str, str]:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return "ST001", f"{where} is no setting; allowed here: {', '.join(_allowed(fault['loc']))}."
    code = fault["type"] if fault["type"] in CODES else "ST003"
    return code, f"{where}: {fault['msg']}." if where else f"{fault['msg']}."


def _allowed(place: tuple[int | str, ...]) -> list[str]:
    """Which keys may stand beside the one at this place?"""
    model: type[BaseModel] = Settings
    for part in place[:-1]:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            inner = next(iter(get_args(annotation)), annotation)
            model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else model
    return sorted(model.model_fields)
