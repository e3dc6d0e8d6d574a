"""What comes before the first answer: imports in a new process, and the start of Serena and a bare FastAPI
application until they listen and answer."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bench.servers import ROOT, bare_command, booted, free_port, serena_command
from bench.table import Measurement

ROUNDS = 5
BARE = "bare FastAPI"
IMPORTS = {
    "nothing": "pass",
    "serena": "import serena",
    "the torch backend": "import adapters.backends.torch.backend",
}


def measure(data_dir: Path, rounds: int = ROUNDS) -> list[Measurement]:
    """The servers take turns, so that what else the machine does falls on all alike."""
    commands: dict[str, Callable[[int], list[str]]] = {
        BARE: bare_command,
        "serena serve --backend fake": lambda port: serena_command("fake", data_dir, port),
        "serena serve --backend torch": lambda port: serena_command("torch", data_dir, port),
    }
    listening: dict[str, list[float]] = defaultdict(list)
    answering: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, command in commands.items():
            port = free_port()
            with booted(command(port), port) as server:
                listening[name].append(server.listening)
                answering[name].append(server.answering)
    starts = [*_rows("listening", listening), *_rows("first answer", answering)]
    return [*imports(rounds), *starts]


def imports(rounds: int) -> list[Measurement]:
    """A Python of its own that imports it and ends."""
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, code in IMPORTS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
            taken[name].append(time.perf_counter() - began)
    return [Measurement(f"Python that imports {name}", seconds) for name, seconds in taken.items()]


def _rows(what: str, seconds: dict[str, list[float]]) -> list[Measurement]:
    base = Measurement(f"{BARE}, start to {what}", seconds[BARE])
    others = (name for name in seconds if name != BARE)
    return [base, *(Measurement(f"{name}, start to {what}", seconds[name], base) for name in others)]
