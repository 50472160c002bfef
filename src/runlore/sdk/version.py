"""Version of the package, as journals and metadata bear it. Reading it from the installed package would cost 25 ms."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
"""The same as in ``pyproject.toml``; a test holds them together."""
