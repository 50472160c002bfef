"""Who may do what: API keys, browser sessions, one-time links, and the one check that every object is reached through.

Secrets are random and long, so that a plain SHA-256 of them is as good as a slow hash; nothing else of them is stored.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from typing import TYPE_CHECKING, Final

from runlore.errors import Conflict
from runlore.server.refusal import Refusal, not_found

if TYPE_CHECKING:
    from runlore.protocol.messages import SessionRequest
    from runlore.store.base import Account, Database, MetaStore, RunRecord

LINK_S: Final = 15 * 60
"""How long a one-time link is good for."""

SESSION_S: Final = 30 * 24 * 3600
"""How long a browser stays signed in."""

REMEMBERED_S: Final = 2.0
"""How long an answer of the store about a credential is used again; a revoked key dies within this time."""

_REMEMBERED: Final = 4_096
_BAD: Final = "log in again with `runlore login`, or open a new link with `runlore server link`"


def new_api_key() -> str:
    """A new API key: ``rl-`` and 48 characters of [A-Za-z0-9_-], 288 random bits."""
    return "rl-" + secrets.token_urlsafe(36)


def digest(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


class Access:
    """Credentials and permissions of one data folder. From any thread."""

    def __init__(self, database: Database, meta: MetaStore) -> None:
        self._database = database
        self._meta = meta
        self._known: dict[tuple[str, bytes], tuple[float, Account | None]] = {}
        self._lock = threading.Lock()

    def add_user(self, name: str) -> str:
        """Create a user with their own entity; returns their API key, which is told only here.

        Raises Conflict when the name is taken.
        """
        key = new_api_key()
        with self._database.write() as tx:
            user = self._meta.add_user(tx, name, now_ns=time.time_ns())
            self._meta.add_key(tx, user, digest(key), now_ns=time.time_ns())
        return key

    def add_key(self, name: str) -> tuple[int, str]:
        """A further API key of a user, and its id.

        Raises Conflict when there is no such user.
        """
        account = self._meta.account(name)
        if account is None:
            raise Conflict(f"cannot make an API key for user {name!r}: there is no such user (runlore user ls)")
        key = new_api_key()
        with self._database.write() as tx:
            number = self._meta.add_key(tx, account.id, digest(key), now_ns=time.time_ns())
        return number, key

    def add_link(self, name: str) -> str:
        """The token of a new one-time link for a user.

        Raises Conflict when there is no such user.
        """
        account = self._meta.account(name)
        if account is None:
            raise Conflict(f"cannot make a link for user {name!r}: there is no such user (runlore user ls)")
        token = secrets.token_urlsafe(32)
        now_ns = time.time_ns()
        with self._database.write() as tx:
            self._meta.purge_expired(tx, now_ns=now_ns)
            self._meta.add_link(tx, digest(token), account.id, expires_ns=now_ns + LINK_S * 10**9)
        return token

    def of_key(self, key: str) -> Account:
        """Whose API key this is. Raises Refusal ``bad-credential``."""
        return self._remembered("key", key)

    def of_session(self, token: str) -> Account:
        """Whose session this is. Raises Refusal ``bad-credential``."""
        return self._remembered("session", token)

    def open_session(self, request: SessionRequest) -> tuple[str, Account]:
        """Exchange a link or an API key for the token of a new session.

        Raises Refusal when neither or both are given, or when they are not valid.
        """
        if (request.link is None) == (request.api_key is None):
            raise Refusal("bad-request", "cannot sign in: exactly one of link and api_key is expected", field="link")
        now_ns = time.time_ns()
        token = secrets.token_urlsafe(32)
        account = None if request.api_key is None else self.of_key(request.api_key)
        with self._database.write() as tx:
            user = account.id if account else self._meta.take_link(tx, digest(request.link or ""), now_ns=now_ns)
            if user is not None:
                self._meta.add_session(tx, digest(token), user, expires_ns=now_ns + SESSION_S * 10**9)
        if user is None:
            raise Refusal("bad-credential", "cannot sign in: the link is used up, expired or unknown", hint=_BAD)
        return token, account or self.of_session(token)

    def close_session(self, token: str) -> None:
        """End a session."""
        with self._database.write() as tx:
            self._meta.delete_session(tx, digest(token))
        with self._lock:
            self._known.pop(("session", digest(token)), None)

    def entity(self, account: Account, name: str) -> str:
        """The entity by name, "~" and "" for the default one: **the** access check, for every object is in an entity.

        Raises Refusal ``not-found`` when there is none or it is not the caller's.
        """
        entity = account.entity if name in {"", "~"} else name
        if entity not in account.entities:
            raise not_found(f"entity {name!r}")
        return entity

    def run(self, account: Account, entity: str, project: str, run_id: str) -> RunRecord:
        """The run at a path. Raises Refusal ``not-found``."""
        found = self._meta.find_run(self.entity(account, entity), project, run_id)
        if found is None:
            raise not_found(f"run {entity}/{project}/{run_id}")
        return found

    def project(self, account: Account, entity: str, project: str) -> int:
        """The key of the project at a path. Raises Refusal ``not-found``."""
        found = self._meta.project(self.entity(account, entity), project)
        if found is None:
            raise not_found(f"project {entity}/{project}")
        return found

    def _remembered(self, kind: str, secret: str) -> Account:
        hashed = digest(secret)
        now = time.monotonic()
        with self._lock:
            until, account = self._known.get((kind, hashed), (0.0, None))
        if now >= until:
            if kind == "key":
                account = self._meta.account_of_key(hashed)
            else:
                account = self._meta.account_of_session(hashed, now_ns=time.time_ns())
            with self._lock:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[kind, hashed] = (now + REMEMBERED_S, account)
        if account is None:
            raise Refusal(
                "bad-credential", f"cannot tell who you are: this {kind} is unknown, revoked or expired", hint=_BAD
            )
        return account
