"""A short, seeded run of the fuzz target; the long one is ``python tests/fuzz/fuzz_journal.py 600``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_second_of_fuzzing_finds_nothing(tmp_path: Path) -> None:
    target = Path(__file__).with_name("fuzz_journal.py")
    done = subprocess.run(
        [sys.executable, str(target), "1", "--seed", "7"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no failure" in done.stdout
    assert int(done.stdout.split()[0]) > 100
