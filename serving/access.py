"""Who may call the HTTP service?

Without keys, whoever reaches it: fit for a machine of one's own, so the service then listens on the
loopback interface only. Keys are kept as sha256 digests, in the environment or in a file of
secrets; a caller sends one as ``Authorization: Bearer KEY``. Keys are long random strings, so a
plain digest is enough (a password would need a slow one).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from features.errors import SettingsError

CODES: Mapping[str, str] = {
    "AC001": "an API key that is no sha256 digest",
    "AC002": "the file of API keys cannot be read",
    "AC003": "the service would be open to others without a key",
}
"""Every code of access; each has a line in docs/errors.md."""

OPEN = "none"
"""Value of FANAL_API_KEYS that says: open on purpose, someone else guards the door."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class AccessSecrets(BaseSettings):
    """Which keys does the environment name?

    ``FANAL_API_KEYS`` holds digests with commas between, or ``none``; ``FANAL_API_KEYS_FILE`` names
    a file with one digest a line (``#`` begins a comment).
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="FANAL_", extra="ignore")

    api_keys: SecretStr | None = None
    api_keys_file: Path | None = None


@dataclass(frozen=True)
class Access:
    """Who may come in.

    Attributes
    ----------
    digests : frozenset of str
        sha256 of each key, in hexadecimal; empty when no key is asked for.
    is_open : bool
        True when it was said that no key is wanted.
    """

    digests: frozenset[str] = frozenset()
    is_open: bool = False

    def allows(self, authorization: str | None) -> bool:
        """May a request with this header come in?

        >>> Access().allows(None)
        True
        >>> Access(frozenset({hashlib.sha256(b"key").hexdigest()})).allows("Bearer key")
        True
        """
        if not self.digests:
            return True
        scheme, _, key = (authorization or "").partition(" ")
        found = hashlib.sha256(key.strip().encode(errors="replace")).hexdigest()
        # compared with all of them, so that time tells nothing
        same = [hmac.compare_digest(found, digest) for digest in self.digests]
        return scheme.lower() == "bearer" and any(same)


def load_access(secrets: AccessSecrets | None = None) -> Access:
    """Which keys open this installation?

    Raises
    ------
    SettingsError
        AC001, AC002.
    """
    secrets = secrets or AccessSecrets()
    said = "" if secrets.api_keys is None else secrets.api_keys.get_secret_value().strip()
    lines = [] if said == OPEN else said.split(",")
    if secrets.api_keys_file is not None:
        lines += _lines(secrets.api_keys_file)
    digests = [text for line in lines if (text := line.partition("#")[0].strip().lower())]
    for place, digest in enumerate(digests, 1):
        if not _DIGEST.fullmatch(digest):
            raise SettingsError(
                "AC001", f"API key {place} is no sha256 digest.", "Write 64 hexadecimal digits."
            )
    return Access(frozenset(digests), said == OPEN and not digests)


def require_guard(access: Access, host: str) -> None:
    """Refuse to listen where others reach it, when nothing keeps them out.

    Raises
    ------
    SettingsError
        AC003.
    """
    if access.digests or access.is_open or _is_loopback(host):
        return
    raise SettingsError(
        "AC003",
        f"On {host} others reach the service, and no API key is set.",
        f"Set FANAL_API_KEYS (see docs/http.md), or to {OPEN} where a proxy asks who calls.",
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            "AC002",
            f"{path} cannot be read ({type(error).__name__}).",
            "Correct FANAL_API_KEYS_FILE.",
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
