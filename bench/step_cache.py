"""What a step cache saves, and how far its pictures are from those without: one table.

    python -m bench.step_cache

The built-in model on the CPU, one thread, Euler, a few prompts with a few seeds each. Times are the
processor's, the least of all pictures. A distance is the mean over a picture, of 255; given are the median of
all pictures and the worst. Between seeds: from each picture to that of the next seed, without a cache.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.table import aligned
from serena import Serena

EVERY = (1, 2, 3)
PIXELS = (64, 128)
STEPS = (20, 12)
PROMPTS = ("a red circle", "a blue square", "a green star", "a pink ring")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Of each prompt and seed, in order."""

    seconds: list[float]
    pictures: list[Any]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    seeds = range(1, parser.parse_args(argv).seeds + 1)
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(Path(folder), seeds))
    heads = ["pixels", "steps", "between seeds", "every", "processor time", "faster", "away", "worst"]
    print(f"torch {torch.__version__}, {len(PROMPTS)} prompts with {len(seeds)} seeds each")
    print(aligned([heads, *rows]))
    return 0


def measure(folder: Path, seeds: Sequence[int]) -> Iterator[list[str]]:
    with ExitStack() as stack:
        opened = [stack.enter_context(_opened(folder / str(every), every)) for every in EVERY]
        for pixels in PIXELS:
            for steps in STEPS:
                yield from _rows(opened, pixels, steps, seeds)


def _opened(folder: Path, every: int) -> Serena:
    folder.mkdir()
    backend = {"name": "torch", "device": "cpu", "threads": 1, "step_cache": every}
    return Serena(backend=backend, data_dir=folder)


def _rows(opened: Sequence[Serena], pixels: int, steps: int, seeds: Sequence[int]) -> Iterator[list[str]]:
    for serena in opened:
        _draw(serena, PROMPTS[0], pixels, steps, 0)  # now it is loaded
    found = [Drawn([], []) for _ in opened]
    for prompt in PROMPTS:
        for seed in seeds:
            for serena, drawn in zip(opened, found, strict=True):
                began = time.process_time()
                drawn.pictures.append(_draw(serena, prompt, pixels, steps, seed))
                drawn.seconds.append(time.process_time() - began)
    plain = found[0]
    between = f"{statistics.median(_between(plain.pictures, len(seeds))):.0f}"
    for every, drawn in zip(EVERY, found, strict=True):
        far = _distances(plain.pictures, drawn.pictures)
        least = min(drawn.seconds)
        yield [
            str(pixels), str(steps), between, str(every), f"{least:.2f} s",
            f"{min(plain.seconds) / least:.1f} x", f"{statistics.median(far):.1f}", f"{max(far):.1f}",
        ]  # fmt: skip


def _distances(ones: Sequence[Any], others: Sequence[Any]) -> list[float]:
    return [float(np.abs(one - other).mean()) for one, other in zip(ones, others, strict=True)]


def _between(pictures: Sequence[Any], seeds: int) -> list[float]:
    """From each picture to that of the same prompt and the next seed."""
    pairs = [(i, i + 1) for i in range(len(pictures) - 1) if (i + 1) % seeds]
    return _distances([pictures[i] for i, _ in pairs], [pictures[i] for _, i in pairs])


def _draw(serena: Serena, prompt: str, pixels: int, steps: int, seed: int) -> Any:
    size = {"width": pixels, "height": pixels}
    pictures = serena.txt2img(prompt, seed=seed, steps=steps, sampler_name="Euler", **size)
    return np.asarray(pictures.images[0].convert("RGB"), dtype=np.int16)


if __name__ == "__main__":
    sys.exit(main())
