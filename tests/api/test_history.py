from __future__ import annotations

import math
from array import array

import pytest

from runlore.api.history import rows_of
from runlore.protocol import columns


def frame(objects: list[list[object]]) -> bytes:
    return columns.encode(
        {
            "_step": ("i8", array("q", [0, 5]).tobytes()),
            "_timestamp": ("f8", array("d", [10.0, 11.5]).tobytes()),
            "loss": ("f8", array("d", [math.nan, 0.25]).tobytes()),
            "loss:present": ("u1", bytes([1, 1])),
            "lr": ("f8", array("d", [math.nan, 0.1]).tobytes()),
            "lr:present": ("u1", bytes([0, 1])),
            "epoch": ("f8", array("d", [3.0, 4.0]).tobytes()),
            "epoch:present": ("u1", bytes([1, 1])),
            "is_best": ("f8", array("d", [0.0, 1.0]).tobytes()),
            "is_best:present": ("u1", bytes([1, 1])),
            "mixed": ("f8", array("d", [2.0, 2.5]).tobytes()),
            "mixed:present": ("u1", bytes([1, 1])),
        },
        {"objects": objects, "types": {"loss": "d", "lr": "d", "epoch": "q", "is_best": "?", "mixed": "dq"}},
    )


def test_rows_hold_what_was_logged_and_nothing_else() -> None:
    rows = rows_of(frame([[0, "note", "begun"]]), ["loss", "lr", "note"])
    assert math.isnan(rows[0].pop("loss"))
    assert rows == [
        {"_step": 0, "_timestamp": 10.0, "note": "begun"},
        {"_step": 5, "_timestamp": 11.5, "loss": 0.25, "lr": 0.1},
    ]


def test_key_that_is_not_there_is_left_out() -> None:
    assert rows_of(frame([]), ["absent"]) == [{"_step": 0, "_timestamp": 10.0}, {"_step": 5, "_timestamp": 11.5}]


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="column frame"):
        rows_of(b"<html>", ["loss"])


def test_numbers_come_back_in_the_type_they_were_logged_in() -> None:
    rows = rows_of(frame([]), ["epoch", "is_best", "mixed"])
    assert [(type(row["epoch"]), type(row["is_best"]), type(row["mixed"])) for row in rows] == [(int, bool, float)] * 2
    assert [(row["epoch"], row["is_best"], row["mixed"]) for row in rows] == [(3, False, 2.0), (4, True, 2.5)]
