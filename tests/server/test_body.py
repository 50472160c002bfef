from __future__ import annotations

import asyncio
from zlib import crc32

import hypothesis.strategies as st
import pytest
import zstandard
from hypothesis import given

from runlore.server.body import Budget, unpack, unpacked_size
from runlore.server.refusal import Refusal


@given(st.binary(max_size=2000))
def test_unpacking_is_the_reverse_of_packing(data: bytes) -> None:
    checksum = f"{crc32(data):08X}"
    assert unpack(zstandard.compress(data), "zstd", checksum) == data
    assert unpack(data, "identity", checksum) == data
    two = zstandard.compress(data) + zstandard.compress(b"more")
    assert unpack(two, "zstd", f"{crc32(data + b'more'):08x}") == data + b"more"


def refused(data: bytes) -> str:
    try:
        unpacked_size(data, "zstd")
        unpack(data, "zstd", "00000000")
    except Refusal as refusal:
        return refusal.body.code
    return ""


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    assert refused(data) in {"", "bad-request", "damaged-upload", "too-large"}


def test_a_huge_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b"x" * 100) + packer.flush()
    with pytest.raises(Refusal):
        unpack(packed, "zstd", "00000000")


def test_the_budget_lets_one_large_upload_in_at_a_time() -> None:
    async def scenario() -> None:
        budget = Budget(100)
        order: list[str] = []

        async def upload(name: str, size: int) -> None:
            async with budget.hold(size):
                order.append(f"+{name}")
                await asyncio.sleep(0.01)
                order.append(f"-{name}")

        await asyncio.gather(upload("huge", 500), upload("a", 60), upload("b", 60), upload("c", 40))
        assert order[:2] == ["+huge", "-huge"]
        assert order.index("+b") > order.index("-a")
        assert order.index("+c") < order.index("-a")

    asyncio.run(scenario())
