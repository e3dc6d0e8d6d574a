"""Switching between checkpoints: what a switch takes, and whether memory comes back.

    python -m bench.models [--switches 100] [--models DIR]

Without ``--models`` tiny stubs are written and used, which show leaks; times say something with real ones.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

import torch

from adapters.backends.torch.checkpoints import Checkpoints, Wanted
from adapters.backends.torch.devices import choose_device, choose_dtype
from adapters.models.catalog_disk import DiskModelCatalog
from bench.table import Measurement, Row, Size, render
from core.domain.model import ModelRef

WARM_UP = 10


def resident() -> int:
    """Bytes of this process that are in memory, or of the device where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def switch(checkpoints: Checkpoints, refs: list[ModelRef], count: int, wanted: Wanted) -> list[float]:
    """Seconds of each switch."""
    taken = []
    for number in range(count):
        begin = time.perf_counter()
        checkpoints.get(refs[number % len(refs)], wanted)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - begin)
    gc.collect()
    return taken


def measure(refs: list[ModelRef], count: int) -> list[Row]:
    device = choose_device("auto")
    checkpoints = Checkpoints(device, choose_dtype("auto", device))
    one, all_of_them = Wanted(), Wanted(limit=len(refs))
    switch(checkpoints, refs, WARM_UP, one)
    before = resident()
    cold = switch(checkpoints, refs, count, one)
    leaked = resident() - before
    switch(checkpoints, refs, len(refs), all_of_them)
    warm = switch(checkpoints, refs, count, all_of_them)
    held = resident()
    checkpoints.clear()
    gc.collect()
    from_disk = Measurement("switch, read from the disk", cold)
    return [
        from_disk,
        Measurement("switch, kept in memory", warm, from_disk),
        Size(f"more memory after {count} switches", leaked),
        Size(f"memory of {len(refs)} checkpoints, given back by unload", held - resident()),
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Switch between checkpoints and look at memory.")
    parser.add_argument("--switches", type=int, default=100)
    parser.add_argument("--models", type=Path, help="a models folder; default: tiny stubs")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as stubs:
        folder = arguments.models or Path(stubs)
        if arguments.models is None:
            from scripts.dev.create_stub_repos import FAMILIES, create

            create(folder, families=tuple(FAMILIES))
        catalog = DiskModelCatalog(folder, builtin=False)
        refs = [found for ref in catalog.all() if (found := catalog.find(ref.identity.name)) is not None]
        print(f"{len(refs)} checkpoints")
        print(render(measure(refs, arguments.switches)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
