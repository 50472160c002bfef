"""Turns anything a user logs or configures into a number with a type letter, or into plain JSON data.

Knows numpy, torch, JAX and TensorFlow by what their objects look like; imports none of them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LETTERS: Final[dict[type, str]] = {float: "d", int: "q", bool: "?"}
"""Type letter (``protocol.wire``) of every scalar type seen so far. numpy's types are added when one first comes."""

MAX_LIST: Final = 32
"""Arrays of more elements are recorded as a histogram."""

BINS: Final = 32
_DEEPEST: Final = 32
_NUMPY_CODES: Final = {"d": "d", "g": "d", "f": "f", "e": "e", "?": "?", "Q": "Q", "L": "Q"}
_TENSOR_LETTERS: Final = {"float32": "f", "float16": "e", "bfloat16": "f", "float64": "d", "bool": "?", "uint64": "Q"}
_LOW, _HIGH = -(2**63), 2**63 - 1
_SIMPLE: Final = (str, float, int, bool, type(None))


class Unrecordable(Exception):
    """The value has no faithful recordable form; the message says why."""


class Number(NamedTuple):
    """A scalar: its type letter and its plain Python value."""

    letter: str
    value: float | int | bool


class OnDevice(NamedTuple):
    """A tensor that still lives on an accelerator: reading it now would make the training thread wait."""

    tensor: Any


def letter_of(kind: type, value: Any) -> str | None:
    """The type letter of a numpy scalar's type, remembered in ``LETTERS``; None for anything else."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic):
        return None
    code = value.dtype.char
    letter = _NUMPY_CODES.get(code) or ("q" if value.dtype.kind in "iu" else None)
    if letter == "Q" and value.dtype.itemsize < 8:
        letter = "q"
    if letter is not None and code != "g":
        LETTERS[kind] = letter
    return letter


def integer(value: int) -> Number | dict[str, str]:
    """An integer as a Number, or as the typed object of ``records.Objects`` when it exceeds 64 bits."""
    if _LOW <= value <= _HIGH:
        return Number("q", value)
    return {"_type": "integer", "value": str(value)}


def is_tensor(value: Any) -> bool:
    """Whether ``value`` looks like an array or tensor of any library."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and not isinstance(value, type)


def _is_on_device(value: Any) -> bool:
    device = getattr(value, "device", None)
    return getattr(device, "type", "cpu") not in {"cpu", "meta"} and hasattr(value, "item")


def recordable(value: Any, *, defer: bool = False) -> Any:
    """What a logged value becomes.

    A Number for every kind of scalar, a Mapping that is still to be flattened, OnDevice for an accelerator's tensor
    when ``defer``, else plain JSON data. Raises Unrecordable.
    """
    kind = type(value)
    letter = LETTERS.get(kind)
    if letter is not None:
        if kind is int:
            return integer(value)
        return Number(letter, value.item() if kind not in _SIMPLE else value)
    if kind is str or value is None:
        return value
    if isinstance(value, Mapping):
        return value
    if isinstance(value, bool):
        return Number("?", bool(value))
    if is_tensor(value):
        return _tensor(value, defer=defer)
    if isinstance(value, int) and not _is_enum(value):
        return integer(int(value))
    if isinstance(value, float) and not _is_enum(value):
        return Number("d", float(value))
    fields = fields_of(value)
    if fields is not None:
        return fields
    if kind.__module__ in {"decimal", "fractions"}:
        return Number("d", float(value))
    return to_json(value)


def _tensor(value: Any, *, defer: bool) -> Any:
    if defer and _is_on_device(value):
        return OnDevice(value)
    letter = letter_of(type(value), value)
    if letter is not None:
        return Number(letter, float(value) if value.dtype.char == "g" else value.item())
    if _size(value) == 1:
        item = value.item() if hasattr(value, "item") else value.numpy().item()
        if isinstance(item, bool):
            return Number("?", item)
        if isinstance(item, int):
            return integer(item)
        if isinstance(item, float):
            name = str(value.dtype).rpartition(".")[2].strip("<>' ")
            return Number(_TENSOR_LETTERS.get(name, "d"), item)
        return to_json(item)
    return array_to_json(value)


def _size(value: Any) -> int:
    size = 1
    for length in value.shape:
        size *= int(length)
    return size


def _as_numpy(value: Any) -> Any:
    """The value as a numpy array where numpy is loaded and understands it, else a nested list."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "cpu") and callable(value.cpu):
        value = value.cpu()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return value
        try:
            return numpy.asarray(value.numpy() if hasattr(value, "numpy") else value)
        except (TypeError, ValueError, RuntimeError):  # such as bfloat16, which numpy does not know
            return value.tolist()
    return value.tolist()


def array_to_json(value: Any) -> Any:
    """An array or tensor as a list, or as a histogram of 32 bins where it has more than 32 numbers."""
    array = _as_numpy(value)
    items = array.tolist() if hasattr(array, "tolist") else array
    if _size(value) <= MAX_LIST:
        return to_json(items)
    flat = _flatten_list(items)
    if not all(isinstance(item, int | float) for item in flat):
        return to_json(items)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        return _histogram_numpy(numpy, numpy.asarray(flat, dtype="float64"))
    return histogram([float(item) for item in flat])


def _flatten_list(items: Any) -> list[Any]:
    if not isinstance(items, list):
        return [items]
    return (
        [leaf for item in items for leaf in _flatten_list(item)] if any(isinstance(i, list) for i in items) else items
    )


def _histogram_numpy(numpy: Any, flat: Any) -> dict[str, Any]:
    finite = flat[numpy.isfinite(flat)]
    counts, edges = numpy.histogram(finite, bins=BINS)
    return _histogram_object(counts.tolist(), edges.tolist(), len(flat) - len(finite))


def histogram(values: list[float]) -> dict[str, Any]:
    """The typed histogram object of ``values``: 32 equal bins over the finite ones; the others are only counted."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / BINS
    counts = [0] * BINS
    for value in finite:
        counts[min(BINS - 1, int((value - low) / width))] += 1
    return _histogram_object(counts, [low + width * index for index in range(BINS)] + [high], len(values) - len(finite))


def _histogram_object(counts: list[int], edges: list[float], other: int) -> dict[str, Any]:
    found: dict[str, Any] = {"_type": "histogram", "values": counts, "bins": edges}
    if other:
        found["not_finite"] = other
    return found


def _is_enum(value: Any) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(value, enum.Enum)


def fields_of(value: Any) -> dict[str, Any] | None:
    """Fields by name of a dataclass, attrs, pydantic, OmegaConf, namespace or named-tuple object; None for others."""
    kind = type(value)
    if isinstance(value, type):
        return None
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and isinstance(value, omegaconf.DictConfig):
        found = omegaconf.OmegaConf.to_container(value, resolve=True, throw_on_missing=False)
        return dict(found) if isinstance(found, dict) else None
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__ if hasattr(value, name)}
    if hasattr(kind, "__attrs_attrs__"):
        return {field.name: getattr(value, field.name) for field in kind.__attrs_attrs__}
    if hasattr(kind, "model_fields") and callable(getattr(value, "model_dump", None)):
        return dict(value.model_dump())
    if hasattr(kind, "__fields__") and callable(getattr(value, "dict", None)):
        return dict(value.dict())
    if hasattr(kind, "__struct_fields__"):
        return {name: getattr(value, name) for name in kind.__struct_fields__}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, value, strict=False))
    if kind.__name__ in {"Namespace", "SimpleNamespace"} and kind.__module__ in {"argparse", "types"}:
        return dict(vars(value))
    return None


def to_json(value: Any, note: Callable[[str], None] | None = None, depth: int = 0) -> Any:
    """``value`` as data of dicts, lists, strings, numbers, booleans and None.

    note: told in words when something had to be written as text (an unknown object becomes its ``repr``); without it
    such an object raises Unrecordable. So do data nested deeper than 32 levels.
    """
    kind = type(value)
    if kind is str:
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if kind is float or kind is bool or value is None:
        return value
    if depth > _DEEPEST:
        raise Unrecordable(f"it is nested deeper than {_DEEPEST} levels, or holds itself")
    if isinstance(value, int | float) and not _is_enum(value):
        number = integer(int(value)) if isinstance(value, int) and kind is not bool else value
        return number.value if isinstance(number, Number) else (float(value) if isinstance(value, float) else number)
    if _is_enum(value):
        return to_json(value.value, note, depth + 1) if isinstance(value.value, _SIMPLE) else value.name
    fields = fields_of(value)
    if fields is not None:
        value = fields
    if isinstance(value, Mapping):
        return {_key(key): to_json(item, note, depth + 1) for key, item in value.items()}
    if isinstance(value, str):
        return str.__str__(value)
    if is_tensor(value):
        return _array_in_json(value, note, depth)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [to_json(item, note, depth + 1) for item in value]
    if isinstance(value, AbstractSet):
        return [to_json(item, note, depth + 1) for item in _in_order(value)]
    return _leaf(value, note)


def _key(key: Any) -> str:
    if type(key) is str:
        return key
    if _is_enum(key):
        return str(key.name)
    return str(key)


def _in_order(items: AbstractSet[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


def _array_in_json(value: Any, note: Callable[[str], None] | None, depth: int) -> Any:
    if _size(value) == 1 and len(value.shape) == 0 and hasattr(value, "item"):
        item = value.item()
        return _leaf(item, note) if is_tensor(item) else to_json(item, note, depth + 1)
    return array_to_json(value)


def _leaf(value: Any, note: Callable[[str], None] | None) -> Any:
    """Text of a value that is no number and no container."""
    if hasattr(value, "__fspath__"):
        path = value.__fspath__()
        return path if isinstance(path, str) else path.decode("utf-8", "replace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "total_seconds"):
        return float(value.total_seconds())
    kind = type(value)
    if kind is complex:
        return {"_type": "complex", "real": value.real, "imag": value.imag}
    if kind.__module__ in {"decimal", "fractions", "uuid"}:
        return str(value)
    if kind.__module__ == "torch" and kind.__name__ in {"dtype", "device", "Size"}:
        return str(value)
    if note is None:
        raise Unrecordable(f"a value of type {kind.__module__}.{kind.__qualname__} has no recordable form")
    text = getattr(value, "__qualname__", None) if callable(value) else None
    text = f"{value.__module__}.{text}" if isinstance(text, str) else repr(value)
    note(text if len(text) <= 80 else f"{text[:79]}…")
    return text
