"""Runlore. Its data folder and server come from RUNLORE_DIR and RUNLORE_BASE_URL."""

from __future__ import annotations

from pathlib import Path

import measure


class Runlore:
    def load(self) -> str:
        import runlore

        self.module = runlore
        return runlore.__version__

    def begin(self, work: Path) -> None:  # noqa: ARG002 - the data folder is set by the environment
        self.run = self.module.init(project="benchmark")

    def log(self, row: dict[str, float], step: int) -> None:  # noqa: ARG002 - automatic steps, as most scripts do
        self.run.log(row)

    def end(self) -> None:
        self.run.finish()

    def count(self, work: Path) -> int:
        from runlore.protocol import frames, records

        found = 0
        for journal in (work.parent / "runs").rglob("*.rlj"):
            data = memoryview(journal.read_bytes())[len(frames.MAGIC) :]
            found += sum(
                isinstance(item, frames.Frame) and item.kind == records.Kind.ROW
                for item in frames.scan(data, is_final=True)
            )
        return found


measure.main(Runlore())
