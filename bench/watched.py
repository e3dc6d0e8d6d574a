"""``serena serve`` with a watch on its event loop: ``python -m bench.watched DATA_DIR PORT STORE FILE``.

The longest stall since FILE was there is in it, in seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from adapters.bootstrap import bootstrap
from adapters.http.server import serve
from adapters.settings import load_settings

TICK = 0.005
SETTLING = 2.0
"""Seconds after the start that do not count: what is imported late holds everything up once."""


class Watch:
    """Sleeps for a tick, again and again, and sees how much longer that took."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._task: asyncio.Task[None] | None = None

    def begin(self, _url: str) -> None:
        """Called on the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        await asyncio.sleep(SETTLING)
        longest = 0.0
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            stall = time.perf_counter() - began - TICK
            if stall > longest or not self._file.exists():
                longest = stall
                self._file.write_text(f"{longest}\n", encoding="utf-8")


def main(data_dir: str, port: str, store: str, file: str) -> None:
    settings = load_settings(
        data_dir=data_dir,
        backend={"name": "fake", "zero_cost": True},
        plugins={"only": ()},
        http={"port": int(port)},
        jobs={"store": store},
    )
    serve(bootstrap(settings, serving=True), on_listening=Watch(Path(file)).begin)


if __name__ == "__main__":
    main(*sys.argv[1:])
