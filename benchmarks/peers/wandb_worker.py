"""wandb in offline mode: its service process writes a local file and nothing leaves the machine."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 32768


class Wandb:
    def load(self) -> str:
        import wandb

        self.module = wandb
        return wandb.__version__

    def begin(self, work: Path) -> None:
        self.run = self.module.init(
            project="benchmark", mode="offline", dir=str(work), settings=self.module.Settings(silent=True)
        )

    def log(self, row: dict[str, float], step: int) -> None:  # noqa: ARG002 - automatic steps
        self.run.log(row)

    def end(self) -> None:
        self.run.finish()

    def count(self, work: Path) -> int:
        from wandb.proto import wandb_internal_pb2

        found = 0
        for path in work.rglob("*.wandb"):
            for data in _records(path.read_bytes()):
                record = wandb_internal_pb2.Record()
                record.ParseFromString(data)
                found += record.WhichOneof("record_type") == "history"
        return found


def _records(data: bytes) -> Iterator[bytes]:
    """The records of a transaction log: the framing of LevelDB's log after a head of seven bytes."""
    at, parts = 7, b""
    while at + 7 <= len(data):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        if kind not in {1, 2, 3, 4} or at + 7 + length > len(data):
            return  # a torn end
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in {1, 4}:
            yield parts
            parts = b""


measure.main(Wandb())
