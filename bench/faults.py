"""What is lost when processes die, how long a cancel takes, and whom it hits: ``python -m bench.faults``.

One command, one table. ``--quick`` does a handful of each, for a test. A figure that must be zero and is not
makes the exit code 1.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import cancels, kills, recovery
from bench.kills import Books


@dataclass(frozen=True)
class Amounts:
    """How much of everything."""

    server_kills: int
    worker_kills: int
    seconds: float
    cancels: int
    racing: int
    drained: int
    queued: int


QUICK = Amounts(server_kills=6, worker_kills=2, seconds=60, cancels=5, racing=1000, drained=4, queued=50)


@dataclass(frozen=True)
class Line:
    """``wrong``: how much of it must not have been."""

    what: str
    found: str
    wrong: int = 0


def measure(folder: Path, amounts: Amounts, chance: random.Random) -> list[Line]:
    served = kills.servers(folder / "servers", amounts.server_kills, amounts.seconds, chance)
    drawn, answers = kills.workers(folder / "workers", amounts.worker_kills, amounts.seconds, chance)
    lines = [*of_books(served), *of_books(drawn)]
    lines.append(Line("/progress while workers were killed, ms", _spread([1000 * s for s in answers])))
    for kind in ("thread", "process"):
        found = cancels.latencies(folder / f"cancel-{kind}", kind, amounts.cancels, chance)
        lines.append(Line(f"cancel, worker {kind}, ms", _spread([1000 * s for s in found.seconds])))
        lines.append(Line(f"cancel, worker {kind}, steps", _spread(found.steps, "d")))
    return [*lines, *of_race(cancels.race(folder / "race", amounts.racing)), *of_recovery(folder, amounts)]


def of_books(books: Books) -> list[Line]:
    head = f"kill -9 of the {books.what}"
    load = f"{books.kills} in {books.seconds:.0f} s, {len(books.accepted)} jobs accepted"
    return [
        Line(head, load),
        Line(f"{head}: lost", str(books.lost), books.lost),
        Line(f"{head}: duplicated", str(books.duplicated), books.duplicated),
        Line(f"{head}: stuck", str(books.stuck), books.stuck),
        Line(f"{head}: failed", str(books.failed), books.failed),
    ]


def of_race(race: cancels.Race) -> list[Line]:
    made = (
        f"{race.cancels} of {race.meant} jobs in {race.seconds:.0f} s; {race.stopped} of them stopped in time"
    )
    return [Line("racing cancels", made), Line("racing cancels: wrong hits", str(race.wrong), race.wrong)]


def of_recovery(folder: Path, amounts: Amounts) -> list[Line]:
    drained = recovery.drain(folder / "drain", amounts.drained)
    restarted = recovery.restart(folder / "restart", amounts.queued)
    ended = f"exit code {drained.exit_code} after {drained.seconds:.1f} s"
    return [
        Line(
            f"SIGTERM with {drained.accepted} jobs",
            f"{ended}; {drained.finished} finished, {drained.put_back} kept for the next server",
            drained.exit_code,
        ),
        Line("SIGTERM: lost", str(drained.lost), drained.lost),
        Line(
            f"start with {restarted.queued} queued jobs",
            f"listens after {restarted.listening:.1f} s, first result after {restarted.first_result:.1f} s",
        ),
        Line("start with queued jobs: missing", str(restarted.missing), restarted.missing),
    ]


def _spread(values: Sequence[float], form: str = ".1f") -> str:
    ordered = sorted(values)
    cuts = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    found = {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in cuts.items()}
    return f"{len(ordered)}: " + ", ".join(f"{name} {value:{form}}" for name, value in found.items())


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    amounts = QUICK if arguments.quick else Amounts(
        server_kills=arguments.server_kills,
        worker_kills=arguments.worker_kills,
        seconds=arguments.seconds,
        cancels=arguments.cancels,
        racing=arguments.racing,
        drained=20,
        queued=arguments.queued,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lines = measure(Path(folder), amounts, random.Random(arguments.seed))
    table = Table(
        title=f"Faults, seed {arguments.seed}, Python {platform.python_version()}, {os.cpu_count()} cores"
    )
    table.add_column("what")
    table.add_column("found")
    table.add_column("")
    for line in lines:
        table.add_row(line.what, line.found, "WRONG" if line.wrong else "")
    Console(width=120).print(table)
    return 1 if any(line.wrong for line in lines) else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a handful of each")
    parser.add_argument("--server-kills", type=int, default=1000)
    parser.add_argument("--worker-kills", type=int, default=150)
    parser.add_argument(
        "--seconds", type=float, default=900, help="at most so long for the kills of one kind"
    )
    parser.add_argument("--cancels", type=int, default=200)
    parser.add_argument("--racing", type=int, default=100_000)
    parser.add_argument("--queued", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
