from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from runlore.errors import StorageFailed
from runlore.store.base import Block
from runlore.store.series import tail

if TYPE_CHECKING:
    from runlore.store.base import Stream


def test_blocks_come_back_whatever_their_columns() -> None:
    keys: dict[Stream, dict[str, int]] = {"history": {"a": 5, "b": 6, "c": 7}, "system": {"cpu": 9}}
    mixed = Block(
        *(1, "history", np.array([4, 3, 4]), np.array([1, 2, 3])),
        {"a": np.array([True, False, True]), "b": np.array([1.5, np.nan, -0.0]), "c": np.array([1, 2, 3], np.float16)},
    )
    other = Block(1, "system", np.array([0]), np.array([9]), {"cpu": np.array([2**63], np.uint64)})
    first, second = tail.decode(tail.encode([mixed, other], keys), "a test")
    assert first.steps().tolist() == [4, 3, 4]
    assert first.times_ns().tolist() == [1, 2, 3]
    place = first.layout.place
    assert first.layout.types[place[5]] == "?"
    assert first.exact(place[5]).tolist() == [1, 0, 1]
    assert first.exact(place[6]).tobytes() == np.array([1.5, np.nan, -0.0]).tobytes()
    assert first.exact(place[7]).view(np.float64).tolist() == [1.0, 2.0, 3.0]
    assert first.all_exact()[place[6]].tobytes() == first.exact(place[6]).tobytes()
    assert second.exact(0).tolist() == [2**63]


def test_strided_and_big_endian_columns_are_stored_as_they_are_meant() -> None:
    wide = np.arange(12.0).reshape(4, 3)
    block = Block(1, "history", np.arange(4), np.arange(4), {"a": wide[:, 1], "b": wide[:, 2].astype(">f8")})
    (found,) = tail.decode(tail.encode([block], {"history": {"a": 1, "b": 2}}), "a test")
    assert found.exact(0).view(np.float64).tolist() == [1.0, 4.0, 7.0, 10.0]
    assert found.exact(1).view(np.float64).tolist() == [2.0, 5.0, 8.0, 11.0]


def test_a_damaged_batch_is_told() -> None:
    block = Block(1, "history", np.arange(40), np.arange(40), {"a": np.random.default_rng(0).random(40)})
    data = bytearray(tail.encode([block], {"history": {"a": 1}}))
    data[len(data) // 2] ^= 4
    with pytest.raises(StorageFailed, match="batch 3"):
        tail.decode(bytes(data), "batch 3")
