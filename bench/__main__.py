"""Run every measurement and print one table."""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path

from bench import hooks, job_queue, overhead, png, startup
from bench.table import render


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *overhead.measure(Path(folder)),
            *startup.measure(Path(folder)),
            *png.measure(),
            *job_queue.measure(Path(folder)),
            *hooks.measure(Path(folder)),
        ]
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    print(render(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
