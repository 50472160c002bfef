"""``kill -9`` at random instants while logging at full speed: are acknowledged rows lost, or stored twice?

    python benchmarks/crash.py [--rounds 200] [--kinds trainer,recorder,both,server] [--seed N]

Exits with 1 when a row was lost, doubled or invented, or a state was not right within 15 s.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from harness.crash_rounds import KINDS, STATE_LIMIT_S, Outcome, run_round
from harness.live_server import running_server
from rich.console import Console
from rich.table import Table


def report(outcomes: dict[str, list[Outcome]]) -> Table:
    table = Table(title="kill -9 while logging at full speed")
    for heading in (
        "killed",
        "rounds",
        "rows acknowledged",
        "lost",
        "doubled",
        "wrong",
        "state in time",
        "worst s",
        "median s",
    ):
        table.add_column(heading, justify="left" if heading == "killed" else "right")
    for kind, found in outcomes.items():
        times = sorted(outcome.state_s for outcome in found if outcome.state_s is not None)
        in_time = sum(seconds <= STATE_LIMIT_S for seconds in times)
        table.add_row(
            kind,
            str(len(found)),
            f"{sum(outcome.acknowledged for outcome in found):,}",
            str(sum(outcome.lost for outcome in found)),
            str(sum(outcome.doubled for outcome in found)),
            str(sum(outcome.wrong for outcome in found)),
            f"{in_time} of {len(found)}",
            f"{times[-1]:.1f}" if times else "-",
            f"{times[len(times) // 2]:.1f}" if times else "-",
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200, help="rounds in all, shared by the kinds (default 200)")
    parser.add_argument("--kinds", default=",".join(KINDS), help="who is killed, separated by commas")
    parser.add_argument("--seed", type=int, default=None, help="of the random instants; printed when not given")
    parser.add_argument("--patient-every", type=int, default=8, help="one round of 'both' in so many waits for silence")
    chosen = parser.parse_args()
    kinds = chosen.kinds.split(",")
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"unknown kinds {sorted(unknown)}; there are {', '.join(KINDS)}")
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(f"seed {seed}")
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="runlore-crash-") as folder, running_server(Path(folder)) as server:
        for number in range(chosen.rounds):
            kind = kinds[number % len(kinds)]
            of_kind = len(outcomes[kind])
            outcome = run_round(
                kind, server, rng, project=f"crash-{kind}", is_patient=of_kind % chosen.patient_every == 1
            )
            outcomes[kind].append(outcome)
            seconds = "-" if outcome.state_s is None else f"{outcome.state_s:.1f} s"
            console.print(
                f"{number + 1:4} {kind:9} {outcome.acknowledged:8,} rows, lost {outcome.lost}, doubled {outcome.doubled},"
                f" wrong {outcome.wrong}, state {seconds}, at {time.monotonic() - begin:.0f} s {outcome.detail}",
                highlight=False,
            )
    console.print(report(outcomes))
    return 0 if all(outcome.is_good for found in outcomes.values() for outcome in found) else 1


if __name__ == "__main__":
    sys.exit(main())
