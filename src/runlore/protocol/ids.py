"""Identifiers and names: how they are made and what they may hold."""

from __future__ import annotations

import os
import re
import string
from typing import Final

from runlore.errors import UsageError

RUN_ID_ALPHABET: Final = string.digits + string.ascii_lowercase
RUN_ID_LENGTH: Final = 8
MAX_RUN_ID: Final = 64
MAX_PROJECT: Final = 128
MAX_TAG: Final = 64
MAX_ENTITY: Final = 64

RESERVED_ENTITIES: Final = frozenset({"api", "assets"})
"""Names that begin paths of the server itself."""

_BARRED: Final = re.compile(r"[/\\#?%:\x00-\x1f\x7f]")
_ENTITY: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


def new_run_id() -> str:
    """A random run id: 8 characters of [0-9a-z], about 41 bits."""
    number = int.from_bytes(os.urandom(16), "big")
    return "".join(RUN_ID_ALPHABET[number // 36**place % 36] for place in range(RUN_ID_LENGTH))


def new_writer() -> str:
    """A random writer id: 32 hexadecimal digits."""
    return os.urandom(16).hex()


def is_writer(text: str) -> bool:
    """Whether ``text`` has the form of a writer id."""
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)


def _checked(what: str, value: str, longest: int) -> str:
    if not value or value != value.strip() or value in {".", ".."}:
        raise UsageError(
            f"cannot use {value!r} as {what}: expected 1 to {longest} characters, without spaces at its ends"
        )
    if len(value) > longest:
        raise UsageError(
            f"cannot use {value[:32]!r}… as {what}: it has {len(value)} characters, at most {longest} are allowed"
        )
    if (barred := _BARRED.search(value)) is not None:
        raise UsageError(
            f"cannot use {value!r} as {what}: it holds {barred.group()!r}; / \\ # ? % : and control characters are not allowed"
        )
    return value


def check_run_id(value: str) -> str:
    """The run id itself. Raises UsageError when it is empty, longer than 64 characters or holds a barred symbol."""
    return _checked("a run id", value, MAX_RUN_ID)


def check_project(value: str) -> str:
    """The project name itself. Raises UsageError when it is empty, longer than 128 characters or holds a barred symbol."""
    return _checked("a project name", value, MAX_PROJECT)


def check_entity(value: str) -> str:
    """The entity name itself. Raises UsageError unless it is 1 to 64 of letters, digits, ``-_.``, a letter or digit first,
    and no word that begins the server's own paths.
    """
    if value.lower() in RESERVED_ENTITIES:
        raise UsageError(f"cannot use {value!r} as an entity or user name: the server's own paths begin with it")
    if len(value) > MAX_ENTITY or _ENTITY.fullmatch(value) is None:
        raise UsageError(
            f"cannot use {value!r} as an entity or user name: expected 1 to {MAX_ENTITY} of letters, digits, '-', '_' and '.', "
            "beginning with a letter or digit"
        )
    return value


def check_tag(value: str) -> str:
    """The tag itself. Raises UsageError unless it has 1 to 64 characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TAG:
        raise UsageError(f"cannot use {value!r} as a tag: expected a string of 1 to {MAX_TAG} characters")
    return value
