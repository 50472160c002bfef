from __future__ import annotations

from runlore.store.series.cache import SizedCache


def test_the_least_recently_used_goes_first() -> None:
    cache: SizedCache[bytes] = SizedCache(10, len)
    cache.put("a", b"aaaa")
    cache.put("b", b"bbbb")
    assert cache.get("a") == b"aaaa"
    cache.put("c", b"cccc")
    assert cache.get("b") is None
    assert cache.get("a") == b"aaaa"
    assert cache.size_bytes == 8


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache: SizedCache[bytes] = SizedCache(10, len)
    cache.put("small", b"1")
    cache.put("large", bytes(11))
    assert cache.get("large") is None
    assert cache.get("small") == b"1"


def test_putting_the_same_twice_counts_once() -> None:
    cache: SizedCache[bytes] = SizedCache(10, len)
    cache.put("a", b"1234")
    cache.put("a", b"1234")
    assert cache.size_bytes == 4
