"""Identifiers and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.errors import UsageError
from runlore.protocol import ids

if TYPE_CHECKING:
    from collections.abc import Callable


def test_new_run_ids_are_eight_symbols_and_differ() -> None:
    made = {ids.new_run_id() for _ in range(200)}
    assert len(made) == 200
    assert all(len(each) == 8 and set(each) <= set(ids.RUN_ID_ALPHABET) and ids.check_run_id(each) for each in made)


def test_new_writers_are_writers() -> None:
    assert ids.is_writer(ids.new_writer())
    assert ids.new_writer() != ids.new_writer()


@pytest.mark.parametrize("text", ["", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "é" * 32, "../" + "a" * 29])
def test_is_writer_refuses_other_text(text: str) -> None:
    assert not ids.is_writer(text)


@pytest.mark.parametrize(("check", "longest"), [(ids.check_run_id, 64), (ids.check_project, 128)])
def test_names_of_any_script_are_taken_up_to_their_length(check: Callable[[str], str], longest: int) -> None:
    for name in ("a", "résumé ☕ 実験", "a.b-c_d", "x" * longest):
        assert check(name) == name
    with pytest.raises(UsageError, match=str(longest)):
        check("x" * (longest + 1))


@pytest.mark.parametrize("name", ["", " ", " a", "a ", ".", "..", "a\n", "\ta"])
def test_empty_and_padded_names_are_refused(name: str) -> None:
    for check in (ids.check_run_id, ids.check_project):
        with pytest.raises(UsageError):
            check(name)


@pytest.mark.parametrize("barred", list("/\\#?%:\x00\x1f\x7f"))
def test_barred_symbols_are_named(barred: str) -> None:
    for check in (ids.check_run_id, ids.check_project):
        with pytest.raises(UsageError) as caught:
            check(f"a{barred}b")
        assert repr(barred) in str(caught.value)


@given(st.text(max_size=140))
def test_a_name_that_passes_is_one_safe_path_segment(name: str) -> None:
    try:
        ids.check_project(name)
    except UsageError:
        return
    assert name.strip() == name
    assert "/" not in name
    assert "\\" not in name
    assert name not in {"", ".", ".."}


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "0", "x" * 64])
def test_entities_are_taken(name: str) -> None:
    assert ids.check_entity(name) == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "é", "~", "a/b", "x" * 65, "a\n", "api", "Assets"])
def test_other_entities_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        ids.check_entity(name)


def test_tags_have_one_to_64_characters() -> None:
    assert ids.check_tag("x" * 64) == "x" * 64
    for tag in ("", "x" * 65):
        with pytest.raises(UsageError):
            ids.check_tag(tag)
