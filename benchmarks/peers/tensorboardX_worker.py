"""tensorboardX: a row is one ``add_scalar`` a metric, as its users write it."""

from __future__ import annotations

import struct
from pathlib import Path

import measure


class TensorboardX:
    def load(self) -> str:
        import tensorboardX

        self.module = tensorboardX
        return tensorboardX.__version__

    def begin(self, work: Path) -> None:
        self.writer = self.module.SummaryWriter(str(work / "events"))

    def log(self, row: dict[str, float], step: int) -> None:
        for name, value in row.items():
            self.writer.add_scalar(name, value, step)

    def end(self) -> None:
        self.writer.close()

    def count(self, work: Path) -> int:
        # TFRecord framing: length u64, its checksum u32, the event, its checksum u32. One event a scalar.
        events = 0
        for path in work.rglob("events.out.*"):
            data = path.read_bytes()
            at = 0
            while at + 12 <= len(data) and at + 16 + struct.unpack_from("<Q", data, at)[0] <= len(data):
                at += 16 + struct.unpack_from("<Q", data, at)[0]
                events += 1
        return max(events - 1, 0) // measure.SCALARS  # the first event is the file's version


measure.main(TensorboardX())
