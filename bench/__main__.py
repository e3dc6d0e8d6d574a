"""Run every measurement and print one table."""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path

from bench import overhead, png, startup
from bench.table import render


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        rows = [*overhead.measure(Path(folder)), *startup.measure(Path(folder)), *png.measure()]
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    print(render(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
