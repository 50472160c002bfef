"""Regular expressions that users send: RE2's, whose time is linear in the text, so that none of them can stop a server."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from runlore.errors import UsageError
from runlore.protocol import query


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """The pattern, ready to search in UTF-8. Raises UsageError when it is none that RE2 knows."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern.encode(), options)  # bytes: several times faster than text, which is given offsets
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise UsageError(
            f"cannot use $regex {pattern[:80]!r}: {why}; expected RE2 syntax, which has no look-around and no backreferences"
        ) from error


def matches(pattern: str, text: str | None) -> bool:
    """Whether the pattern is found anywhere in the text; false for none."""
    return text is not None and compiled(pattern).search(text.encode()) is not None


def check_patterns(filters: query.Filter) -> None:
    """Refuse a filter with a wrong pattern before anything is asked. Raises UsageError."""
    match filters:
        case query.All(parts) | query.Some(parts):
            for part in parts:
                check_patterns(part)
        case query.Not(part):
            check_patterns(part)
        case query.Compare(operator="regex", values=(str(pattern),)):
            compiled(pattern)
