"""The victim of ``crash_rounds.py``: logs at full speed and notes each acknowledged row in shared memory.

    python crash_trainer.py PROJECT RUN_ID ACKNOWLEDGED_FILE SECONDS

The count in the file (u64) is written after ``log`` returned, by a plain store into a mapped page, which survives
the death of the process. Row ``i`` is a pure function of ``i``, so that the reader can check every value.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from pathlib import Path

NOTE_EVERY = 997
"""One row in so many also holds a string, which takes the other way through the journal."""


def row_of(index: int) -> dict[str, float | int | str]:
    """The row that is logged at step ``index``."""
    row: dict[str, float | int | str] = {
        "index": index,
        "half": index * 0.5,
        "wave": (index * 2654435761 % 2**32) / 2**32,
    }
    if index % NOTE_EVERY == 0:
        row["note"] = f"row {index}"
    return row


def main(project: str, run_id: str, acknowledged: str, seconds: str) -> None:
    import runlore  # here, so that the reader of rows can import this file cheaply

    with (
        Path(acknowledged).open("r+b") as file,
        mmap.mmap(file.fileno(), 8) as counter,
        runlore.init(project=project, id=run_id) as run,
    ):
        end = time.monotonic() + float(seconds)
        index = 0
        while index % 64 or time.monotonic() < end:
            run.log(row_of(index))
            index += 1
            struct.pack_into("<Q", counter, 0, index)


if __name__ == "__main__":
    main(*sys.argv[1:])
