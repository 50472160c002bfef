"""Requests to a server's HTTP interface: the one HTTP client under the recorder, ``sync``, the Api and the command line.

A leaf. It never retries and never follows a redirect (the API key goes to the named server alone); who calls decides
when to try again. Answers come back as structs, refusals as our exceptions.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal, TypeVar, cast
from urllib.parse import quote, urlsplit

import msgspec
import urllib3
import urllib3.exceptions

from runlore.errors import AuthenticationError, CommError, IncompatibleServer, NotFound, ServerUnreachable
from runlore.protocol.messages import PROTOCOL, ErrorMessage, Health
from runlore.protocol.records import FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping

_Answer = TypeVar("_Answer")

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 30.0
_JSON: Final = {"Content-Type": "application/json"}


class Refused(CommError):
    """The server answered, and said no for a reason that has no class of its own.

    status: of HTTP. code: of ``docs/reference/errors.md``, "" when the answer has none. offset: where a journal goes
    on, for ``offset-gap``.
    """

    def __init__(self, message: str, *, status: int, code: str = "", offset: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.offset = offset


def path_of(*parts: str) -> str:
    """The parts as a path, each percent-encoded, so that a name can never reach into another route."""
    return "/".join(quote(part, safe="~") for part in parts)


def _pool(base_url: str, connections: int, *, is_insecure: bool) -> urllib3.PoolManager:
    """Connections to the server, through the proxy that the environment names for it, if one."""
    certificates: Literal["CERT_NONE", "CERT_REQUIRED"] = "CERT_NONE" if is_insecure else "CERT_REQUIRED"
    if is_insecure:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if any(name.lower() in {"http_proxy", "https_proxy", "all_proxy"} for name in os.environ):
        from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - rarely needed

        parts = urlsplit(base_url)
        proxies = getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if proxy and not proxy_bypass(parts.netloc):
            return urllib3.ProxyManager(proxy, num_pools=2, maxsize=connections, cert_reqs=certificates)
    return urllib3.PoolManager(num_pools=2, maxsize=connections, cert_reqs=certificates)


class Transport:
    """Requests to one server with one API key. Safe to use from several threads.

    agent: who asks, for the server's log. api_key: None sends none. connections: kept open at most. read_timeout_s:
    longest wait for an answer. Raises ServerUnreachable when ``base_url`` is no http or https address.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        agent: str,
        extra_headers: Mapping[str, str] | None = None,
        insecure_disable_ssl: bool = False,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        connections: int = 1,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ServerUnreachable(
                f"cannot reach a server at {base_url!r}: it is no address; expected http://host:port or https://host"
            )
        self._headers = {"User-Agent": agent, **(extra_headers or {})}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._timeout = urllib3.Timeout(connect=connect_timeout_s, read=read_timeout_s)
        self._http = _pool(self.base_url, connections, is_insecure=insecure_disable_ssl)

    def close(self) -> None:
        """Close every connection."""
        self._http.clear()

    def health(self) -> Health:
        """Whether the server lives and speaks our language.

        Raises ServerUnreachable, or IncompatibleServer when it is no Runlore server or one of another version.
        """
        try:
            health = self.ask("GET", "/health", Health)
        except (NotFound, Refused) as error:
            if isinstance(error, Refused) and error.status >= 500:
                raise ServerUnreachable(str(error)) from error
            raise IncompatibleServer(
                f"cannot use {self.base_url}: no Runlore server answers there; check the address ({error})"
            ) from error
        if health.protocol != PROTOCOL:
            raise IncompatibleServer(
                f"cannot use {self.base_url}: it speaks protocol {health.protocol} (Runlore {health.version}), this client "
                f"speaks {PROTOCOL}; install the same version of runlore on both sides"
            )
        if health.journal_format < FORMAT:
            raise IncompatibleServer(
                f"cannot use {self.base_url}: it reads journals up to format {health.journal_format} (Runlore "
                f"{health.version}), this client writes {FORMAT}; update the server"
            )
        return health

    def ask(
        self,
        method: str,
        path: str,
        answer: type[_Answer],
        *,
        body: bytes | bytearray | msgspec.Struct | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Answer:
        """The answer as a struct. path: after ``/api/v1``. body: a struct goes as JSON. Raises CommError or one of its kinds."""
        data = self.ask_bytes(method, path, body=body, headers=headers)
        try:
            return msgspec.json.decode(data, type=answer)
        except msgspec.DecodeError as error:
            raise IncompatibleServer(
                f"cannot use {self.base_url}: its answer to {method} {path.partition('?')[0]} is not Runlore's ({error}); "
                "check the address"
            ) from error

    def ask_bytes(
        self,
        method: str,
        path: str,
        *,
        body: bytes | bytearray | msgspec.Struct | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The answer as it is. Raises CommError or one of its kinds."""
        if isinstance(body, msgspec.Struct):
            body, headers = msgspec.json.encode(body), _JSON
        try:
            response = self._http.request(
                method,
                f"{self.base_url}/api/v1{path}",
                body=cast("bytes | None", body),  # urllib3 takes any buffer, but its types do not say so
                headers={**self._headers, **(headers or {})},
                timeout=self._timeout,
                retries=False,
                redirect=False,
            )
            data = response.data
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(f"cannot reach {self.base_url}: {_reason(error)}") from error
        if response.status >= 300:
            raise self._refusal(response.status, data, response.headers.get("Location", ""))
        return data

    def _refusal(self, status: int, data: bytes, location: str) -> CommError:
        code, told, hint, offset = "", "", "", None
        try:
            body = msgspec.json.decode(data, type=ErrorMessage).error
            code, told, hint, offset = body.code, body.message, body.hint, body.offset
        except msgspec.DecodeError:
            told = f"it redirects to {location}; use that address" if location else f"it answered {status}"
        message = f"{self.base_url} refused: {told}" + (f"; {hint}" if hint else "") + (f" [{code}]" if code else "")
        if status == 401:
            if "Authorization" not in self._headers:
                message = (
                    f"{self.base_url} refused: no API key for it is known; "
                    f"run `runlore login --host {self.base_url}` or set RUNLORE_API_KEY [{code or 'no-credential'}]"
                )
            return AuthenticationError(message)
        if status == 404 and code:
            return NotFound(message)
        return Refused(message, status=status, code=code, offset=offset)


def _reason(error: BaseException) -> str:
    """What went wrong, without the addresses of Python objects that urllib3 puts into its messages."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        return _reason(error.reason)
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return str(error).rpartition(": ")[2]
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "no connection within the time allowed"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "no answer within the time allowed"
    return str(error) or type(error).__name__
