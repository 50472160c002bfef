from __future__ import annotations

import math

import pytest

from runlore.api.document import Document, from_json, to_json


def test_changes_wait_until_they_are_sent() -> None:
    sent: list[str] = []
    document = Document({"a": 1, "b": {"c": 2}}, lambda: sent.append("sent"))
    document["a"] = math.inf
    del document["b"]
    assert sent == []
    assert document.pending() == ({"a": "Infinity"}, ["b"])
    document.update({"d": 4}, e=5)
    assert sent == ["sent"]
    assert document.pending() == ({"a": "Infinity", "d": 4, "e": 5}, ["b"])


def test_key_set_again_after_removal_is_not_removed() -> None:
    document = Document({"a": 1}, lambda: None)
    del document["a"]
    document["a"] = 2
    assert document.pending() == ({"a": 2}, None)


def test_key_must_be_a_string() -> None:
    with pytest.raises(TypeError, match="expected a string, not int"):
        Document({}, lambda: None)[1] = 2  # type: ignore[index]


def test_special_numbers_travel_as_words() -> None:
    values = {"a": [math.inf, -math.inf, 1.5], "b": {"c": math.nan}, "d": "text", "e": True, "f": None}
    words = to_json(values)
    assert words == {"a": ["Infinity", "-Infinity", 1.5], "b": {"c": "NaN"}, "d": "text", "e": True, "f": None}
    back = from_json(words)
    assert math.isnan(back["b"].pop("c"))
    assert back == {**values, "b": {}}
