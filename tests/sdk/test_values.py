from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import decimal
import enum
import math
import types
import uuid
from collections import OrderedDict, namedtuple
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pydantic
import pytest

from runlore.sdk import values
from runlore.sdk.values import Number, Unrecordable


class Colour(enum.Enum):
    RED = "red"
    ODD = object()


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Optimizer:
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)


class Model(pydantic.BaseModel):
    depth: int = 2
    optimizer: str = "adam"


Point = namedtuple("Point", "x y")  # noqa: PYI024 - users have these


class StandInTensor:
    """Stands in for a tensor of a framework that is not installed: dtype, shape, item(), tolist(), device."""

    def __init__(self, data: Any, dtype: str = "torch.float32", device: str = "cpu") -> None:
        self._array = np.asarray(data)
        self.shape = self._array.shape
        self.dtype = dtype
        self.device = types.SimpleNamespace(type=device)

    def item(self) -> Any:
        return self._array.item()

    def tolist(self) -> Any:
        return self._array.tolist()

    def detach(self) -> StandInTensor:
        return self


@pytest.mark.parametrize(
    ("value", "letter", "plain"),
    [
        (1.5, "d", 1.5),
        (3, "q", 3),
        (True, "?", True),
        (np.float64(1.5), "d", 1.5),
        (np.float32(1.5), "f", 1.5),
        (np.float16(1.5), "e", 1.5),
        (np.int8(-3), "q", -3),
        (np.uint32(7), "q", 7),
        (np.uint64(2**64 - 1), "Q", 2**64 - 1),
        (np.bool_(True), "?", True),
        (np.array(2.5, dtype=np.float32), "f", 2.5),
        (np.array([7]), "q", 7),
        (np.array([[True]]), "?", True),
        (StandInTensor(0.5), "f", 0.5),
        (StandInTensor(0.5, "torch.bfloat16"), "f", 0.5),
        (StandInTensor(0.5, "torch.float16"), "e", 0.5),
        (StandInTensor([3], "torch.int64"), "q", 3),
        (StandInTensor(True, "torch.bool"), "?", True),
        (Level.HIGH, None, 3),
        (decimal.Decimal("0.5"), "d", 0.5),
    ],
)
def test_scalars_keep_their_width(value: Any, letter: str | None, plain: Any) -> None:
    found = values.recordable(value)
    if letter is None:
        assert found == plain
    else:
        assert found == Number(letter, plain)
        assert type(found.value) is type(plain)


def test_short_arrays_become_lists_and_long_ones_histograms() -> None:
    assert values.recordable(np.arange(32)) == list(range(32))
    assert values.recordable(np.array([["a", "b"]])) == [["a", "b"]]
    assert values.recordable([1.0] * 100) == [1.0] * 100, "lists are kept as they are"
    found = values.recordable(np.linspace(0, 1, 1000).reshape(10, 100))
    assert found["_type"] == "histogram"
    assert sum(found["values"]) == 1000
    assert len(found["values"]) == 32
    assert (found["bins"][0], found["bins"][-1]) == (0.0, 1.0)


def test_histogram_counts_what_is_not_finite() -> None:
    data = np.array([math.nan, math.inf, *range(40)], dtype=float)
    assert values.recordable(data)["not_finite"] == 2
    assert sum(values.recordable(data)["values"]) == 40


def test_histogram_without_numpy_is_the_same() -> None:
    data = [float(number) for number in range(33)]
    with_numpy = values.recordable(np.array(data))
    plain = values.histogram(data)
    assert plain["values"] == with_numpy["values"]
    assert plain["bins"] == pytest.approx(with_numpy["bins"])
    assert sum(values.histogram([2.0] * 50)["values"]) == 50
    assert sum(values.histogram([math.nan] * 50)["values"]) == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("text", "text"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ((1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (Colour.RED, "red"),
        (Colour.ODD, "ODD"),
        (PurePosixPath("/a/b"), "/a/b"),
        (dt.date(2020, 1, 2), "2020-01-02"),
        (dt.timedelta(seconds=90), 90.0),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Optimizer(), {"lr": 0.1, "betas": [0.9, 0.99]}),
        (Model(), {"depth": 2, "optimizer": "adam"}),
        (Point(1, 2), {"x": 1, "y": 2}),
        (argparse.Namespace(a=1), {"a": 1}),
        (OrderedDict(b=1), {"b": 1}),
        ({Colour.RED: 1, 2: 3}, {"RED": 1, "2": 3}),
        (np.float32(0.5), 0.5),
        (np.arange(3), [0, 1, 2]),
        (1 + 2j, {"_type": "complex", "real": 1.0, "imag": 2.0}),
        (2**70, {"_type": "integer", "value": str(2**70)}),
    ],
)
def test_everything_that_can_be_plain_data_is(value: Any, expected: Any) -> None:
    assert values.to_json(value) == expected


def test_unknown_objects_are_refused_or_noted_as_text() -> None:
    with pytest.raises(Unrecordable, match="object"):
        values.to_json(object())
    notes: list[str] = []
    assert values.to_json({"f": math.sqrt, "k": Optimizer}, notes.append) == {
        "f": "math.sqrt",
        "k": f"{__name__}.Optimizer",
    }
    assert len(notes) == 2


def test_tensors_on_a_device_are_read_at_once_unless_deferred() -> None:
    tensor = StandInTensor(0.5, device="cuda")
    assert values.recordable(tensor) == Number("f", 0.5)
    assert values.recordable(tensor, defer=True) == values.OnDevice(tensor)
    assert values.recordable(StandInTensor(0.5), defer=True) == Number("f", 0.5)
