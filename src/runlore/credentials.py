"""Which server to talk to and with which key: ``credentials.json`` of ``runlore login``, and ``server.json`` of a local server.

A leaf beside ``folders``. The file holds ``{"default": "<address>", "<address>": {"api_key": "..."}}`` and only its owner
may read it. A key belongs to the address it was given for, and is never sent to another one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from runlore import folders
from runlore.errors import AuthenticationError, ServerUnreachable, UsageError

if TYPE_CHECKING:
    from pathlib import Path


SETTINGS_FILE: Final = "settings.toml"
"""In the data folder: settings of this user, as in the environment."""


class Credential(NamedTuple):
    """An address, without a slash at its end, and the key for it ("" when none is known). source: where it was found."""

    base_url: str
    api_key: str
    source: str


def check_address(base_url: str) -> str:
    """The address in the form it is stored in. Raises UsageError when it is no http or https address."""
    parts = urlsplit(base_url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(
            f"cannot use {base_url!r} as the address of a server: expected something like http://localhost:8417 or https://lore.example.org"
        )
    if parts.username or parts.password:
        raise UsageError(
            f"cannot use an address with a password in it for {parts.hostname!r}: give the API key to `runlore login` instead"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _read(path: Path) -> dict[str, Any]:
    """A JSON object from a file, empty when there is none. Raises UsageError when it cannot be used."""
    try:
        found = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}; mend or remove it, then run `runlore login` again") from error
    if not isinstance(found, dict):
        raise UsageError(f"cannot read {path}: expected a JSON object; remove it, then run `runlore login` again")
    return found


def _entry_key(stored: dict[str, Any], name: str) -> str:
    entry = stored.get(name)
    return str(entry.get("api_key", "")) if isinstance(entry, dict) else ""


def save(base_url: str, api_key: str) -> None:
    """Remember the key for the address, and the address as the default one. Raises UsageError, OSError."""
    stored = _read(folders.credentials_file())
    address = check_address(base_url)
    stored[address] = {"api_key": api_key}
    stored["default"] = address
    folders.write_private(folders.credentials_file(), msgspec.json.encode(stored))


def _local_server() -> tuple[str, str]:
    stored = _read(folders.server_file())
    return str(stored.get("url", "")).rstrip("/"), str(stored.get("api_key", ""))


def _named_address(base_url: str | None) -> tuple[str, str]:
    if base_url:
        return check_address(base_url), "argument"
    for name in ("RUNLORE_BASE_URL", "WANDB_BASE_URL"):
        if os.environ.get(name):
            return check_address(os.environ[name]), name
    return _address_in_settings()


def _address_in_settings() -> tuple[str, str]:
    path = folders.data_folder() / SETTINGS_FILE
    if not path.is_file():
        return "", ""
    import tomllib  # noqa: PLC0415 - only where there is such a file

    try:
        named = tomllib.loads(path.read_text(encoding="utf-8")).get("base_url")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read settings file {path}: {error}") from error
    return (check_address(str(named)), str(path)) if named else ("", "")


def find(base_url: str | None = None, api_key: str | None = None) -> Credential | None:
    """The server in force, None when no server is known at all.

    Address: the argument, RUNLORE_BASE_URL, WANDB_BASE_URL, ``base_url`` in ``settings.toml``, the default of
    ``runlore login``, the local server that runs.
    Key: the argument, RUNLORE_API_KEY, WANDB_API_KEY (only for an address that was named, since it may belong to another
    product), what ``runlore login`` stored for that address, the local server's own.
    Raises UsageError when an address or a file cannot be used.
    """
    stored = _read(folders.credentials_file())
    local_url, local_key = _local_server()
    address, source = _named_address(base_url)
    is_named = bool(address)
    if not address and isinstance(stored.get("default"), str):
        address, source = check_address(stored["default"]), "runlore login"
    if not address and local_url:
        address, source = local_url, "local server"
    if not address:
        return None
    key = (
        api_key
        or os.environ.get("RUNLORE_API_KEY")
        or (os.environ.get("WANDB_API_KEY") if is_named else "")
        or _entry_key(stored, address)
        or (local_key if address == local_url else "")
    )
    return Credential(address, key or "", source)


def need(base_url: str | None = None, api_key: str | None = None) -> Credential:
    """The server in force, with a key. Raises ServerUnreachable when none is known, AuthenticationError without a key."""
    found = find(base_url, api_key)
    if found is None:
        raise ServerUnreachable(
            "cannot reach a server: none is known; start one with `runlore server`, log in to one with "
            "`runlore login --host ADDRESS`, or set RUNLORE_BASE_URL"
        )
    if not found.api_key:
        raise AuthenticationError(
            f"cannot talk to {found.base_url}: no API key is known for it; run `runlore login --host {found.base_url}` or set RUNLORE_API_KEY"
        )
    return found
