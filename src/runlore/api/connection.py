"""Requests of the Api: reads are repeated while the server asks to come back later, changes are sent once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from runlore.errors import UsageError
from runlore.transport import CONNECT_TIMEOUT_S, Refused, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runlore.credentials import Credential
    from runlore.protocol import messages

_T = TypeVar("_T", bound="messages.Message")
_Found = TypeVar("_Found")
_YES: Final = {"1", "true", "yes", "on"}
_ATTEMPTS: Final = 4


def setting(name: str) -> str:
    """An environment setting: RUNLORE_<name>, else WANDB_<name>, else ""."""
    return os.environ.get(f"RUNLORE_{name}") or os.environ.get(f"WANDB_{name}") or ""


def _extra_headers() -> dict[str, str]:
    text = setting("EXTRA_HTTP_HEADERS") or setting("X_EXTRA_HTTP_HEADERS")
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if text else {}
    except msgspec.DecodeError as error:
        raise UsageError(
            f"cannot use RUNLORE_EXTRA_HTTP_HEADERS: expected a JSON object of strings ({error})"
        ) from error


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, Refused) and error.status == 503


class Connection:
    """A server, reached with one key. Safe to share between threads."""

    def __init__(self, credential: Credential, timeout_s: float) -> None:
        self.base_url = credential.base_url
        self._transport = Transport(
            credential.base_url,
            credential.api_key,
            agent="runlore-api",
            extra_headers=_extra_headers(),
            insecure_disable_ssl=setting("INSECURE_DISABLE_SSL").lower() in _YES,
            connect_timeout_s=min(timeout_s, CONNECT_TIMEOUT_S),
            read_timeout_s=timeout_s,
        )
        self._is_checked = False

    def get(self, path: str, answer: type[_T], query: Mapping[str, Any] | None = None) -> _T:
        """The answer of a read as a struct. Raises CommError and its kinds."""
        return self._patiently(lambda: self._transport.ask("GET", _with(path, query), answer))

    def get_bytes(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """The answer of a read as it is. Raises CommError and its kinds."""
        return self._patiently(lambda: self._transport.ask_bytes("GET", _with(path, query)))

    def send(self, method: str, path: str, body: messages.Message, answer: type[_T]) -> _T:
        """Change something and take the answer as a struct. Raises CommError and its kinds."""
        self._check()
        return self._transport.ask(method, f"/{path}", answer, body=body)

    def health(self) -> messages.Health:
        """The server's versions; needs no key. Raises ServerUnreachable, and IncompatibleServer for another protocol."""
        health = self._transport.health()
        self._is_checked = True
        return health

    def _check(self) -> None:
        if not self._is_checked:
            self.health()

    def _patiently(self, ask: Callable[[], _Found]) -> _Found:
        self._check()
        retrying = Retrying(
            retry=retry_if_exception(_is_busy),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            stop=stop_after_attempt(_ATTEMPTS),
            reraise=True,
        )
        return retrying(ask)


def _with(path: str, query: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"/{path}?{urlencode(given, doseq=True)}" if given else f"/{path}"
