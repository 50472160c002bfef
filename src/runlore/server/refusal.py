"""A request that is answered with an error: the one exception that the server's rooms raise for it.

The codes are listed in ``docs/reference/errors.md``; a test compares both lists.
"""

from __future__ import annotations

from typing import Final

from runlore.errors import RunloreError
from runlore.protocol.messages import ErrorBody, ErrorMessage

STATUS: Final[dict[str, int]] = {
    "bad-request": 400,
    "damaged-upload": 400,
    "no-credential": 401,
    "bad-credential": 401,
    "forbidden": 403,
    "bad-host": 403,
    "bad-origin": 403,
    "not-found": 404,
    "wrong-method": 405,
    "offset-gap": 409,
    "writer-taken": 409,
    "too-large": 413,
    "bad-encoding": 415,
    "bad-journal": 422,
    "server-fault": 500,
    "storage-full": 503,
    "storage-failed": 503,
    "shutting-down": 503,
}
"""Every error code and its HTTP status."""


class Refusal(RunloreError):
    """The request is answered with an error.

    code: one of ``STATUS``. hint: what to do now. field: the offending input. offset: where a journal goes on.
    """

    def __init__(
        self, code: str, message: str, *, hint: str = "", field: str | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = STATUS[code]
        self.body = ErrorBody(code=code, message=message, hint=hint, field=field, offset=offset)

    def answer(self) -> ErrorMessage:
        """The answer's body."""
        return ErrorMessage(error=self.body)


def not_found(what: str) -> Refusal:
    """The answer for what does not exist, and for what exists but is not the caller's."""
    return Refusal(
        "not-found", f"cannot find {what}: there is none, or it is not yours", hint="check the path and the API key"
    )
