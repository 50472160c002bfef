"""trackio with its local SQLite store (TRACKIO_DIR is set by the caller)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import measure


class Trackio:
    def load(self) -> str:
        import trackio

        self.module = trackio
        return trackio.__version__

    def begin(self, work: Path) -> None:  # noqa: ARG002 - the folder is set by the environment
        self.module.init(project="benchmark", name="run")

    def log(self, row: dict[str, float], step: int) -> None:  # noqa: ARG002 - automatic steps
        self.module.log(row)

    def end(self) -> None:
        self.module.finish()

    def count(self, work: Path) -> int:
        found = 0
        for path in work.glob("*.db"):
            with sqlite3.connect(path) as database:
                found += database.execute("select count(*) from metrics").fetchone()[0]
        return found


measure.main(Trackio())
