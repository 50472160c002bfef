from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING

import pytest

from runlore import credentials
from runlore.errors import AuthenticationError, ServerUnreachable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

KEY = "rl-" + "k" * 48


def test_no_server_is_known_at_first() -> None:
    assert credentials.find() is None
    with pytest.raises(ServerUnreachable, match="runlore server"):
        credentials.need()


def test_login_makes_its_server_the_default(own_data_folder: Path) -> None:
    credentials.save("https://Lore.example.org/", KEY)
    assert credentials.find() == ("https://lore.example.org", KEY, "runlore login")
    stored = own_data_folder / "credentials.json"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    credentials.save("https://other.example.org", KEY + "2")
    assert credentials.find() == ("https://other.example.org", KEY + "2", "runlore login")
    assert set(json.loads(stored.read_text())) == {
        "default",
        "https://lore.example.org",
        "https://other.example.org",
    }


def test_stored_key_goes_to_no_other_address() -> None:
    credentials.save("https://lore.example.org", KEY)
    assert credentials.find("https://evil.example.org") == ("https://evil.example.org", "", "argument")
    with pytest.raises(AuthenticationError, match=re.escape("runlore login --host https://evil.example.org")):
        credentials.need("https://evil.example.org")


def test_local_server_is_found_with_its_key(own_data_folder: Path) -> None:
    note = own_data_folder / "server.json"
    note.write_text(json.dumps({"url": "http://127.0.0.1:8417", "pid": 1, "data": "d", "api_key": KEY}))
    assert credentials.find() == ("http://127.0.0.1:8417", KEY, "local server")


def test_environment_wins_over_login(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials.save("https://lore.example.org", KEY)
    monkeypatch.setenv("RUNLORE_BASE_URL", "http://localhost:1")
    monkeypatch.setenv("RUNLORE_API_KEY", "from-environment")
    assert credentials.find() == ("http://localhost:1", "from-environment", "RUNLORE_BASE_URL")


def test_key_of_the_other_product_needs_a_named_address(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials.save("https://lore.example.org", KEY)
    monkeypatch.setenv("WANDB_API_KEY", "theirs")
    assert credentials.need().api_key == KEY
    monkeypatch.setenv("WANDB_BASE_URL", "https://lore.example.org")
    assert credentials.need() == ("https://lore.example.org", "theirs", "WANDB_BASE_URL")


@pytest.mark.parametrize(
    "address", ["lore.example.org", "ftp://x", "http://", "http://localhost/?q=1", "http://localhost/#x", ""]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="as the address of a server"):
        credentials.check_address(address)


def test_password_in_an_address_is_refused() -> None:
    with pytest.raises(UsageError, match="runlore login") as raised:
        credentials.check_address("http://ada:secret@lore.example.org")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_damaged_file_is_named(own_data_folder: Path, content: str) -> None:
    (own_data_folder / "credentials.json").write_text(content)
    with pytest.raises(UsageError, match=r"credentials\.json"):
        credentials.find()
