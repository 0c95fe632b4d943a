"""Who may come in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from features.errors import SettingsError
from serving.access import Access, load_access, require_guard

ONE = hashlib.sha256(b"one").hexdigest()
TWO = hashlib.sha256(b"two").hexdigest()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FANAL_API_KEYS", raising=False)
    monkeypatch.delenv("FANAL_API_KEYS_FILE", raising=False)


def test_without_keys_everybody_comes_in() -> None:
    assert load_access() == Access()
    assert load_access().allows(None)


def test_keys_of_the_environment_and_of_the_file_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"# the CRM\n{TWO.upper()}  # since May\n\n")
    monkeypatch.setenv("FANAL_API_KEYS", f" {ONE},")
    monkeypatch.setenv("FANAL_API_KEYS_FILE", str(keys))
    access = load_access()
    assert access.digests == {ONE, TWO}
    assert access.allows("Bearer one")
    assert access.allows("bearer two")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer three", "Basic one", "one", f"Bearer {ONE}", "Bearer é"]
)
def test_anything_but_a_key_stays_out(header: str | None) -> None:
    assert not Access(frozenset({ONE})).allows(header)


def test_a_key_in_clear_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANAL_API_KEYS", f"{ONE},my-secret")
    with pytest.raises(SettingsError, match="AC001 API key 2") as caught:
        load_access()
    assert "my-secret" not in str(caught.value)


def test_a_missing_file_of_keys_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FANAL_API_KEYS_FILE", str(tmp_path / "nothing"))
    with pytest.raises(SettingsError, match="AC002"):
        load_access()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_on_the_loopback_no_key_is_needed(host: str) -> None:
    require_guard(Access(), host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "crm.example"])
def test_elsewhere_a_key_is_needed_or_the_word_that_none_is(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="AC003"):
        require_guard(Access(), host)
    require_guard(Access(frozenset({ONE})), host)
    monkeypatch.setenv("FANAL_API_KEYS", "none")
    require_guard(load_access(), host)
