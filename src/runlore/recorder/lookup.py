"""Lookup: one question to a server, asked for the SDK by a process of its own when a run is to be resumed.

The SDK cannot ask by itself: it never opens a connection. Question and answer are JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec

from runlore.errors import AuthenticationError, CommError, IncompatibleServer, ServerUnreachable
from runlore.recorder.client import Client
from runlore.recorder.targets import address_for


class Question(msgspec.Struct, kw_only=True):
    """Which run, on which server. base_url: None is the local server. timeout_s: for the whole answer."""

    project: str
    run_id: str
    base_url: str | None = None
    api_key: str | None = None
    entity: str | None = None
    timeout_s: float = 30.0
    insecure_disable_ssl: bool = False
    extra_http_headers: dict[str, str] = msgspec.field(default_factory=dict)


class Answer(msgspec.Struct, kw_only=True):
    """What the server knows of the run.

    last_step: None before the first row. runtime_s: how long it had run. error: None without one. error_kind: "unreachable", "auth",
    "incompatible" or "other"; None without an error.
    """

    found: bool = False
    entity: str = ""
    state: str = ""
    last_step: int | None = None
    runtime_s: float = 0.0
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    summary: dict[str, Any] = msgspec.field(default_factory=dict)
    name: str = ""
    notes: str = ""
    tags: list[str] = msgspec.field(default_factory=list)
    error: str | None = None
    error_kind: str | None = None


def _client(question: Question) -> Client:
    """A client for the question's server. Raises ServerUnreachable when there is none."""
    base_url, api_key = address_for("ask for the run", question.base_url, question.api_key)
    return Client(
        base_url,
        api_key,
        extra_headers=question.extra_http_headers,
        insecure_disable_ssl=question.insecure_disable_ssl,
        connect_timeout_s=min(5.0, question.timeout_s),
        read_timeout_s=question.timeout_s,
    )


def _kind(error: CommError) -> str:
    if isinstance(error, ServerUnreachable):
        return "unreachable"
    if isinstance(error, AuthenticationError):
        return "auth"
    return "incompatible" if isinstance(error, IncompatibleServer) else "other"


def look_up(question: Question) -> Answer:
    """The answer; faults are part of it."""
    try:
        client = _client(question)
        try:
            client.health()
            detail = client.run(question.entity or "", question.project, question.run_id)
        finally:
            client.close()
    except CommError as error:
        return Answer(error=str(error), error_kind=_kind(error))
    if detail is None:
        return Answer()
    run = detail.run
    return Answer(
        found=True,
        entity=run.entity,
        state=run.state,
        last_step=run.last_step,
        runtime_s=run.duration_s,
        config=run.config,
        summary=run.summary,
        name=run.name,
        notes=run.notes,
        tags=run.tags,
    )


def answer(question: bytes) -> bytes:
    """The answer to a question, both as JSON; faults are part of the answer."""
    try:
        asked = msgspec.json.decode(question, type=Question)
    except msgspec.DecodeError as error:
        return msgspec.json.encode(Answer(error=f"cannot read the question: {error}", error_kind="other"))
    return msgspec.json.encode(look_up(asked))
