"""Threads, forks, spawned children, pools, loader workers, and two processes on one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from harness.scripts import run_script, start_script

if TYPE_CHECKING:
    from harness.live_server import Server


def test_threads_share_a_run_and_lose_nothing(server: Server) -> None:
    run_script(
        server.home,
        """
        import threading
        import runlore

        with runlore.init(project="threads", id="many") as run:
            def work(number):
                for index in range(500):
                    run.log({f"thread/{number}": index, "who": number})

            workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        """,
    )
    detail = server.wait_run("threads", "many", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end")
    assert detail.run.rows == 4000
    rows = server.history("threads", "many", [f"thread/{number}" for number in range(8)])
    assert np.array_equal(rows.steps, np.arange(4000))
    for number in range(8):
        values = rows.columns[f"thread/{number}"][rows.present[f"thread/{number}"]]
        assert values.tolist() == list(range(500)), f"rows of thread {number} in their order"


def test_forked_child_logs_into_the_same_run_by_its_own_journal(server: Server) -> None:
    run_script(
        server.home,
        """
        import os
        import runlore

        with runlore.init(project="fork", id="parent") as run:
            for index in range(100):
                run.log({"parent": index})
            child = os.fork()
            if child == 0:
                for index in range(100):
                    run.log({"child": index}, step=1000 + index)
                os._exit(0)
            os.waitpid(child, 0)
            for index in range(100, 200):
                run.log({"parent": index})
        """,
    )
    server.wait_run("fork", "parent", lambda seen: seen.run.rows == 300, timeout_s=20, what="all rows")
    detail = server.wait_run("fork", "parent", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end")
    assert detail.run.rows == 300
    assert sorted(writer.role for writer in detail.writers if writer.role != "recorder") == ["primary", "worker"]
    rows = server.history("fork", "parent", ["parent", "child"])
    assert rows.columns["parent"][rows.present["parent"]].tolist() == list(range(200))
    assert rows.columns["child"][rows.present["child"]].tolist() == list(range(100))
    assert len(server.runs("fork")) == 1


def test_end_of_a_forked_child_does_not_end_the_run(server: Server) -> None:
    run_script(
        server.home,
        """
        import os, sys, time
        import runlore

        run = runlore.init(project="fork-exit", id="parent")
        child = os.fork()
        if child == 0:
            run.log({"child": 1}, step=10)
            sys.exit(3)
        os.waitpid(child, 0)
        time.sleep(1)
        run.log({"parent": 1}, step=11)
        run.finish()
        """,
    )
    detail = server.wait_run(
        "fork-exit", "parent", lambda seen: seen.run.state != "running", timeout_s=20, what="its end"
    )
    assert (detail.run.state, detail.run.exit_code) == ("finished", 0)
    detail = server.wait_run("fork-exit", "parent", lambda seen: seen.run.rows == 2, timeout_s=20, what="both rows")


def test_pool_of_forked_workers_logs_into_the_same_run(server: Server) -> None:
    run_script(
        server.home,
        """
        import multiprocessing
        import runlore

        def work(number):
            runlore.log({"task": number}, step=number)
            return number

        if __name__ == "__main__":
            with runlore.init(project="pool", id="parent"):
                with multiprocessing.get_context("fork").Pool(3) as pool:
                    assert sum(pool.map(work, range(60), chunksize=5)) == 1770
        """,
    )
    server.wait_run("pool", "parent", lambda seen: seen.run.rows == 60, timeout_s=30, what="the rows of all workers")
    detail = server.wait_run("pool", "parent", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end")
    rows = server.history("pool", "parent", ["task"])
    assert rows.columns["task"].tolist() == list(range(60))
    assert detail.run.lost_rows == 0
    assert len(server.runs("pool")) == 1


def test_loader_workers_that_do_not_log_leave_no_trace(server: Server) -> None:
    run_script(
        server.home,
        """
        import multiprocessing
        import runlore

        def load(batches, queue):
            for number in range(batches):
                queue.put([number] * 8)
            queue.put(None)

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            with runlore.init(project="loader", id="parent") as run:
                for epoch in range(3):
                    queue = context.Queue(4)
                    workers = [context.Process(target=load, args=(10, queue), daemon=True) for _ in range(2)]
                    for worker in workers:
                        worker.start()
                    ended = 0
                    while ended < 2:
                        batch = queue.get()
                        if batch is None:
                            ended += 1
                        else:
                            run.log({"batch": batch[0], "epoch": epoch})
                    for worker in workers:
                        worker.join()
        """,
    )
    detail = server.wait_run(
        "loader", "parent", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end"
    )
    assert detail.run.rows == 60
    assert [writer.role for writer in detail.writers if writer.role != "recorder"] == ["primary"]


def test_spawned_child_without_a_run_is_told_so_and_makes_no_second_run(server: Server) -> None:
    done = run_script(
        server.home,
        """
        import multiprocessing
        import runlore

        def work():
            try:
                runlore.log({"child": 1})
            except Exception as error:
                print("told:", type(error).__name__, error, flush=True)

        if __name__ == "__main__":
            with runlore.init(project="spawn", id="parent") as run:
                run.log({"parent": 1})
                child = multiprocessing.get_context("spawn").Process(target=work)
                child.start()
                child.join()
                assert child.exitcode == 0
        """,
    )
    assert "told:" in done.stdout
    assert "init" in done.stdout
    server.wait_run("spawn", "parent", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end")
    assert len(server.runs("spawn")) == 1


def test_spawned_workers_that_join_the_run_write_to_it(server: Server) -> None:
    run_script(
        server.home,
        """
        import multiprocessing, sys
        import runlore

        def work(run_id, rank):
            settings = runlore.Settings(x_primary=False, x_label=f"rank-{rank}")
            with runlore.init(project="shared", id=run_id, mode="shared", settings=settings) as run:
                for index in range(50):
                    run.log({f"rank/{rank}": index}, step=index)

        if __name__ == "__main__":
            with runlore.init(project="shared", id="parent", mode="shared", settings=runlore.Settings(x_label="main")) as run:
                context = multiprocessing.get_context("spawn")
                children = [context.Process(target=work, args=(run.id, rank)) for rank in range(2)]
                for child in children:
                    child.start()
                for index in range(50):
                    run.log({"main": index}, step=index)
                for child in children:
                    child.join()
                    assert child.exitcode == 0
        """,
    )
    server.wait_run("shared", "parent", lambda seen: seen.run.rows == 150, timeout_s=30, what="the rows of all writers")
    detail = server.wait_run(
        "shared", "parent", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end"
    )
    assert {writer.label for writer in detail.writers} >= {"main", "rank-0", "rank-1"}
    rows = server.history("shared", "parent", ["main", "rank/0", "rank/1"])
    for key in ("main", "rank/0", "rank/1"):
        assert rows.columns[key][rows.present[key]].tolist() == list(range(50))
    assert len(server.runs("shared")) == 1


def test_init_at_the_top_of_a_spawning_script_makes_no_second_run(server: Server) -> None:
    run_script(
        server.home,
        """
        import multiprocessing
        import runlore

        run = runlore.init(project="unguarded")

        def work(number):
            runlore.log({"task": number}, step=number)

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                pool.map(work, range(20))
            run.log({"parent": 1}, step=100)
            run.finish()
        """,
    )
    (run,) = server.runs("unguarded")
    server.wait_run("unguarded", run.id, lambda seen: seen.run.rows == 21, timeout_s=30, what="the rows of all")
    detail = server.wait_run(
        "unguarded", run.id, lambda seen: seen.run.state == "finished", timeout_s=20, what="its end"
    )
    assert server.history("unguarded", run.id, ["task"]).columns["task"].tolist() == list(range(20))
    assert detail.run.exit_code == 0
    assert len(server.runs("unguarded")) == 1


def test_spawned_child_records_through_the_run_it_was_handed(server: Server) -> None:
    run_script(
        server.home,
        """
        import multiprocessing
        import runlore

        def work(run):
            for index in range(30):
                run.log({"child": index}, step=index)

        if __name__ == "__main__":
            with runlore.init(project="handed", id="parent") as run:
                child = multiprocessing.get_context("spawn").Process(target=work, args=(run,))
                child.start()
                child.join()
                assert child.exitcode == 0
        """,
    )
    server.wait_run("handed", "parent", lambda seen: seen.run.rows == 30, timeout_s=30, what="the child's rows")
    server.wait_run("handed", "parent", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end")
    assert server.history("handed", "parent", ["child"]).columns["child"].tolist() == list(range(30))
    assert len(server.runs("handed")) == 1


def test_two_processes_resume_the_same_run_at_once(server: Server) -> None:
    run_script(
        server.home,
        "import runlore\nwith runlore.init(project='twins', id='one') as run:\n    run.log({'first': 1}, step=0)",
    )
    code = """
        import sys, time
        import runlore

        with runlore.init(project="twins", id="one", resume="allow") as run:
            for index in range(200):
                run.log({sys.argv[1]: index}, step=1 + index)
                time.sleep(0.002)
    """
    both = [start_script(server.home, code, name) for name in ("left", "right")]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    server.wait_run("twins", "one", lambda seen: seen.run.rows == 401, timeout_s=30, what="the rows of both")
    detail = server.wait_run("twins", "one", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end")
    assert detail.run.rows == 401
    rows = server.history("twins", "one", ["left", "right"])
    for name in ("left", "right"):
        assert rows.columns[name][rows.present[name]].tolist() == list(range(200))
    assert len(server.runs("twins")) == 1


def test_resumed_run_goes_on_after_its_last_step(server: Server) -> None:
    for round_number in range(2):
        done = run_script(
            server.home,
            """
            import sys
            import runlore

            with runlore.init(project="again", id="one", resume=True) as run:
                print("resumed", run.resumed, run.starting_step)
                for index in range(10):
                    run.log({"loss": index})
                run.summary["round"] = int(sys.argv[1])
            """,
            str(round_number),
        )
        assert f"resumed {round_number == 1} {10 * round_number}" in done.stdout
    detail = server.wait_run("again", "one", lambda seen: seen.run.rows == 20, timeout_s=20, what="all rows")
    assert detail.run.summary["round"] == 1
    assert server.history("again", "one", ["loss"]).steps.tolist() == list(range(20))
