"""Documents (config, summary, metadata) as JSON text, and which keys they have."""

from __future__ import annotations

from typing import Any

import msgspec

from runlore.protocol.documents import plain


def to_text(document: Any) -> str:
    """The document as JSON."""
    return msgspec.json.encode(plain(document)).decode()


def key_paths(document: dict[str, Any]) -> frozenset[str]:
    """The dotted paths of the document's leaves. Typed objects (maps with a ``_type``), lists and empty maps are leaves."""
    if not any(type(value) is dict for value in document.values()):
        return frozenset(document)
    paths: set[str] = set()
    _collect(document, "", paths)
    return frozenset(paths)


def _collect(document: dict[str, Any], prefix: str, paths: set[str]) -> None:
    for key, value in document.items():
        if isinstance(value, dict) and value and "_type" not in value:
            _collect(value, f"{prefix}{key}.", paths)
        else:
            paths.add(prefix + key)
