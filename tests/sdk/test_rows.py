from __future__ import annotations

import math
import tempfile
import threading
from collections import UserDict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.reading import only_journal, read_journal

import runlore
from runlore.protocol import wire
from runlore.protocol.records import MAX_ROW_BYTES, MAX_STEP, Header, Loss, Objects, Schema
from runlore.sdk import rows
from runlore.sdk.journal import Journal
from runlore.sdk.metrics import Definitions
from runlore.sdk.rows import Rows
from runlore.sdk.writer import Writer

HEADER = wire.encode(Header(run_id="r", project="p", writer="0" * 32, time_ns=1))


def new_rows(path: Path) -> tuple[Rows, Writer]:
    writer = Writer(lambda: Journal(path, HEADER))
    return Rows(writer, Definitions(), {}, {}, 0), writer


def test_fast_and_slow_path_write_the_same_bytes_but_for_the_time(tmp_path: Path) -> None:
    history, writer = new_rows(tmp_path / "a.rlj")
    for _ in range(3):
        history.log({"loss": 0.5, "n": 3, "ok": True}, step=7)
    writer.close()
    journal = read_journal(tmp_path / "a.rlj")
    assert [(row.step, row.values) for row in journal.rows] == [(7, {"loss": 0.5, "n": 3, "ok": True})] * 3
    assert [(record.names, record.types) for record in journal.of(Schema)] == [(["loss", "n", "ok"], "dq?")]
    rewritten = [
        wire.encode_row("dq?", 0, row.step, row.time_ns, (0.5, 3, True)) in (tmp_path / "a.rlj").read_bytes()
        for row in journal.rows
    ]
    assert rewritten == [True] * 3


@given(
    st.lists(
        st.dictionaries(
            st.text(min_size=1, max_size=20).filter(lambda name: name not in rows.RESERVED),
            st.one_of(
                st.floats(),
                st.integers(min_value=-(2**80), max_value=2**80),
                st.booleans(),
                st.none(),
                st.text(max_size=10),
                st.lists(st.floats(allow_nan=False), max_size=4),
                st.floats(width=32).map(np.float32),
                st.integers(0, 2**64 - 1).map(np.uint64),
            ),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_logged_is_what_is_read_back(logged: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.rlj"
        history, writer = new_rows(path)
        for row in logged * 2:  # the second time goes through the cached plans
            history.log(row)
        writer.close()
        found: dict[int, dict[str, Any]] = {}
        for seen in read_journal(path).rows:
            found.setdefault(seen.step, {}).update(seen.values)
    assert list(found) == list(range(2 * len(logged)))
    for step, expected in enumerate(logged * 2):
        assert {name: plain(value) for name, value in found[step].items()} == {
            name: plain(value) for name, value in expected.items()
        }


def plain(value: Any) -> Any:
    """A form in which NaN equals itself and a float32 its widened self; the type is part of it."""
    if isinstance(value, dict) and value.get("_type") == "integer":
        return ("int", int(value["value"]))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value.hex())
    return (type(value).__name__, value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308])
@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.float16])
def test_nan_and_infinities_survive_at_every_width(runs: Path, value: float, kind: type) -> None:
    with np.errstate(over="ignore"):
        logged = kind(value)
    with runlore.init(project="p") as run:
        for _ in range(2):
            run.log({"x": logged})
    for _, seen in only_journal(runs).column("x"):
        assert float(seen).hex() == float(logged).hex()


def test_nested_dictionaries_are_flattened_with_dots(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.log({"a": {"b": 1, "c": {"d": 2.5, 3: True}}, "train/loss": 1.0, "e": {}})
        assert run.summary["a.b"] == 1
        assert run.summary["a"]["c"]["d"] == 2.5
        assert run.summary["e"] == {}
    (first, second) = only_journal(runs).rows
    assert first.values == {"a.b": 1, "a.c.d": 2.5, "a.c.3": True, "train/loss": 1.0}
    assert second.values == {"e": {}}
    assert first.step == second.step == 0


def test_a_dictionary_that_holds_itself_is_named_and_the_rest_is_kept(
    runs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loop: dict[str, Any] = {"x": 1}
    loop["again"] = loop
    with runlore.init(project="p") as run:
        run.log({"loop": [loop], "good": 1})
    assert only_journal(runs).column("good") == [(0, 1)]
    assert "'loop'" in caplog.text


def test_any_mapping_can_be_logged(runs: Path) -> None:
    with runlore.init(project="p") as run:
        for _ in range(3):
            run.log(UserDict({"a": 1}))
    assert only_journal(runs).column("a") == [(0, 1), (1, 1), (2, 1)]


def test_integers_beyond_64_bits_are_kept_exactly(runs: Path) -> None:
    with runlore.init(project="p") as run:
        for value in (2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**40):
            run.log({"n": value, "other": 0.5})
    column = [value if isinstance(value, int) else int(value["value"]) for _, value in only_journal(runs).column("n")]
    assert column == [2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**40]
    assert len(only_journal(runs).column("other")) == 5


def test_timestamp_key_sets_the_time_of_the_row(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.log({"a": 1, "_timestamp": 1234.5})
    (row,) = only_journal(runs).rows
    assert row.time_ns == 1_234_500_000_000
    assert row.values == {"a": 1}


@pytest.mark.parametrize("key", ["_step", "_runtime"])
def test_reserved_keys_are_not_recorded_and_said_so(runs: Path, caplog: pytest.LogCaptureFixture, key: str) -> None:
    with runlore.init(project="p") as run:
        for _ in range(3):
            run.log({"a": 1, key: 5})
    assert [row.values for row in only_journal(runs).rows] == [{"a": 1}] * 3
    assert len([record for record in caplog.records if repr(key) in record.getMessage()]) == 1


@pytest.mark.parametrize("step", [1.5, math.nan, "7", MAX_STEP + 1, -MAX_STEP - 1, [1], math.inf])
def test_an_absurd_step_is_named_and_the_row_kept_at_the_automatic_step(
    runs: Path, caplog: pytest.LogCaptureFixture, step: Any
) -> None:
    with runlore.init(project="p") as run:
        run.log({"a": 0})
        run.log({"a": 1}, step=step)
    assert only_journal(runs).column("a") == [(0, 0), (1, 1)]
    assert repr(step) in caplog.text


@pytest.mark.parametrize("step", [3, 3.0, np.int64(3), np.float32(3.0)])
def test_steps_that_are_integers_in_another_dress_are_taken(runs: Path, step: Any) -> None:
    with runlore.init(project="p") as run:
        run.log({"a": 0}, step=step)
    assert only_journal(runs).column("a") == [(3, 0)]


def test_negative_and_largest_steps_are_kept(runs: Path) -> None:
    with runlore.init(project="p") as run:
        for step in (-5, MAX_STEP, -MAX_STEP):
            run.log({"a": 0}, step=step)
        assert run.step == MAX_STEP
    assert [step for step, _ in only_journal(runs).column("a")] == [-5, MAX_STEP, -MAX_STEP]


def test_over_long_names_are_cut_and_named(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    with runlore.init(project="p") as run:
        run.log({"ä" * 600: 1, "x" * 1024: 2, "b": 3})
    values = only_journal(runs).rows[0].values
    assert values == {"ä" * 512: 1, "x" * 1024: 2, "b": 3}
    assert "1200 bytes" in caplog.text


def test_a_huge_value_is_left_out_with_size_and_limit_and_counted(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    with runlore.init(project="p") as run:
        run.log({"text": "x" * MAX_ROW_BYTES, "a": 1, "b": "kept"})
        run.log({"text": "x" * (MAX_ROW_BYTES - 1000)})
        run.log({"a": 2})
        assert run.step == 3
        run.log({"text": "x" * MAX_ROW_BYTES})
        assert run.summary["a"] == 2
    journal = only_journal(runs)
    assert journal.column("a") == [(0, 1), (2, 2)]
    assert journal.column("b") == [(0, "kept")]
    assert [step for step, _ in journal.column("text")] == [1]
    assert [(loss.rows, loss.size_bytes > MAX_ROW_BYTES) for loss in journal.of(Loss)] == [(0, True), (1, True)]
    assert "'text' of 250000" in caplog.text
    assert str(MAX_ROW_BYTES) in caplog.text


def test_more_metrics_than_a_server_keeps_are_told(
    runs: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_METRICS", 3)
    with runlore.init(project="p") as run:
        run.log({"a": 1, "b": 2, "c": 3})
        assert not caplog.records
        run.log({"d": 1})
        run.log({"e": 1})
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["more than 3 metrics were logged"]
    assert only_journal(runs).column("e") == [(2, 1)]


def test_unrecordable_values_are_named_once_each(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("boom")

    with runlore.init(project="p") as run:
        for _ in range(5):
            run.log({"good": 1, "thing": object(), "lock": threading.Lock(), "raw": b"bytes", "broken": Broken()})
    assert len(only_journal(runs).column("good")) == 5
    assert sorted(record.getMessage().split("'")[1] for record in caplog.records) == ["broken", "lock", "raw", "thing"]


def test_more_sets_of_names_than_schemas_are_kept_as_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_SCHEMAS", 4)
    history, writer = new_rows(tmp_path / "a.rlj")
    for index in range(10):
        history.log({f"metric{index}": index})
    writer.close()
    journal = read_journal(tmp_path / "a.rlj")
    assert len(journal.of(Schema)) == 4
    assert len(journal.of(Objects)) == 6
    assert [(row.step, row.values) for row in journal.rows] == [
        (index, {f"metric{index}": index}) for index in range(10)
    ]


def test_step_metric_is_copied_into_rows_that_lack_it(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.define_metric("epoch")
        run.define_metric("val/*", step_metric="epoch")
        run.define_metric("free", step_metric="epoch", step_sync=False)
        for epoch in range(2):
            run.log({"val/before": 1})
            run.log({"epoch": epoch})
            for _ in range(3):
                run.log({"val/loss": 0.5})
            run.log({"free": 1})
            run.log({"val/loss": 0.25, "epoch": epoch})
    rows_ = [row.values for row in only_journal(runs).rows]
    assert rows_[:7] == [
        {"val/before": 1},
        {"epoch": 0},
        *[{"val/loss": 0.5, "epoch": 0}] * 3,
        {"free": 1},
        {"val/loss": 0.25, "epoch": 0},
    ]
    assert rows_[7] == {"val/before": 1, "epoch": 0}
    assert rows_[9:12] == [{"val/loss": 0.5, "epoch": 1}] * 3


def test_definitions_hold_for_rows_that_were_planned_before(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.log({"epoch": 1})
        run.log({"loss": 1.0})
        run.define_metric("loss", step_metric="epoch", summary="min")
        run.log({"loss": 2.0})
        assert run.summary["loss"] == {"min": 2.0}
    assert only_journal(runs).rows[-1].values == {"loss": 2.0, "epoch": 1}


def test_threads_share_a_run_without_losing_or_repeating_a_step(runs: Path) -> None:
    with runlore.init(project="p") as run:

        def work(number: int) -> None:
            for index in range(300):
                run.log({"who": number, "index": index} if index % 2 else {"who": number, "index": index, "text": "x"})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert run.step == 1800
    journal = only_journal(runs)
    assert journal.damaged == 0
    assert sorted(step for step, _ in journal.column("who")) == list(range(1800))


def test_log_after_finish_raises_and_writes_nothing(runs: Path) -> None:
    run = runlore.init(project="p")
    run.log({"a": 1})
    run.finish()
    for data in ({"a": 1}, {"new": 1}, {}):
        with pytest.raises(runlore.UsageError, match="finished"):
            run.log(data)
    assert only_journal(runs).column("a") == [(0, 1)]


def test_a_row_of_scalars_and_others_survives_as_one_write(tmp_path: Path) -> None:
    history, writer = new_rows(tmp_path / "a.rlj")
    history.log({"a": 1.0, "t": "text"})
    size = (tmp_path / "a.rlj").stat().st_size
    history.log({"a": 1.0, "t": "text"})
    added = (tmp_path / "a.rlj").stat().st_size - size
    writer.close()
    packed = 9 + 20 + 8
    objects = len(wire.encode(Objects(step=1, time_ns=2**60, values={"t": "text"})))
    assert added == packed + objects
    assert msgspec.structs.asdict(read_journal(tmp_path / "a.rlj").of(Objects)[0])["values"] == {"t": "text"}
