from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given

from runlore.server.ingest.terminal import MAX_LINE, fold
from runlore.store.base import ConsoleTail

EMPTY = ConsoleTail(0, "", 0)


def lines(*texts: str) -> tuple[list[str], str]:
    found, tail = fold(EMPTY, list(enumerate(texts)))
    return [text for _, text in found], tail.text


@pytest.mark.parametrize(
    ("texts", "finished", "rest"),
    [
        (["a\nb\n"], ["a", "b"], ""),
        (["a", "b\nc"], ["ab"], "c"),
        (["a\r\nb\r\r\n"], ["a", "b"], ""),
        (["\n\n"], ["", ""], ""),
        (["  0%|   |\r 50%|#  |\r100%|###|\n"], ["100%|###|"], ""),
        (["hello\rJ"], [], "Jello"),
        (["abc\b\bX"], [], "aXc"),
        (["abc\r\x1b[Kd"], [], "d"),
        (["abc\r\x1b[2Kd\n"], ["d"], ""),
        (["\x1b[31mred\x1b[0m\r\x1b[32mgo\x1b[0m\n"], ["\x1b[32mgo\x1b[0m"], ""),
        (["x" * (MAX_LINE + 5) + "\n"], ["x" * MAX_LINE, "x" * 5], ""),
    ],
)
def test_a_terminals_last_picture_is_shown(texts: list[str], finished: list[str], rest: str) -> None:
    assert lines(*texts) == (finished, rest)


def test_a_line_has_the_time_it_began_at() -> None:
    found, tail = fold(EMPTY, [(1, "a"), (2, "b\nc"), (3, "\n"), (4, "d\ne")])
    assert found == [(1, "ab"), (2, "c"), (4, "d")]
    assert tail == ConsoleTail(4, "e", 1)


@given(text=st.text(alphabet="ab\r\n\b \x1b[K2", max_size=60), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_what_plain_output_shows_does_not_depend_on_how_it_was_cut(text: str, cuts: list[int]) -> None:
    plain = text.replace("\x1b", "").replace("\r\n", "\n")
    while "\r\n" in plain:
        plain = plain.replace("\r\n", "\n")
    places = sorted({0, len(plain), *(min(cut, len(plain)) for cut in cuts)})
    parts = [plain[start:end] for start, end in pairwise(places)]
    assert lines(*parts) == lines(plain)


@given(st.lists(st.text(max_size=20), max_size=8))
def test_folding_in_two_goes_is_folding_at_once(texts: list[str]) -> None:
    pieces = list(enumerate(texts))
    once, tail = fold(EMPTY, pieces)
    first, middle = fold(EMPTY, pieces[:3])
    second, last = fold(middle, pieces[3:])
    assert (first + second, last) == (once, tail)
