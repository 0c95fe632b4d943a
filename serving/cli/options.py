"""Which options do all verbs share, and how do they become settings?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Home = Annotated[Path | None, typer.Option("--home", help="Folder of the state (FANAL_HOME).")]
Config = Annotated[Path | None, typer.Option("--config", help="Settings file (fanal.toml).")]
Language = Annotated[str | None, typer.Option("--language", help="Language: en or fr.")]
