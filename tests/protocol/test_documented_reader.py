"""The reader printed in ``docs/design/journal.md`` reads what we write."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from runlore.protocol import wire
from runlore.protocol.frames import MAGIC
from runlore.protocol.records import Exit, Header, Kind, Schema

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "design" / "journal.md"


def test_the_printed_reader_reads_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    monkeypatch.setitem(sys.modules, "msgpack", SimpleNamespace(unpackb=msgspec.msgpack.decode))
    names: dict[str, Any] = {}
    exec(found.group(1), names)
    path = tmp_path / "a.rlj"
    header = Header(run_id="r", project="p", writer="0" * 32, time_ns=1)
    path.write_bytes(
        MAGIC
        + wire.encode(header)
        + wire.encode(Schema(id=0, names=["loss", "epoch", "done"], types="dq?"))
        + wire.encode_row("dq?", 0, 5, 10**18, (-0.0, 2**60, True))
        + wire.encode_row("dq?", 0, 6, 10**18 + 1, (math.inf, -1, False))
        + wire.encode(Exit(time_ns=3, state="finished"))
    )
    rows = list(names["rows"](str(path)))
    assert rows == [
        (5, 10**18, {"loss": 0.0, "epoch": 2**60, "done": True}),
        (6, 10**18 + 1, {"loss": math.inf, "epoch": -1, "done": False}),
    ]
    assert math.copysign(1, rows[0][2]["loss"]) == -1


def test_the_page_names_every_kind_and_type_letter() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in Kind:
        assert f"| {kind.value} | `{kind.name}` |" in text
    for letter, size in wire.TYPE_SIZES.items():
        assert f"| `{letter}` | {size} |" in text
    for struct in wire.STRUCTS.values():
        for field in struct.__struct_fields__:
            assert f"`{field}`" in text, f"{struct.__name__}.{field}"
