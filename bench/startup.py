"""From the start of a process until it listens and answers: Serena and a bare FastAPI application."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bench.servers import bare_command, booted, free_port, serena_command
from bench.table import Measurement

ROUNDS = 5
BARE = "bare FastAPI"


def measure(data_dir: Path) -> list[Measurement]:
    """The servers take turns, so that what else the machine does falls on all alike."""
    commands: dict[str, Callable[[int], list[str]]] = {
        BARE: bare_command,
        "serena serve --backend fake": lambda port: serena_command("fake", data_dir, port),
        "serena serve --backend torch": lambda port: serena_command("torch", data_dir, port),
    }
    listening: dict[str, list[float]] = defaultdict(list)
    answering: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, command in commands.items():
            port = free_port()
            with booted(command(port), port) as server:
                listening[name].append(server.listening)
                answering[name].append(server.answering)
    return [*_rows("listening", listening), *_rows("first answer", answering)]


def _rows(what: str, seconds: dict[str, list[float]]) -> list[Measurement]:
    base = Measurement(f"{BARE}, start to {what}", seconds[BARE])
    others = (name for name in seconds if name != BARE)
    return [base, *(Measurement(f"{name}, start to {what}", seconds[name], base) for name in others)]
