"""Many clients at once against the zero-cost backend and against a bare web application, in the same run.

``python -m bench.load``: jobs a second, how long one takes, what ``/progress`` takes meanwhile, and the
longest stall of the event loop. The clients share the machine with the servers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.servers import BODY, bare_command, booted, free_port

CLIENTS = (1, 8, 64, 256)
POLL_SECONDS = 0.02
WARM_UP = 3.0
POST = (
    f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
).encode()
PROGRESS = b"GET /sdapi/v1/progress HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass
class Rate:
    """What so many clients got of one server."""

    server: str
    clients: int
    seconds: float = 0.0
    answers: list[float] = field(default_factory=list)
    progress: list[float] = field(default_factory=list)
    stall: float | None = None

    @property
    def per_second(self) -> float:
        return len(self.answers) / self.seconds


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, request: bytes) -> float:
        """Seconds until the whole answer was here. Raises ``RuntimeError`` for one that is not 200."""
        began = time.perf_counter()
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(size)
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(head.decode())
        return time.perf_counter() - began


async def loaded(server: str, port: int, clients: int, seconds: float, poll: bytes) -> Rate:
    """Every client asks again as soon as it has its answer; one more polls."""
    rate = Rate(server, clients)
    began = time.perf_counter()
    until = began + seconds

    async def draw() -> None:
        async with Client(port) as client:
            while time.perf_counter() < until:
                rate.answers.append(await client.ask(POST))

    async def look() -> None:
        async with Client(port) as client:
            while time.perf_counter() < until:
                rate.progress.append(await client.ask(poll))
                await asyncio.sleep(POLL_SECONDS)

    await asyncio.gather(look(), *(draw() for _ in range(clients)))
    rate.seconds = time.perf_counter() - began
    return rate


def measure(folder: Path, clients: Sequence[int], seconds: float) -> list[Rate]:
    """The servers stand side by side, and take turns at each number of clients."""
    ports = {name: free_port() for name in ("bare FastAPI", "serena, sqlite", "serena, memory")}
    stalls = {name: folder / f"{name}.stall" for name in ports}

    def command(name: str) -> list[str]:
        store = name.rpartition(" ")[2]
        rest = [str(folder / store), str(ports[name]), store, str(stalls[name])]
        return [sys.executable, "-m", "bench.watched", *rest]

    rates: list[Rate] = []
    bare, sqlite, memory = ports
    with (
        booted(bare_command(ports[bare]), ports[bare]),
        booted(command(sqlite), ports[sqlite]),
        booted(command(memory), ports[memory]),
    ):
        for name, port in ports.items():
            asyncio.run(loaded(name, port, 4, WARM_UP, LIVE))
        for count in clients:
            for name, port in ports.items():
                stalls[name].unlink(missing_ok=True)
                poll = LIVE if name == bare else PROGRESS
                rate = asyncio.run(loaded(name, port, count, seconds, poll))
                rate.stall = _read(stalls[name])
                rates.append(rate)
    return rates


def _read(file: Path) -> float | None:
    return float(file.read_text("utf-8")) if file.exists() else None


def render(rates: Sequence[Rate]) -> Table:
    table = Table(
        title=f"Load, Python {platform.python_version()}, {os.cpu_count()} cores for servers and clients"
    )
    for name in (
        "server",
        "clients",
        "jobs/s",
        "of bare",
        "p50 ms",
        "p99 ms",
        "/progress p99 ms",
        "stall ms",
    ):
        table.add_column(name, justify="left" if name == "server" else "right")
    bare = {rate.clients: rate.per_second for rate in rates if rate.server.startswith("bare")}
    for rate in rates:
        table.add_row(
            rate.server,
            str(rate.clients),
            f"{rate.per_second:.0f}",
            f"{rate.per_second / bare[rate.clients]:.3f}",
            *(_ms(rate.answers, share) for share in (0.5, 0.99)),
            _ms(rate.progress, 0.99),
            "" if rate.stall is None else f"{1000 * rate.stall:.0f}",
        )
    return table


def _ms(seconds: Sequence[float], share: float) -> str:
    ordered = sorted(seconds)
    return f"{1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]:.1f}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="for each number of clients and each server"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        show(measure(Path(folder), arguments.clients, arguments.seconds))
    return 0


def show(rates: Sequence[Rate]) -> None:
    Console(width=120).print(render(rates))


if __name__ == "__main__":
    sys.exit(main())
