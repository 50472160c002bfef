"""How long lists go into SQL statements: in slices below every database's limit of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

PARAMETERS: Final = 900
"""Most values in one ``IN``."""


def slices(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in consecutive slices; none for no values."""
    for at in range(0, len(values), PARAMETERS):
        yield values[at : at + PARAMETERS]
