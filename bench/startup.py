"""From the start of a process to its first answer: Serena and a bare FastAPI application in the same run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.servers import bare_command, booted, free_port, serena_command
from bench.table import Measurement

ROUNDS = 5


def measure(data_dir: Path) -> list[Measurement]:
    """The servers take turns, so that what else the machine does falls on all alike."""
    commands: dict[str, Callable[[int], list[str]]] = {
        "bare FastAPI, start to first answer": bare_command,
        "serena serve --backend fake, start to first answer": lambda port: serena_command(
            "fake", data_dir, port
        ),
        "serena serve --backend torch, start to first answer": lambda port: serena_command(
            "torch", data_dir, port
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            port = free_port()
            with booted(command(port), port) as server:
                seconds[name].append(server.seconds)
    (bare, *others) = seconds
    base = Measurement(bare, seconds[bare])
    return [base, *(Measurement(name, seconds[name], base) for name in others)]
