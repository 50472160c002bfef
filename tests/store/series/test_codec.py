from __future__ import annotations

from contextlib import suppress

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from runlore.errors import StorageFailed
from runlore.store.series.codec import Packer, pack_axis, pack_values, to_floats, unpack

int64s = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60)
few_int64s = st.lists(st.sampled_from([-(2**63), 2**63 - 1, 0, 1_000, 5_000_000, 10**18]), max_size=60)
bits64 = st.lists(st.integers(0, 2**64 - 1), max_size=60)
decimals = st.lists(st.decimals(-10_000, 10_000, places=4).map(float), max_size=60)


@settings(deadline=None, max_examples=150)
@given(st.one_of(int64s, few_int64s))
def test_integers_come_back(values: list[int]) -> None:
    column = np.array(values, np.int64)
    (found,) = unpack(Packer(len(column)).ints(column).done(), "a test")
    assert found.dtype == np.int64
    assert found.tolist() == values


@settings(deadline=None, max_examples=150)
@given(
    st.one_of(bits64.map(lambda bits: np.array(bits, np.uint64)), decimals.map(lambda v: np.array(v).view(np.uint64)))
)
def test_every_bit_of_floats_comes_back(bits: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> None:
    (found,) = unpack(Packer(len(bits)).floats(bits).done(), "a test")
    assert found.view(np.uint64).tobytes() == bits.tobytes()


@pytest.mark.parametrize(
    "values",
    [
        [0.0, -0.0],
        [-0.0, -0.0],
        [np.nan, 0.5],
        [np.inf, -np.inf],
        [2.0**53, 2.0**53 + 2],
        [1e300, 0.1],
        [0.1 + 0.2, 0.3],
    ],
)
def test_awkward_floats_come_back(values: list[float]) -> None:
    bits = np.array(values * 20).view(np.uint64)
    (found,) = unpack(Packer(len(bits)).floats(bits).done(), "a test")
    assert found.view(np.uint64).tobytes() == bits.tobytes()


def test_columns_of_every_kind_share_a_block() -> None:
    kinds = np.frombuffer(b"dqd", np.uint8)
    exact = np.array([1, 2**64 - 1, 0], np.uint64)
    steps = np.array([-(2**53), 0, 2**53])
    assert [c.tolist() for c in unpack(pack_axis(steps, steps), "a test")] == [steps.tolist(), steps.tolist()]
    found = unpack(pack_values(kinds, exact), "a test")
    assert bytes(found[0]) == b"dqd"
    assert found[1].tolist() == exact.tolist()


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_no_flipped_bit_becomes_a_value(bit: int) -> None:
    exact = np.random.default_rng(1).standard_normal(200).view(np.uint64)
    block = pack_values(np.full(200, ord("d"), np.uint8), exact)
    unnoticed = []
    for at in range(len(block)):
        damaged = bytearray(block)
        damaged[at] ^= 1 << bit
        with suppress(StorageFailed):
            found = unpack(bytes(damaged), "block 7")
            unnoticed.append(found[1].view(np.uint64).tobytes())
    assert all(values == exact.tobytes() for values in unnoticed)


@pytest.mark.parametrize("size", [0, 1, 4, 20])
def test_a_block_cut_short_is_told(size: int) -> None:
    block = pack_axis(np.arange(50), np.arange(50) ** 3)
    with pytest.raises(StorageFailed, match="a test"):
        unpack(block[:size], "a test")


def test_regular_columns_cost_next_to_nothing() -> None:
    steps = np.arange(0, 16_384 * 10, 10)
    assert len(pack_axis(steps, 10**18 + steps * 1_000_000)) < 100
    assert len(pack_values(np.full(16_384, ord("d"), np.uint8), np.full(16_384, 0.1).view(np.uint64))) < 100


@pytest.mark.parametrize(
    ("what", "limit"),
    [("float32", 3.2), ("int", 2.3), ("decimal", 2.0), ("float64", 6.8)],
)
def test_noise_costs_little_more_than_its_own_bits(what: str, limit: float) -> None:
    rng = np.random.default_rng(0)
    noise = 1 + 0.05 * rng.standard_normal(16_384)
    values = {
        "float32": noise.astype(np.float32).astype(np.float64),
        "int": rng.integers(0, 50_000, 16_384).astype(np.float64),
        "decimal": np.round(noise, 4),
        "float64": noise,
    }[what]
    block = pack_values(np.full(16_384, ord("d"), np.uint8), values.view(np.uint64))
    assert len(block) / 16_384 < limit


def test_values_of_mixed_kinds_become_floats() -> None:
    kinds = np.frombuffer(b"dqQ?", np.uint8)
    exact = np.array([np.float64(0.5).view(np.uint64), 2**64 - 3, 2**64 - 1, 1], np.uint64)
    assert to_floats(kinds, exact).tolist() == [0.5, -3.0, float(2**64 - 1), 1.0]
