from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
import zstandard
from sqlalchemy import func, select
from tests.server.served import Journal, serving

from runlore.errors import StorageFull
from runlore.protocol import ids, records, wire
from runlore.protocol.frames import encode_frame
from runlore.server import body
from runlore.server.ingest.commit import Stored, Upload
from runlore.store.series.schema import metric_tail

if TYPE_CHECKING:
    from pathlib import Path


def test_a_range_is_stored_and_shown(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal(name="nice", tags=["a", "a", "b"], group="g", job_type="train", notes="n")
        journal.add(records.Config(set={"lr": 0.1, "net": {"depth": 3}})).rows(range(100))
        answer = served.upload(journal.writer, 0, journal.data)
        assert answer.json() == {
            "offset": len(journal.data),
            "entity": "ann",
            "project": "p",
            "run_id": "r",
            "url": "http://testserver.local/ann/p/runs/r",
            "stop": False,
        }
        run = served.run()
        assert (run["name"], run["tags"], run["group"], run["job_type"], run["notes"]) == (
            "nice",
            ["a", "b"],
            "g",
            "train",
            "n",
        )
        assert (run["state"], run["rows"], run["last_step"], run["ordinal"]) == ("running", 100, 99, 1)
        assert run["config"] == {"lr": 0.1, "net": {"depth": 3}}
        assert run["summary"] == {"loss": 99.0}
        columns, _ = served.history("loss")
        assert columns["loss"] == [float(step) for step in range(100)]


def test_replays_and_overlaps_store_nothing_twice(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().rows(range(50))
        served.send(journal)
        assert served.upload(journal.writer, 0, journal.data).json()["offset"] == len(journal.data)
        half = len(journal.data)
        journal.rows(range(50, 80))
        for offset in (0, half):
            assert served.upload(journal.writer, offset, journal.data[offset:]).json()["offset"] == len(journal.data)
        assert served.run()["rows"] == 80
        columns, _ = served.history("loss")
        assert columns["_step"] == list(range(80))


def test_any_cut_into_ranges_gives_the_same(tmp_path: Path) -> None:
    chance = random.Random(7)
    with serving(tmp_path) as served:
        journal = Journal()
        ends = [len(journal.data)]
        for step in range(60):
            journal.row(step, a=float(step), **({"b": 1.0} if step % 3 else {}))
            ends.append(len(journal.data))
        at = 0
        while at < len(journal.data):
            begin = chance.choice([end for end in [0, *ends] if end <= at])
            end = chance.choice([end for end in ends if end > at][:9])
            at = served.upload(journal.writer, begin, journal.data[begin:end]).json()["offset"]
            assert at == end
        columns, _ = served.history("a", "b")
        assert columns["a"] == [float(step) for step in range(60)]
        assert columns["b:present"] == [int(bool(step % 3)) for step in range(60)]
        assert served.run()["rows"] == 60


def test_a_gap_is_refused_with_the_offset_to_go_on_from(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().rows(range(3))
        unknown = served.upload(journal.writer, 10, journal.data[10:])
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (409, "offset-gap")
        assert unknown.json()["error"]["offset"] == 0
        served.send(journal)
        gap = served.upload(journal.writer, journal.at + 9, b"x")
        assert (gap.status_code, gap.json()["error"]["offset"]) == (409, journal.at)
        assert served.ask("POST", f"/journals/{journal.writer}/offset").json()["offset"] == journal.at
        assert served.ask("POST", f"/journals/{ids.new_writer()}/offset").status_code == 404


def test_compressed_ranges_are_taken_and_checked(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().rows(range(3))
        packed = zstandard.compress(journal.data)
        good = {"Content-Encoding": "zstd", "X-Runlore-Checksum": f"{crc32(journal.data):08x}"}
        path = f"/journals/{journal.writer}?offset=0"
        assert served.ask("POST", path, content=packed, headers={**good, "X-Runlore-Checksum": "0" * 8}).json()[
            "error"
        ]["code"] == ("damaged-upload")
        assert served.ask("POST", path, content=packed[:-3], headers=good).status_code == 400
        assert (
            served.ask("POST", path, content=b"no zstd at all", headers=good).json()["error"]["code"] == "bad-request"
        )
        assert served.ask("POST", path, content=packed, headers={"Content-Encoding": "zstd"}).json()["error"][
            "field"
        ] == ("X-Runlore-Checksum")
        wrong = served.ask("POST", path, content=packed, headers={**good, "Content-Encoding": "br"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (415, "bad-encoding")
        assert served.ask("POST", path, content=packed, headers=good).json()["offset"] == len(journal.data)


def test_bodies_that_are_or_unpack_too_large_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        path = f"/journals/{ids.new_writer()}?offset=0"
        long = served.ask("POST", path, headers={"Content-Length": str(body.MAX_PACKED + 1)}, content=b"x")
        assert (long.status_code, long.json()["error"]["code"]) == (413, "too-large")
        said = zstandard.compress(bytes(body.MAX_UNPACKED + 1))
        headers = {"Content-Encoding": "zstd", "X-Runlore-Checksum": "0" * 8}
        assert served.ask("POST", path, content=said, headers=headers).status_code == 413
        packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
        bomb = b"".join([*(packer.compress(bytes(2**20)) for _ in range(257)), packer.flush()])
        assert len(bomb) < 100_000
        assert served.ask("POST", path, content=bomb, headers=headers).status_code == 413


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RLJ1",
        b"hello, this is no journal at all",
        b"RLJ1\r\n\x1a\n",
        b"RLJ1\r\n\x1a\n" + wire.encode(records.Config()),
        b"RLJ1\r\n\x1a\n" + encode_frame(1, b"\xc1"),
    ],
)
def test_what_is_no_journal_is_refused(tmp_path: Path, data: bytes) -> None:
    with serving(tmp_path) as served:
        answer = served.upload(ids.new_writer(), 0, data)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad-journal")
        assert served.get("/projects") == {"projects": []}


def test_journals_of_another_writer_or_a_newer_format_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert served.upload(ids.new_writer(), 0, Journal().data).json()["error"]["code"] == "bad-journal"
        newer = Journal(format=99)
        assert "update" in served.upload(newer.writer, 0, newer.data).json()["error"]["message"]
        assert served.upload("not-a-writer", 0, Journal().data).json()["error"]["field"] == "writer"
        for bad in ("a/b", "", " p", "x" * 200):
            journal = Journal(project=bad)
            assert served.upload(journal.writer, 0, journal.data).status_code == 422


def test_a_journal_belongs_to_one_run(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal("one")
        served.send(journal)
        other = Journal("two", writer=journal.writer)
        answer = served.upload(journal.writer, 0, other.data)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "writer-taken")
        assert served.ask("GET", "/runs/~/p/two").status_code == 404
        journal.rows(range(2))
        served.send(journal)


def test_only_own_entities_are_written_to(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        bob = served.service.access.add_user("bob")
        journal = Journal(entity="ann")
        refused = served.upload(journal.writer, 0, journal.data, key=bob)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
        served.send(journal)
        journal.rows(range(1))
        stolen = served.upload(journal.writer, journal.at, journal.data[journal.at :], key=bob)
        assert (stolen.status_code, stolen.json()["error"]["code"]) == (409, "writer-taken")
        assert served.ask("POST", f"/journals/{journal.writer}/offset", key=bob).status_code == 404
        assert served.ask("POST", "/heartbeats", json={"writers": [journal.writer]}, key=bob).json()["known"] == []
        served.send(journal)
        assert served.run()["rows"] == 1


def test_damaged_bytes_cost_only_themselves_and_are_told(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().rows(range(10))
        begin = len(journal.data)
        journal.rows(range(10, 12))
        hurt = bytearray(journal.data)
        hurt[begin + 20] ^= 0xFF
        journal.data = bytes(hurt)
        journal.rows(range(12, 20))
        served.send(journal)
        columns, _ = served.history("loss")
        assert columns["_step"] == [*range(10), *range(11, 20)]
        detail = served.get("/runs/~/p/r")
        assert detail["writers"][0]["damaged_bytes"] == 37
        assert len(detail["losses"]) == 1
        assert "37 bytes" in detail["losses"][0]
        journal.add(records.Console(time_ns=1, text="x\n"))
        journal.data += b"torn"
        served.send(journal)
        assert served.get("/runs/~/p/r")["writers"][0]["damaged_bytes"] == 41


def test_rows_whose_schema_was_damaged_are_lost_and_counted(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal()
        begin = len(journal.data)
        journal.rows(range(5))
        hurt = bytearray(journal.data)
        hurt[begin + 12] ^= 0xFF
        journal.data = bytes(hurt)
        served.send(journal)
        journal.rows(range(5, 7)).row(7, other=1.0)
        served.send(journal)
        run = served.run()
        assert (run["rows"], run["lost_rows"]) == (1, 7)
        stray = Journal("s")
        stray.data += wire.encode_row("d", 5, 0, 0, (1.0,))
        answer = served.upload(stray.writer, 0, stray.data)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad-journal")


def test_records_that_make_no_sense_are_skipped_and_told(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().rows(range(2))
        journal.data += encode_frame(77, b"from a newer version") * 3
        journal.data += encode_frame(records.Kind.CONFIG, b"\xc1 no msgpack")
        journal.data += encode_frame(records.Kind.ROW, b"\0" * 25)
        journal.data += encode_frame(records.Kind.ROW, b"\0")
        journal.add(records.Schema(id=9, names=["a", "b"], types="d"), records.Schema(id=8, names=["a"], types="z"))
        journal.data += wire.encode_row("d", 0, 2**60, 1, (1.0,)) + wire.encode_row("d", 0, 3, -5, (1.0,))
        journal.add(records.Loss(time_ns=1, reason="the disk was full", rows=5, size_bytes=100))
        journal.rows(range(2, 4))
        answer = served.upload(journal.writer, 0, journal.data)
        assert answer.status_code == 422
        broken = encode_frame(records.Kind.ROW, b"\0")
        journal.data = journal.data.replace(broken, b"")
        served.send(journal)
        run = served.run()
        assert run["lost_rows"] == 1 + 2 + 5
        columns, _ = served.history("loss")
        assert columns["_step"] == [0, 1, 2, 3]
        losses = " / ".join(served.get("/runs/~/p/r")["losses"])
        for words in (
            "kind 77",
            "cannot be read",
            "do not fit their schema",
            "beyond 2^53",
            "the disk was full (5 rows, 100 bytes)",
        ):
            assert words in losses


def test_every_kind_of_value_comes_back_as_logged(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal()
        journal.row(0, types="dfeqQ?", d=0.1, f=0.5, e=0.25, q=2**53 + 1, u=2**64 - 1, b=True)
        journal.row(1, d=math.nan)
        journal.row(2, d=-math.inf)
        journal.add(
            records.Objects(
                step=3,
                time_ns=journal.time_ns,
                values={
                    "word": "hi",
                    "none": None,
                    "list": [1, math.nan],
                    "big": {"_type": "integer", "value": str(10**30)},
                    "d": 7.5,
                    "q": 3,
                },
            )
        )
        served.send(journal)
        columns, meta = served.history("d", "f", "e", "q", "u", "b", "word", "none", "list", "big")
        assert columns["_step"] == [0, 1, 2, 3]
        assert columns["d"][0] == 0.1
        assert math.isnan(columns["d"][1])
        assert columns["d"][2:] == [-math.inf, 7.5]
        assert [columns[name][0] for name in "feb"] == [0.5, 0.25, 1.0]
        assert columns["q:present"] == [1, 0, 0, 1]
        assert meta["objects"] == [
            [0, "q", 2**53 + 1],
            [0, "u", 2**64 - 1],
            [3, "big", {"_type": "integer", "value": str(10**30)}],
            [3, "list", [1, "NaN"]],
            [3, "none", None],
            [3, "word", "hi"],
        ]
        assert meta["types"]["q"] == "q"
        assert meta["types"]["b"] == "?"
        assert served.run()["summary"] == {
            "d": 7.5, "f": 0.5, "e": 0.25, "q": 3, "u": 2**64 - 1, "b": True, "word": "hi", "none": None,
            "list": [1, "NaN"], "big": {"_type": "integer", "value": str(10**30)},
        }  # fmt: skip


def test_late_repeated_and_corrected_steps_are_kept(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().row(5, a=1.0).row(1, a=2.0).row(5, a=3.0, b=1.0).row(5, a=4.0)
        served.send(journal)
        columns, _ = served.history("a", "b")
        assert (columns["_step"], columns["a"]) == ([1, 5], [2.0, 4.0])
        assert served.run()["summary"] == {"a": 4.0, "b": 1.0}
        assert served.run()["last_step"] == 5


def test_the_summary_follows_definitions_and_the_order_of_records(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().add(
            records.Metric(name="acc", summary=["max", "last", "mean"]),
            records.Metric(name="val/*", summary=["best"], goal="maximize"),
            records.Metric(name="hidden", summary=["none"], hidden=True),
        )
        for step, value in enumerate([1.0, 5.0, math.nan, 3.0]):
            journal.row(step, acc=value, hidden=value, **{"val/x": value})
        journal.add(records.Summary(set={"loss": "manual", "gone": 1}))
        journal.row(4, loss=0.5)
        journal.add(records.Summary(set={"best_epoch": 7}, remove=["gone"]))
        served.send(journal)
        assert served.run()["summary"] == {
            "acc": {"max": 5.0, "last": 3.0, "mean": 3.0},
            "val/x": {"best": 5.0},
            "loss": 0.5,
            "best_epoch": 7,
        }
        journal.row(5, acc=9.0, hidden=0.0, **{"val/x": 2.0})
        served.send(journal)
        assert served.run()["summary"]["acc"] == {"max": 9.0, "last": 9.0, "mean": 4.5}
        metrics = {metric["name"]: metric for metric in served.get("/runs/~/p/r")["metrics"]}
        assert metrics["hidden"]["definition"]["hidden"] is True
        assert metrics["val/x"]["definition"] == {"x": "", "hidden": False, "summary": ["best"], "goal": "maximize"}


def test_machine_metrics_have_mean_min_and_max(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        end_ns = 1_700_000_000_123_000_000
        journal = Journal().add(
            records.System(
                start_ns=end_ns - 10**10, end_ns=end_ns, samples=5, values={"cpu": [2.0, 1.0, 3.0], "bad": [1.0]}
            )
        )
        served.send(journal)
        columns, meta = served.series(["r"], ["cpu", "cpu:min", "cpu:max"], stream="system")
        assert [line["metric"] for line in meta["lines"]] == ["cpu", "cpu:min", "cpu:max"]
        assert [columns[f"{i}.y"] for i in range(3)] == [[2.0], [1.0], [3.0]]
        assert columns["0.x"] == [end_ns // 1_000_000]
        assert served.get("/projects/~/p/keys")["metrics"] == []


def test_the_run_changes_with_run_and_metadata_records(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal(tags=["old"]).add(
            records.Run(name="new", tags=["t"], notes="n", state="preempting"),
            records.Metadata(values={"os": "x", "host": "h"}),
            records.Metadata(values={"host": "i"}),
            records.Config(set={"a": 1, "b": 2}),
            records.Config(set={"a": 3}, remove=["b", "never"]),
        )
        served.send(journal)
        detail = served.get("/runs/~/p/r")
        run = detail["run"]
        assert (run["name"], run["tags"], run["notes"], run["state"]) == ("new", ["t"], "n", "preempting")
        assert run["config"] == {"a": 3}
        assert detail["metadata"] == {"os": "x", "host": "i"}


def test_uploads_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journals = [Journal(f"r{number}").rows(range(20)) for number in range(50)]
        committer = served.service.committer
        account = served.service.access.of_key(served.key)
        uploads = [Upload(account, journal.writer, 0, journal.data) for journal in journals]
        uploads.insert(7, Upload(account, ids.new_writer(), 0, b"rubbish"))
        uploads.append(uploads[0])
        futures = [served.client.portal().__enter__().start_task_soon(committer.submit, upload) for upload in uploads]
        failed = [future.exception() for future in futures]
        assert sum(error is not None for error in failed) == 1
        assert all(
            isinstance(future.result(), Stored) for future, error in zip(futures, failed, strict=True) if not error
        )
        listed = served.get("/projects/~/p/runs?limit=100")
        assert listed["total"] == 50
        assert {run["rows"] for run in listed["runs"]} == {20}
        assert {run["ordinal"] for run in listed["runs"]} == set(range(1, 51))


def test_a_run_may_not_have_endless_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runlore.server.ingest.changes.MAX_METRICS", 3)
    with serving(tmp_path) as served:
        journal = Journal().row(0, a=1.0, b=2.0).row(1, c=1.0, d=2.0).row(2, d=3.0, a=4.0)
        journal.add(
            records.Objects(step=3, time_ns=1, values={"e": "x"}),
            records.System(start_ns=0, end_ns=journal.time_ns, samples=1, values={"cpu": [1.0, 1.0, 1.0]}),
        )
        served.send(journal)
        names = {metric["name"] for metric in served.get("/runs/~/p/r")["metrics"]}
        assert {name for name in names if not name.startswith("cpu")} == {"a", "b", "c"}
        assert "cpu" in names
        assert served.run()["summary"] == {"a": 4.0, "b": 2.0, "c": 1.0}
        assert "beyond" in served.get("/runs/~/p/r")["losses"][0]


def test_absurd_numbers_do_not_stop_the_server(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal(time_ns=2**63 - 1, pid=2**63 - 1, runtime_s=1e300)
        journal.add(
            records.Console(time_ns=-(2**62), text="x\n"),
            records.Exit(time_ns=2**63 - 1, state="sideways", exit_code=2**62),
            records.Loss(time_ns=0, reason="r" * 100_000, rows=2**62, size_bytes=-5),
            records.System(start_ns=0, end_ns=-7, samples=0, values={"x" * 100: [math.nan, math.inf, 0.0]}),
            records.Config(set={"deep": _nested(60)}),
        )
        served.send(journal)
        assert served.run()["state"] == "crashed"


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_a_disk_that_refuses_is_told_and_the_range_can_be_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path) as served:
        journal = Journal().rows(range(5))
        served.send(journal)
        journal.row(5, new=1.0).rows(range(6, 8))

        def refuse(*_: object) -> None:
            raise StorageFull("cannot write: no room")

        with monkeypatch.context() as patch:
            patch.setattr(served.service.series, "append", refuse)
            answer = served.upload(journal.writer, journal.at, journal.data[journal.at :])
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage-full")
        assert answer.headers["retry-after"]
        assert served.run()["rows"] == 5
        served.send(journal)
        assert served.run()["rows"] == 8
        assert served.get("/projects/~/p/keys")["metrics"] == [{"name": "loss", "runs": 1}, {"name": "new", "runs": 1}]


def test_a_range_that_breaks_the_server_does_not_keep_others_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path) as served:
        account = served.service.access.of_key(served.key)
        good, bad = Journal("good").rows(range(3)), Journal("bad").rows(range(3))
        append = served.service.series.append

        def fail_for_bad(tx: object, blocks: list[object], objects: object) -> None:
            run = served.service.meta.find_run("ann", "p", "bad")
            assert run is None
            if len(blocks) > 1 or blocks[0].segment == 2:  # type: ignore[attr-defined]
                raise RuntimeError("a fault of ours")
            append(tx, blocks, objects)  # type: ignore[arg-type]

        monkeypatch.setattr(served.service.series, "append", fail_for_bad)
        uploads = [Upload(account, journal.writer, 0, journal.data) for journal in (good, bad)]
        answers = served.service.committer.commit(uploads)
        assert isinstance(answers[0], Stored)
        assert isinstance(answers[1], RuntimeError)
        assert served.run("good")["rows"] == 3


def test_what_is_left_of_an_ended_run_is_folded_soon(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.send(Journal("short").rows(range(10)).exit(), Journal("goes-on").rows(range(10)))
        left = 2
        until = time.monotonic() + 10
        while left != 1 and time.monotonic() < until:
            time.sleep(0.05)
            with served.service.database.read() as connection:
                left = connection.execute(select(func.count()).select_from(metric_tail)).scalar_one()
        assert left == 1
        columns, _ = served.history("loss", run_id="short")
        assert columns["loss"] == [float(step) for step in range(10)]
