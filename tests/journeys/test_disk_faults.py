"""A full or broken disk under the journal: training goes on, and what is lost is counted and shown."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.scripts import run_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.live_server import Server

SOURCE = Path(__file__).with_name("disk_faults.c")

TRAINING = """
    import os, sys, time
    import runlore

    project, fault, text = sys.argv[1:]
    with runlore.init(project=project, id="faulty") as run:
        for step in range(300):
            if step == 100:
                with open(fault, "w") as file:
                    file.write(text)
            if step == 200:
                os.unlink(fault)
            run.log({"loss": step * 0.5})
            if step in {100, 150, 200}:
                time.sleep(0.3)
    print("survived")
"""


@pytest.fixture(scope="session")
def injector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preload library that makes journal writes fail."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    library = tmp_path_factory.mktemp("faults") / "disk_faults.so"
    if compiler is None or not Path("/proc/self/fd").exists():
        pytest.skip("DISK FAULTS NOT TESTED: a C compiler and Linux are needed to make journal writes fail")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


@pytest.mark.parametrize(
    ("name", "fault"), [("io-error", str(errno.EIO)), ("no-space", str(errno.ENOSPC)), ("torn-write", "half")]
)
def test_failing_journal_writes_cost_rows_but_never_the_training(
    server: Server, injector: Path, tmp_path: Path, name: str, fault: str
) -> None:
    control = tmp_path / "fault"
    done = run_script(
        server.home,
        TRAINING,
        name,
        str(control),
        fault,
        extra={"LD_PRELOAD": str(injector), "JOURNEY_FAULT": str(control)},
    )
    assert "survived" in done.stdout
    detail = server.wait_run(name, "faulty", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end")
    rows = server.history(name, "faulty", ["loss"])
    kept = rows.steps.tolist()
    assert rows.columns["loss"].tolist() == [step * 0.5 for step in kept]
    assert set(range(100)) <= set(kept), "rows before the fault"
    assert set(range(220, 300)) <= set(kept), "rows after the fault"
    assert len(kept) == len(set(kept)) == detail.run.rows
    assert len(kept) + detail.run.lost_rows == 300, "every row is there or counted as lost"
    assert detail.run.lost_rows == 0, "so few rows wait in memory until the disk works again"
    told = [line for line in done.stderr.splitlines() if "journal" in line]
    assert 1 <= len(told) <= 4, f"told once, not once a row:\n{done.stderr}"


WIDE_TRAINING = """
    import os, sys, time
    import runlore

    project, folder, filler, text = sys.argv[1:]
    names = [f"wide/{number}" for number in range(1000)]
    with runlore.init(project=project, id="faulty", dir=folder or None) as run:
        for step in range(4000):
            if step == 100:
                with open(filler, "wb", buffering=0) as file:
                    try:
                        while file.write(text.encode() or bytes(4096)) and not text:
                            pass
                    except OSError:
                        pass
            if step == 3800:
                os.unlink(filler)
                time.sleep(1.2)
            run.log({**dict.fromkeys(names, 0.25), "loss": step * 0.5})
    print("survived")
"""
"""Rows of about 8 kB: more of them come while the disk refuses than may wait in memory (16 MiB)."""


def check_losses(server: Server, project: str) -> None:
    detail = server.wait_run(project, "faulty", lambda seen: seen.run.state == "finished", timeout_s=60, what="its end")
    rows = server.history(project, "faulty", ["loss"])
    kept = rows.steps.tolist()
    assert rows.columns["loss"].tolist() == [step * 0.5 for step in kept]
    assert set(range(100)) <= set(kept), "rows before the fault"
    assert set(range(3801, 4000)) <= set(kept), "rows after the fault"
    assert detail.run.lost_rows > 0
    assert len(kept) + detail.run.lost_rows == 4000, "every row is there or counted as lost"
    assert detail.losses


def test_more_rows_than_fit_in_memory_during_a_fault_are_counted_on_the_run(
    server: Server, injector: Path, tmp_path: Path
) -> None:
    control = tmp_path / "fault"
    done = run_script(
        server.home,
        WIDE_TRAINING,
        *("wide", "", str(control), str(errno.EIO)),
        extra={"LD_PRELOAD": str(injector), "JOURNEY_FAULT": str(control)},
    )
    assert "survived" in done.stdout
    check_losses(server, "wide")


def test_slow_disk_is_not_waited_for_by_the_training(server: Server, injector: Path, tmp_path: Path) -> None:
    control = tmp_path / "fault"
    control.write_text("slow")
    done = run_script(
        server.home,
        """
        import time
        import runlore

        with runlore.init(project="slow", id="patient") as run:
            worst = 0.0
            for step in range(300):
                begin = time.perf_counter()
                run.log({"loss": step})
                worst = max(worst, time.perf_counter() - begin)
                time.sleep(0.01)
        print("worst", worst)
        """,
        extra={"LD_PRELOAD": str(injector), "JOURNEY_FAULT": str(control)},
    )
    worst_s = float(done.stdout.split("worst ")[1].split()[0])
    assert worst_s < 2, "each fsync takes two seconds; no log call may wait for one"
    detail = server.wait_run("slow", "patient", lambda seen: seen.run.state == "finished", timeout_s=30, what="its end")
    assert detail.run.rows == 300


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"FULL DISK NOT TESTED: a small file system cannot be mounted here ({mounted.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_full_disk_costs_rows_but_never_the_training(server: Server, small_disk: Path) -> None:
    done = run_script(server.home, WIDE_TRAINING, "full", str(small_disk), str(small_disk / "filler"), "")
    assert "survived" in done.stdout
    check_losses(server, "full")
