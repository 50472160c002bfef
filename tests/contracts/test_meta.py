"""What every MetaStore promises, asked of the SQL backend and of the reference."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

from runlore.errors import Conflict
from runlore.protocol import query
from runlore.protocol.records import Metric
from runlore.protocol.summary import State
from runlore.store.base import (
    ConsoleChunk,
    ConsoleTail,
    Cut,
    JournalRecord,
    KeyCount,
    LossRow,
    MetricName,
    SchemaRow,
)
from runlore.store.database import SqlDatabase
from runlore.store.memory import MemoryDatabase
from runlore.store.memory_meta import MemoryMetaStore
from runlore.store.meta.migrate import migrate
from runlore.store.meta.store import SqlMetaStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runlore.store.base import Database, MetaStore, RunRecord

S = 1_000_000_000


class Backend(NamedTuple):
    database: Database
    store: MetaStore

    def user(self, name: str) -> int:
        with self.database.write() as tx:
            return self.store.add_user(tx, name, now_ns=1)

    def run(self, run_id: str, *, entity: str = "ann", project: str = "p", at_s: int = 1) -> RunRecord:
        with self.database.write() as tx:
            home = self.store.open_project(tx, entity, project, now_ns=at_s * S)
            key, _ = self.store.open_run(tx, home, run_id, user=entity, name=run_id, now_ns=at_s * S)
        return self.store.runs_by_key([key])[key]

    def save(self, *runs: RunRecord) -> None:
        with self.database.write() as tx:
            self.store.save_runs(tx, runs)

    def listed(self, *, sort: str = "-created_at", search: str = "", offset: int = 0, limit: int = 100) -> list[str]:
        project = self.store.project("ann", "p")
        assert project is not None
        order = query.parse_order(sort)
        runs, _ = self.store.list_runs(project, offset=offset, limit=limit, order=order, search=search)
        return [run.id for run in runs]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with all tables, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "meta.sqlite"
    database = SqlDatabase(f"sqlite:///{path}")
    with database.write() as tx:
        migrate(tx.connection)
    database.close()
    return path


@pytest.fixture(params=["sql", "memory"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[Backend]:
    if request.param == "memory":
        yield Backend(MemoryDatabase(), MemoryMetaStore())
        return
    database = SqlDatabase(f"sqlite:///{shutil.copy(migrated, tmp_path / 'meta.sqlite')}")
    yield Backend(database, SqlMetaStore(database))
    database.close()


class TestAccounts:
    def test_a_user_has_an_entity_of_the_same_name(self, backend: Backend) -> None:
        number = backend.user("ann")
        account = backend.store.account("ann")
        assert account is not None
        assert account == (number, "ann", "ann", ("ann",))
        assert backend.store.account("bob") is None

    def test_a_name_is_taken_once(self, backend: Backend) -> None:
        backend.user("ann")
        with pytest.raises(Conflict, match="ann"):
            backend.user("ann")
        assert [user.name for user in backend.store.users()] == ["ann"]

    def test_names_differ_by_case(self, backend: Backend) -> None:
        backend.user("ann")
        backend.user("Ann")
        assert [user.name for user in backend.store.users()] == ["Ann", "ann"]

    def test_a_key_tells_its_user_until_it_is_revoked(self, backend: Backend) -> None:
        ann, bob = backend.user("ann"), backend.user("bob")
        with backend.database.write() as tx:
            first = backend.store.add_key(tx, ann, b"1" * 32, now_ns=5)
            backend.store.add_key(tx, bob, b"2" * 32, now_ns=6)
        found = backend.store.account_of_key(b"1" * 32)
        assert found is not None
        assert found.name == "ann"
        assert backend.store.account_of_key(b"3" * 32) is None
        with backend.database.write() as tx:
            assert backend.store.revoke_key(tx, first, now_ns=7)
            assert backend.store.revoke_key(tx, first, now_ns=8)
            assert not backend.store.revoke_key(tx, 99, now_ns=8)
        assert backend.store.account_of_key(b"1" * 32) is None
        every = backend.store.keys()
        assert [(key.user, key.revoked_ns) for key in every] == [("ann", 7), ("bob", None)]
        assert [(user.name, user.keys) for user in backend.store.users()] == [("ann", 0), ("bob", 1)]

    def test_a_session_ends_by_time_or_by_hand(self, backend: Backend) -> None:
        ann = backend.user("ann")
        with backend.database.write() as tx:
            backend.store.add_session(tx, b"s", ann, expires_ns=100)
            backend.store.add_session(tx, b"t", ann, expires_ns=100)
            backend.store.delete_session(tx, b"t")
            backend.store.delete_session(tx, b"none")
        assert backend.store.account_of_session(b"s", now_ns=99) is not None
        assert backend.store.account_of_session(b"s", now_ns=100) is None
        assert backend.store.account_of_session(b"t", now_ns=99) is None

    def test_a_link_works_once_and_in_time(self, backend: Backend) -> None:
        ann = backend.user("ann")
        with backend.database.write() as tx:
            backend.store.add_link(tx, b"a", ann, expires_ns=100)
            backend.store.add_link(tx, b"b", ann, expires_ns=100)
            backend.store.add_link(tx, b"c", ann, expires_ns=300)
        with backend.database.write() as tx:
            assert backend.store.take_link(tx, b"a", now_ns=99) == ann
            assert backend.store.take_link(tx, b"a", now_ns=99) is None
            assert backend.store.take_link(tx, b"b", now_ns=100) is None
            backend.store.purge_expired(tx, now_ns=200)
            assert backend.store.take_link(tx, b"c", now_ns=250) == ann


class TestRuns:
    def test_runs_are_numbered_within_their_project(self, backend: Backend) -> None:
        backend.user("ann")
        first, second = backend.run("a"), backend.run("b")
        other = backend.run("a", project="q")
        again = backend.run("a")
        assert (first.ordinal, second.ordinal, other.ordinal) == (1, 2, 1)
        assert again.key == first.key
        assert len({first.key, second.key, other.key}) == 3
        assert len({first.segment, second.segment, other.segment}) == 3
        assert backend.store.cuts([first.key, second.key, 999]) == {
            first.key: [Cut(first.segment)],
            second.key: [Cut(second.segment)],
        }

    def test_a_saved_run_comes_back_as_it_was(self, backend: Backend) -> None:
        backend.user("ann")
        run = backend.run("a")
        run.name, run.notes, run.tags, run.group, run.job_type = "n\u00e4me", "two\nlines", ["x", "y"], "g", "train"
        run.state, run.exit_code, run.state_reason, run.finished_ns = "failed", -9, "why", 7 * S
        run.last_step, run.rows, run.lost_rows, run.record_ns = -3, 2**53, 4, 6 * S
        run.config = {"lr": 0.1, "big": 2**53 + 1, "nested": {"a": [1, None, "x"]}, "dotted.key": True}
        run.summary = {"loss": math.nan, "best": {"max": math.inf}, "low": -math.inf, "word": "x"}
        run.metadata = {"os": "any"}
        run.states = {"loss": State(low=-math.inf, high=2.5, total=1.0, count=3)}
        run.definitions = {"loss": Metric(name="loss", summary=["min", "max"], step_metric="epoch")}
        backend.save(run)
        found = backend.store.find_run("ann", "p", "a")
        assert found is not None
        assert found.version == run.version == 1
        assert found.config == run.config
        assert found.summary == {"loss": "NaN", "best": {"max": "Infinity"}, "low": "-Infinity", "word": "x"}
        for name in ("name", "notes", "tags", "group", "job_type", "state", "exit_code", "state_reason", "finished_ns"):
            assert getattr(found, name) == getattr(run, name), name
        for name in ("last_step", "rows", "lost_rows", "record_ns", "metadata", "states", "definitions", "segment"):
            assert getattr(found, name) == getattr(run, name), name
        assert backend.store.find_run("ann", "p", "A") is None
        assert backend.store.find_run("bob", "p", "a") is None

    def test_a_record_is_the_callers_own(self, backend: Backend) -> None:
        backend.user("ann")
        run = backend.run("a")
        run.config["x"] = 1
        assert backend.store.runs_by_key([run.key])[run.key].config == {}
        assert backend.store.runs_by_key([run.key, 77]).keys() == {run.key}

    def test_a_transaction_sees_its_own_changes_and_nobody_else_does_before_the_commit(self, backend: Backend) -> None:
        backend.user("ann")
        run = backend.run("a")
        with backend.database.write() as tx:
            run.name = "new"
            backend.store.save_runs(tx, [run])
            assert backend.store.runs_by_key([run.key], tx)[run.key].name == "new"
            assert backend.store.runs_by_key([run.key])[run.key].name == "a"
        assert backend.store.runs_by_key([run.key])[run.key].name == "new"

    def test_a_transaction_that_raises_leaves_nothing(self, backend: Backend) -> None:
        backend.user("ann")
        run = backend.run("a")
        with pytest.raises(RuntimeError), backend.database.write() as tx:  # noqa: PT012 - all of it is rolled back
            backend.store.open_project(tx, "ann", "other", now_ns=1)
            run.config["x"] = 1
            backend.store.save_runs(tx, [run])
            backend.store.add_journal(tx, JournalRecord(writer="w", run=run.key))
            raise RuntimeError
        assert backend.store.project("ann", "other") is None
        assert backend.store.journals(["w"]) == {}
        project = backend.store.project("ann", "p")
        assert project is not None
        assert backend.store.key_counts(project) == []

    def test_projects_come_latest_active_first(self, backend: Backend) -> None:
        backend.user("ann")
        backend.user("bob")
        backend.run("a", project="old", at_s=1)
        busy = backend.run("b", project="new", at_s=2)
        backend.run("c", project="new", at_s=2)
        backend.run("d", entity="bob", project="his", at_s=9)
        busy.state, busy.updated_ns = "finished", 5 * S
        backend.save(busy)
        found = backend.store.projects(["ann"])
        assert [(p.entity, p.name, p.runs, p.running, p.active_ns) for p in found] == [
            ("ann", "new", 2, 1, 5 * S),
            ("ann", "old", 1, 1, S),
        ]

    def test_only_runs_that_have_not_ended_are_live(self, backend: Backend) -> None:
        backend.user("ann")
        running, ended = backend.run("a"), backend.run("b")
        ended.state = "finished"
        backend.save(ended)
        assert backend.store.live_runs() == [running.key]


class TestListing:
    def test_pages_count_all_that_match(self, backend: Backend) -> None:
        backend.user("ann")
        for number in range(5):
            backend.run(f"r{number}", at_s=number + 1)
        project = backend.store.project("ann", "p")
        assert project is not None
        runs, total = backend.store.list_runs(project, offset=1, limit=2)
        assert ([run.id for run in runs], total) == (["r3", "r2"], 5)
        runs, total = backend.store.list_runs(project, offset=9, limit=2, search="r1")
        assert ([run.id for run in runs], total) == ([], 1)

    def test_missing_values_come_last_both_ways(self, backend: Backend) -> None:
        backend.user("ann")
        values: list[object] = [0.5, None, 3, math.nan, -math.inf, "text", math.inf, 2**53]
        for number, value in enumerate(values):
            run = backend.run(f"r{number}")
            run.summary = {} if value is None else {"loss": value}
            backend.save(run)
        assert backend.listed(sort="summary.loss") == ["r4", "r0", "r2", "r7", "r6", "r5", "r1", "r3"]
        assert backend.listed(sort="-summary.loss") == ["r5", "r6", "r7", "r2", "r0", "r4", "r3", "r1"]

    @pytest.mark.parametrize("key", ["a", "a.b", "a b", 'quo"te', "back\\slash", "$", "a[0]", "\u00e9", "a.b.c"])
    def test_any_key_can_be_sorted_by(self, backend: Backend, key: str) -> None:
        backend.user("ann")
        for number, value in enumerate([2, 1, 3]):
            run = backend.run(f"r{number}")
            run.config = {key: value, "other": -value}
            backend.save(run)
        assert backend.listed(sort=f"config.{key}") == ["r1", "r0", "r2"]

    def test_a_path_reaches_into_documents(self, backend: Backend) -> None:
        backend.user("ann")
        documents: list[dict[str, object]] = [{"o": {"lr": 2}}, {"o.lr": 1}, {"o": {"deep.er": {"lr": 9}, "lr": 3}}]
        for number, document in enumerate(documents):
            run = backend.run(f"r{number}")
            run.config = document
            backend.save(run)
        assert backend.listed(sort="config.o.lr") == ["r1", "r0", "r2"]
        assert backend.listed(sort="config.o.deep.er.lr")[0] == "r2"

    @pytest.mark.parametrize(
        "field", ["name", "state", "created_at", "duration_s", "tags", "group", "last_step", "ordinal"]
    )
    def test_fields_of_a_run_can_be_sorted_by(self, backend: Backend, field: str) -> None:
        backend.user("ann")
        for number in range(3):
            run = backend.run(f"r{number}", at_s=number + 1)
            run.name = f"{'bAc'[number]}"
            run.state = ("running", "failed", "finished")[number]
            run.finished_ns = (9 + number) * S
            run.tags = [["b"], [], ["a"]][number]
            run.group = ["b", "", "a"][number]
            run.last_step = [5, None, 3][number]
            backend.save(run)
        expected = {
            "name": ["r1", "r0", "r2"],
            "state": ["r1", "r2", "r0"],
            "created_at": ["r0", "r1", "r2"],
            "duration_s": ["r0", "r1", "r2"],
            "tags": ["r2", "r0", "r1"],
            "group": ["r2", "r0", "r1"],
            "last_step": ["r2", "r0", "r1"],
            "ordinal": ["r0", "r1", "r2"],
        }
        assert backend.listed(sort=field) == expected[field]

    def test_search_looks_into_names_ids_groups_tags_and_notes(self, backend: Backend) -> None:
        backend.user("ann")
        for number, field in enumerate(["name", "group", "notes", "tags", "job_type"]):
            run = backend.run(f"r{number}")
            setattr(run, field, ["a%b_C"] if field == "tags" else "a%b_C")
            backend.save(run)
        assert backend.listed(sort="ordinal", search="%B_c") == ["r0", "r1", "r2", "r3"]
        assert backend.listed(sort="ordinal", search="R4") == ["r4"]
        assert backend.listed(search="axb") == []


class TestKeys:
    def test_keys_are_counted_over_the_runs(self, backend: Backend) -> None:
        backend.user("ann")
        first, second = backend.run("a"), backend.run("b")
        first.config, first.summary = {"lr": 1, "o": {"x": 1, "y": {"z": 2}}}, {"loss": 1}
        second.config = {"lr": 2, "o": {}, "img": {"_type": "image"}, "list": [{"a": 1}]}
        backend.save(first, second)
        backend.save(first)
        project = first.project_key
        assert backend.store.key_counts(project) == [
            KeyCount("config", "lr", 2),
            KeyCount("config", "img", 1),
            KeyCount("config", "list", 1),
            KeyCount("summary", "loss", 1),
            KeyCount("config", "o", 1),
            KeyCount("config", "o.x", 1),
            KeyCount("config", "o.y.z", 1),
        ]
        again = backend.store.runs_by_key([first.key])[first.key]
        again.config = {"new": 1}
        backend.save(again)
        assert {(c.name, c.runs) for c in backend.store.key_counts(project) if c.kind == "config"} == {
            ("lr", 1), ("img", 1), ("list", 1), ("o", 1), ("new", 1),
        }  # fmt: skip

    def test_metrics_are_counted_once_a_run(self, backend: Backend) -> None:
        backend.user("ann")
        first, second = backend.run("a"), backend.run("b")
        names = [MetricName(first.key, "history", "loss"), MetricName(first.key, "system", "cpu")]
        with backend.database.write() as tx:
            backend.store.add_metric_names(tx, names)
            backend.store.add_metric_names(tx, [*names, MetricName(second.key, "history", "loss")])
            assert backend.store.metric_names(tx, first.key) == {("history", "loss"), ("system", "cpu")}
        assert backend.store.key_counts(first.project_key) == [KeyCount("metric", "loss", 2)]


class TestJournals:
    def test_a_journal_comes_back_as_it_was_saved(self, backend: Backend) -> None:
        backend.user("ann")
        run = backend.run("a")
        with backend.database.write() as tx:
            backend.store.add_journal(tx, JournalRecord(writer="w1", run=run.key, role="worker", pid=2**40))
            backend.store.add_journal(tx, JournalRecord(writer="w0", run=run.key))
            journal = backend.store.journals(["w1"], tx)["w1"]
            journal.offset, journal.role, journal.label, journal.host = 2**41, "primary", "rank 1", "h"
            journal.exit_ns, journal.exit_state, journal.exit_code, journal.exit_reason = 9, "failed", 1, "oops"
            journal.damaged_bytes, journal.record_ns = 3, 8
            backend.store.save_journals(tx, [journal])
            backend.store.touch_journals(tx, {"w0": 77})
        assert backend.store.journals(["w1", "nobody"]) == {"w1": journal}
        assert [j.writer for j in backend.store.journals_of([run.key])[run.key]] == ["w1", "w0"]
        assert backend.store.journals(["w0"])["w0"].seen_ns == 77
        with pytest.raises(Conflict), backend.database.write() as tx:
            backend.store.add_journal(tx, JournalRecord(writer="w0", run=run.key))

    def test_row_layouts_are_kept_by_journal(self, backend: Backend) -> None:
        backend.user("ann")
        run = backend.run("a")
        with backend.database.write() as tx:
            backend.store.add_journal(tx, JournalRecord(writer="w", run=run.key))
            backend.store.add_schemas(tx, [SchemaRow("w", 0, ["a", "\u00e9"], "dq"), SchemaRow("w", 1, [], "")])
        with backend.database.write() as tx:
            backend.store.add_schemas(tx, [SchemaRow("w", 0, ["b"], "?")])
        assert backend.store.schemas("w") == {0: SchemaRow("w", 0, ["b"], "?"), 1: SchemaRow("w", 1, [], "")}
        assert backend.store.schemas("nobody") == {}

    def test_losses_add_up_by_reason(self, backend: Backend) -> None:
        backend.user("ann")
        run = backend.run("a")
        for _ in range(2):
            with backend.database.write() as tx:
                backend.store.add_losses(
                    tx, [LossRow(run.key, "disk full", 2, 30, 1), LossRow(run.key, "damage", 0, 5, 1)]
                )
        assert backend.store.losses(run.key) == [
            LossRow(run.key, "damage", 0, 10, 2),
            LossRow(run.key, "disk full", 4, 60, 2),
        ]

    def test_console_chunks_are_found_by_their_lines(self, backend: Backend) -> None:
        backend.user("ann")
        run, other = backend.run("a"), backend.run("b")
        nothing = ConsoleTail(0, "", 0)
        chunks = [
            ConsoleChunk(run.key, "w", "stdout", 0, 3, nothing, [(1, "a\nb\nc\n")]),
            ConsoleChunk(run.key, "w", "stdout", 3, 0, nothing, [(2, "par")]),
            ConsoleChunk(run.key, "w", "stderr", 3, 2, nothing, [(3, "d\ne\n")]),
            ConsoleChunk(run.key, "w", "stdout", 5, 1, ConsoleTail(2, "par", 3), [(4, "tial\nx")]),
        ]
        with backend.database.write() as tx:
            backend.store.add_console(
                tx,
                chunks,
                {(run.key, "w", "stdout"): ConsoleTail(4, "x", 1), (run.key, "w", "stderr"): ConsoleTail(3, "", 0)},
            )
            assert backend.store.console_ends(tx, [run.key, other.key]) == (
                {run.key: 6},
                {(run.key, "w", "stdout"): ConsoleTail(4, "x", 1), (run.key, "w", "stderr"): ConsoleTail(3, "", 0)},
            )
        finishing = [chunks[0], chunks[2], chunks[3]]
        for first in range(7):
            for count in range(1, 8):
                found = backend.store.console(run.key, first_line=first, count=count)
                wanted = [c for c in finishing if c.first_line < first + count and c.first_line + c.lines > first]
                assert [chunk for chunk in found if chunk in wanted] == wanted
        assert backend.store.console_state(run.key) == (6, [("w", "stdout", ConsoleTail(4, "x", 1))])
        assert backend.store.console_state(other.key) == (0, [])
