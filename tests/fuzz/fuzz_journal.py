"""Fuzz target for the journal readers: ``python tests/fuzz/fuzz_journal.py SECONDS [--seed N] [--driver atheris|mutation]``.

Feeds damaged, cut, spliced and forged journals to ``scan``, ``whole_end``, ``decode`` and ``decode_row`` and checks that

- nothing is raised but what is documented,
- every byte is accounted for exactly once,
- a frame that is returned is, byte for byte, one that was written (frames that mutations forged with a right checksum
  are known and allowed), and frames that no mutation touched are all returned,
- what a reader of a growing file sees is a prefix of what it sees in the end.

With the package ``atheris`` installed, inputs are guided by coverage (``--driver atheris``); without it, a seeded driver
of its own mutates a corpus. Either prints how many inputs it tried, and ends with 1 at the first one that fails,
which it writes to ``fuzz-failure.bin``.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from runlore.errors import UnsupportedJournal
from runlore.protocol import records, wire
from runlore.protocol.frames import HEAD_SIZE, MAX_KIND_AFTER_DAMAGE, Damage, Frame, encode_frame, scan, whole_end
from runlore.protocol.records import Kind

LONGEST = 4096


class Failure(AssertionError):
    """A reader broke a promise."""


def corpus() -> list[bytes]:
    """A frame of every kind, and rows of every type."""
    values: dict[str, Any] = {"loss": 0.5, "text": "é✓", "none": None, "list": [1, {"a": [True]}], "big": 2**63}
    written = [
        records.Header(run_id="r", project="p", writer="0" * 32, time_ns=1, tags=["a"], host="h", pid=7),
        records.Schema(id=0, names=list("abcdef"), types="dfeqQ?"),
        records.Schema(id=1, names=[], types=""),
        records.Objects(step=-1, time_ns=2, values=values),
        records.Config(set=values, remove=["x"]),
        records.Summary(set=values),
        records.Metric(name="a*", summary=["min", "max"], goal="minimize"),
        records.Console(time_ns=3, text="\x1b[1mline\r\n"),
        records.Run(name="n", tags=[]),
        records.System(start_ns=1, end_ns=2, samples=3, values={"cpu": [1.0, 0.0, 2.0]}),
        records.Exit(time_ns=4, state="finished", exit_code=0),
        records.Loss(time_ns=5, reason="disk full", rows=3),
        records.Metadata(values={"os": "Linux"}),
    ]
    rows = [
        wire.encode_row("dfeqQ?", 0, 2**53, 10**18, (float("nan"), 1.5, -0.0, -(2**63), 2**64 - 1, True)),
        wire.encode_row("", 1, -1, 0, ()),
        wire.encode_row("d" * 10, 2, 1, 2, tuple(float(i) for i in range(10))),
    ]
    return [wire.encode(record) for record in written] + rows


def check(data: bytes, written: set[bytes] | None = None, kept: list[bytes] | None = None) -> None:
    """Raise Failure when a reader breaks a promise on ``data``.

    written: frames that may come back, None for any with a right checksum. kept: frames that must come back, in order.
    """
    final = list(scan(data, is_final=True))
    growing = list(scan(data, is_final=False))
    at = 0
    for item in final:
        if item.start != at:
            raise Failure(f"bytes {at} to {item.start} are accounted for wrongly")
        if isinstance(item, Damage):
            at = item.end
            continue
        at += HEAD_SIZE + len(item.payload)
        frame = data[item.start : at]
        if encode_frame(item.kind, bytes(item.payload)) != frame or (written is not None and frame not in written):
            raise Failure(f"the frame at {item.start} was never written")
    if at != len(data):
        raise Failure(f"bytes after {at} are not accounted for")
    if [_plain(item) for item in growing] != [_plain(item) for item in final[: len(growing)]]:
        raise Failure("a growing file is read differently from a whole one")
    leading = next((item.start for item in final if isinstance(item, Damage)), len(data))
    if whole_end(data) != leading:
        raise Failure(f"whole_end says {whole_end(data)}, scan {leading}")
    if kept is not None:
        _check_kept(data, final, kept)
    _decode(final)


def _plain(item: Frame | Damage) -> tuple[int, ...] | tuple[int, int, bytes]:
    return (item.start, item.kind, bytes(item.payload)) if isinstance(item, Frame) else tuple(item)


def _check_kept(data: bytes, final: list[Frame | Damage], kept: list[bytes]) -> None:
    found = [data[item.start : item.start + HEAD_SIZE + len(item.payload)] for item in final if isinstance(item, Frame)]
    rest = iter(found)
    for frame in kept:
        if not any(each == frame for each in rest):
            raise Failure("an intact frame was not returned")


def _decode(items: list[Frame | Damage]) -> None:
    """Decode every frame; only the documented errors may come."""
    types = ["dfeqQ?", "", "d" * 10]
    for item in items:
        if isinstance(item, Damage):
            continue
        try:
            if item.kind == Kind.ROW:
                for each in types:
                    try:
                        wire.decode_row(each, item.payload)
                    except ValueError:
                        continue
                continue
            record = wire.decode(item.kind, item.payload)
            if isinstance(record, records.Schema):
                types.append(record.types)
            if record is not None and type(record) is not wire.STRUCTS[item.kind]:
                raise Failure(f"kind {item.kind} became a {type(record).__name__}")
            wire.check_header(record)
        except (ValueError, UnsupportedJournal):
            continue


def journal(chance: random.Random, seeds: list[bytes]) -> tuple[bytes, set[bytes], list[bytes]]:
    """A mutated journal, the frames that may come back from it, and those that must."""
    frames = [chance.choice(seeds) for _ in range(chance.randint(1, 8))]
    written = set(frames)
    kept: list[bytes] = []
    parts: list[bytes] = []
    for frame in frames:
        match chance.randrange(8):
            case 0:  # flipped bits
                damaged = bytearray(frame)
                for _ in range(chance.choice((1, 1, 1, 2, 8))):
                    damaged[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
                parts.append(bytes(damaged))
            case 1:  # cut short, as by a full disk
                parts.append(frame[: chance.randrange(len(frame))])
            case 2:  # something else in between
                parts.append(chance.randbytes(chance.randrange(64)) if chance.random() < 0.5 else bytes(64))
            case 3:  # a forged payload under a right checksum
                payload = bytearray(frame[HEAD_SIZE:] or b"\x80")
                for _ in range(chance.randint(1, 4)):
                    payload[chance.randrange(len(payload))] = chance.choice(
                        (0x80, 0x91, 0xC1, 0xD9, 0xFF, chance.randrange(256))
                    )
                forged = encode_frame(chance.randint(1, MAX_KIND_AFTER_DAMAGE), bytes(payload))
                written.add(forged)
                parts.append(forged)
            case 4:  # a damaged length
                damaged = bytearray(frame)
                damaged[4:8] = chance.choice((0, 1, 9, 255, 2**16, 2**26, 2**32 - 1)).to_bytes(4, "little")
                parts.append(bytes(damaged))
            case _:
                kept.append(frame)
                parts.append(frame)
    data = b"".join(parts)
    # A mutation may undo itself, and junk may complete a frame: then more comes back than was kept, never other things.
    return data, written, kept


def run_mutation(seconds: float, seed: int) -> int:
    """How many inputs were tried. Raises Failure at the first that breaks a promise."""
    chance = random.Random(seed)
    seeds = corpus()
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        for _ in range(100):
            data, written, kept = journal(chance, seeds)
            try:
                check(data, written, kept)
            except Exception:
                Path("fuzz-failure.bin").write_bytes(data)
                raise
        count += 100
    return count


def run_atheris(seconds: float, seed: int) -> int:
    """As ``run_mutation``, guided by coverage. Ends the process when the time is over."""
    atheris: Any = importlib.import_module("atheris")  # optional, and without types
    atheris.instrument_func(check)
    for function in (scan, whole_end, wire.decode, wire.decode_row, wire.row_struct, wire.check_header):
        atheris.instrument_func(function)
    seeds = corpus()
    count = 0

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        # Half of the inputs get right checksums, or no mutation would ever pass one.
        if data[:1] < b"\x80":
            check(data)
        else:
            check(b"".join(encode_frame(part[0] % 15, part[1:]) for part in data[1:].split(b"\xfa\xce") if part))

    start = Path(tempfile.mkdtemp(prefix="runlore-fuzz-"))  # grows by what the driver finds
    for number, frame in enumerate(seeds):
        (start / str(number)).write_bytes(b"\x80" + frame[8:9] + frame[HEAD_SIZE:] + b"\xfa\xce" + frame[8:9] + b"\x80")
        (start / f"raw{number}").write_bytes(b"\x01" + frame)
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={int(seconds)}", f"-max_len={LONGEST}", f"-seed={seed}", str(start)], one
    )
    atheris.Fuzz()
    return count


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description="Fuzz the journal readers.")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver", choices=["mutation", "atheris"], default="mutation")
    chosen = parser.parse_args()
    run = run_atheris if chosen.driver == "atheris" else run_mutation
    count = run(chosen.seconds, chosen.seed)
    sys.stdout.write(f"{count} inputs in {chosen.seconds:g} s, no failure\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
