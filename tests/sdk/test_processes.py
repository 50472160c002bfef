"""Forks, spawns, pickles and threads as they leave their marks in journals."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.sdk.reading import journals_of, only_journal, run_script

import runlore

if TYPE_CHECKING:
    from pathlib import Path


def test_a_forked_child_that_logs_nothing_makes_no_journal(runs: Path) -> None:
    run_script(
        """
        import os, sys, runlore
        run = runlore.init(project="p")
        run.log({"a": 1})
        for code in (0, 3):
            child = os.fork()
            if child == 0:
                sys.exit(code)
            os.waitpid(child, 0)
        run.log({"a": 2})
        """
    )
    journal = only_journal(runs)
    assert journal.column("a") == [(0, 1), (1, 2)]
    assert journal.exit.state == "finished"


def test_children_of_children_and_workers_that_end_anyhow(runs: Path) -> None:
    run_script(
        """
        import os, sys, runlore
        run = runlore.init(project="p")
        run.log({"parent": 1})
        child = os.fork()
        if child == 0:
            run.log({"child": 1})
            grandchild = os.fork()
            if grandchild == 0:
                run.log({"grandchild": 1})
                os._exit(0)
            os.waitpid(grandchild, 0)
            sys.exit(5)
        os.waitpid(child, 0)
        run.log({"parent": 2})
        """
    )
    parent, *workers = journals_of(runs)
    assert [journal.header.role for journal in workers] == ["worker", "worker"]
    assert parent.column("parent") == [(0, 1), (1, 2)]
    assert parent.exit.state == "finished"
    child = next(journal for journal in workers if journal.column("child"))
    grandchild = next(journal for journal in workers if journal.column("grandchild"))
    assert child.column("child") == [(1, 1)]
    assert (child.exit.state, child.exit.exit_code) == ("failed", 5)
    assert grandchild.column("grandchild") == [(2, 1)]
    assert not [record for record in grandchild.records if type(record).__name__ == "Exit"]


def test_a_fork_while_other_threads_log_neither_hangs_nor_mixes(runs: Path) -> None:
    run_script(
        """
        import os, threading, runlore
        run = runlore.init(project="p", settings={"silent": True})
        stop = threading.Event()
        def work():
            while not stop.is_set():
                run.log({"thread": 1, "text": "x"})
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads: thread.start()
        for number in range(10):
            child = os.fork()
            if child == 0:
                run.log({"child": number})
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads: thread.join()
        """
    )
    parent, *workers = journals_of(runs)
    assert parent.damaged == 0
    assert len(workers) == 10
    assert sorted(value for journal in workers for _, value in journal.column("child")) == list(range(10))
    steps = [step for step, _ in parent.column("text")]
    assert steps == sorted(set(steps))


def test_forking_gives_no_warning_of_threads(runs: Path) -> None:
    run_script(
        """
        import os, warnings, runlore
        warnings.simplefilter("error")
        run = runlore.init(project="p")
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        """
    )


def test_a_forked_child_may_begin_a_run_of_its_own(runs: Path) -> None:
    run_script(
        """
        import os, runlore
        run = runlore.init(project="p", id="parent", group="g")
        child = os.fork()
        if child == 0:
            own = runlore.init(project="p", id="child", group="g")
            assert own is not run and runlore.run is own
            own.log({"a": 1})
            own.finish()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        run.log({"a": 2})
        """
    )
    assert {(journal.header.run_id, journal.header.role) for journal in journals_of(runs)} == {
        ("parent", "primary"),
        ("child", "primary"),
    }


def test_a_pickled_run_records_as_a_worker_elsewhere_and_is_itself_here(runs: Path, tmp_path: Path) -> None:
    with runlore.init(project="p", id="x") as run:
        run.log({"a": 1})
        assert copy.deepcopy(run) is run
        assert copy.copy(run) is run
        assert pickle.loads(pickle.dumps(run)) is run
        (tmp_path / "run.pickle").write_bytes(pickle.dumps(run))
        assert b"api_key" not in pickle.dumps(run)
        run_script(
            f"""
            import pathlib, pickle
            run = pickle.loads(pathlib.Path({str(tmp_path / "run.pickle")!r}).read_bytes())
            run.log({{"b": 2}}, step=9)
            run.finish()
            """
        )
    parent, worker = journals_of(runs)
    assert (worker.header.run_id, worker.header.role) == ("x", "worker")
    assert worker.column("b") == [(9, 2)]
    assert worker.exit.state == "finished"
    assert parent.exit.state == "finished"


def test_a_disabled_run_can_be_pickled() -> None:
    with runlore.init(mode="disabled") as run:
        pickle.loads(pickle.dumps(run)).log({"a": 1})


def test_spawned_loader_workers_find_no_run_and_leave_no_trace(runs: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        """
import multiprocessing
import runlore

def load(number):
    if runlore.run is not None:
        runlore.log({"worker": number})
    return number

if __name__ == "__main__":
    with runlore.init(project="p") as run:
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            for value in pool.map(load, range(4)):
                run.log({"batch": value})
"""
    )
    subprocess.run([sys.executable, str(script)], check=True, timeout=60, capture_output=True)
    assert [value for _, value in only_journal(runs).column("batch")] == list(range(4))


def test_a_child_started_after_the_run_finished_joins_nothing(runs: Path) -> None:
    with runlore.init(project="p", id="parent"):
        pass
    run_script("import runlore\nwith runlore.init(project='p', id='parent') as run:\n    run.log({'a': 1})")
    assert [journal.header.role for journal in journals_of(runs)] == ["primary", "primary"]
