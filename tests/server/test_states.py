"""Who ends a run, and when: through journals and heartbeats, as recorders send them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient
from tests.server.served import Journal, Served, serving

from runlore.protocol import records
from runlore.server.app import make_asgi
from runlore.server.folder import DataFolder
from runlore.server.service import open_service

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = 1_700_000_000_000_000_000


def state(served: Served) -> tuple[Any, ...]:
    run = served.run()
    return run["state"], run["exit_code"], run["state_reason"], run["finished_at"]


def beat(served: Served, *journals: Journal) -> list[str]:
    answer = served.ask("POST", "/heartbeats", json={"writers": [journal.writer for journal in journals]})
    assert answer.status_code == 200
    known: list[str] = answer.json()["known"]
    return known


@pytest.mark.parametrize("final", ["finished", "failed", "crashed", "killed", "preempted"])
def test_the_primary_writer_ends_the_run(tmp_path: Path, final: str) -> None:
    with serving(tmp_path) as served:
        journal = Journal(time_ns=LONG_AGO).rows(range(2)).exit(final, after_s=10, exit_code=3, reason="because")
        served.send(journal)
        assert state(served) == (final, 3, "because", "2023-11-14T22:13:30.000Z")
        assert served.run()["duration_s"] == 10.0


def test_a_worker_does_not_end_the_run(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        primary, worker = Journal().rows(range(2)), Journal(role="worker", label="rank 1").rows(range(2), "w")
        served.send(primary, worker.exit("failed"))
        assert state(served)[0] == "running"
        served.send(primary.exit("finished", exit_code=0))
        assert state(served)[:2] == ("finished", 0)
        assert {writer["label"] for writer in served.get("/runs/~/p/r")["writers"]} == {"", "rank 1"}


def test_a_worker_that_comes_first_does_not_name_the_run(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.send(Journal(role="worker", name="wrong").exit())
        assert state(served)[0] == "running"
        served.send(Journal(name="right", tags=["t"]))
        assert (served.run()["name"], served.run()["tags"]) == ("right", ["t"])
        served.send(Journal(name="resumed", resume="allow"))
        assert served.run()["name"] == "right"


def test_the_recorder_ends_the_run_for_a_vanished_trainer(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        primary, recorder = Journal().rows(range(2)), Journal(role="recorder")
        served.send(primary, recorder)
        recorder.exit("crashed", after_s=1, signal="SIGKILL", on_behalf_of=primary.writer)
        served.send(recorder)
        assert state(served)[:3] == ("crashed", None, "SIGKILL")


def test_rows_that_were_under_way_do_not_revive_a_vanished_trainer_but_new_ones_do(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        primary, recorder = Journal().rows(range(2)), Journal(role="recorder")
        served.send(primary, recorder.exit("crashed", after_s=1, on_behalf_of=primary.writer))
        served.send(primary.row(900, loss=1.0))
        assert state(served)[0] == "crashed"
        served.send(primary.row(1100, loss=1.0))
        assert state(served) == ("running", None, "", None)
        served.send(recorder.exit("crashed", after_s=1.05, on_behalf_of=primary.writer))
        assert state(served)[0] == "running", "the trainer has logged since"


def test_a_notice_that_overtakes_the_journal_it_is_about_is_kept(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        primary = Journal(host="h", pid=7).rows(range(2))
        recorder = Journal(role="recorder").exit("crashed", after_s=1, on_behalf_of=primary.writer)
        served.send(recorder)
        assert state(served)[0] == "crashed"
        served.send(primary)
        assert state(served)[0] == "crashed"
        writers = {writer["writer"]: writer for writer in served.get("/runs/~/p/r")["writers"]}
        assert (writers[primary.writer]["host"], writers[primary.writer]["pid"]) == ("h", 7)
        assert served.run()["rows"] == 2


def test_a_notice_about_anothers_journal_changes_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        victim = Journal("victim").rows(range(2))
        served.send(victim)
        served.send(Journal(role="recorder").exit("crashed", on_behalf_of=victim.writer).exit(on_behalf_of="nonsense"))
        assert served.run("victim")["state"] == "running"
        served.send(victim.rows(range(2, 4)))
        assert served.run("victim")["rows"] == 4


def test_a_resumed_run_runs_again_and_ends_again(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.send(Journal(time_ns=LONG_AGO).rows(range(2)).exit("failed", after_s=5, exit_code=1))
        second = Journal(time_ns=LONG_AGO + 60 * 10**9, resume="must").rows(range(2, 4))
        served.send(second)
        assert state(served) == ("running", None, "", None)
        served.send(second.exit("finished", after_s=5, exit_code=0))
        assert state(served)[:2] == ("finished", 0)
        assert served.run()["duration_s"] == 65.0


def test_the_last_of_two_primaries_ends_the_run_whichever_comes_first(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        early, late = Journal(time_ns=LONG_AGO).rows(range(2)), Journal(time_ns=LONG_AGO, resume="allow").rows(range(2))
        served.send(early, late)
        served.send(late.exit("finished", after_s=20, exit_code=0))
        assert state(served)[0] == "running"
        served.send(early.exit("failed", after_s=10, exit_code=1))
        assert state(served)[:2] == ("finished", 0)


def test_a_silent_run_is_shown_as_crashed_until_the_next_sign_of_life(tmp_path: Path) -> None:
    with serving(tmp_path, heartbeat_timeout_s=0.4) as served:
        journal = Journal().rows(range(2))
        served.send(journal)
        assert beat(served, journal, Journal()) == [journal.writer]
        assert state(served)[0] == "running"
        time.sleep(0.9)
        found, _, reason, finished_at = state(served)
        assert found == "crashed"
        assert reason.startswith("no sign of life since 20")
        assert finished_at is not None
        beat(served, journal)
        assert state(served) == ("running", None, "", None)
        served.send(journal.exit("finished", exit_code=0))
        time.sleep(0.6)
        beat(served, journal)
        assert state(served)[0] == "finished"


def test_new_rows_revive_a_silent_run(tmp_path: Path) -> None:
    with serving(tmp_path, heartbeat_timeout_s=0.4) as served:
        journal = Journal(time_ns=LONG_AGO).rows(range(2))
        served.send(journal)
        time.sleep(0.9)
        assert state(served)[0] == "crashed"
        assert state(served)[3] == "2023-11-14T22:13:20.001Z", "an upload is no sign of life of the trainer"
        served.send(journal.rows(range(2, 4)))
        assert state(served)[0] == "running"


def test_running_runs_get_a_fresh_grace_after_a_restart(tmp_path: Path) -> None:
    journal = Journal().rows(range(2))
    with serving(tmp_path / "a") as served:
        served.send(journal)
        folder = served.service.folder.path
        key = served.key
    time.sleep(0.5)
    with DataFolder(folder).lock() as data, open_service(data, heartbeat_timeout_s=0.4) as service:
        service.liveness.check()
        with TestClient(make_asgi(service, hosts=["testserver.local"])) as client:
            path = "/api/v1/runs/~/p/r"
            headers = {"Authorization": f"Bearer {key}"}
            assert client.get(path, headers=headers).json()["run"]["state"] in {"running", "crashed"}
            client.post("/api/v1/heartbeats", headers=headers, json={"writers": [journal.writer]})
            assert client.get(path, headers=headers).json()["run"]["state"] == "running"
            time.sleep(0.9)
            assert client.get(path, headers=headers).json()["run"]["state"] == "crashed"


def test_pending_and_preempting_are_live_states(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().add(records.Run(state="pending"))
        served.send(journal)
        assert state(served)[0] == "pending"
        served.send(journal.add(records.Run(state="finished")))
        assert state(served)[0] == "pending", "only an exit is final"
        served.send(journal.add(records.Run(state="running")))
        assert served.get("/projects")["projects"][0]["running"] == 1
