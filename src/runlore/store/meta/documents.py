"""Documents (config, summary, metadata) as JSON text."""

from __future__ import annotations

from typing import Any

import msgspec

from runlore.protocol.documents import plain


def to_text(document: Any) -> str:
    """The document as JSON."""
    return msgspec.json.encode(plain(document)).decode()
