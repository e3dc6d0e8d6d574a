"""Many requests in one forward pass: what it brings, in one table of ratios.

    python -m bench.engine                                  the built-in model on the CPU
    python -m bench.engine --size sd15 --device cuda        random weights of the exact shapes

Every ratio has both of its sides in the same run, in turns, and is the median of those of the rounds.
Settings of the backend that make passes cheaper are options here: --compile regional --cuda-graphs …
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench import startup
from bench.engine_rig import CLIENTS, PATIENCE, SPEED, Rig, drawing, opened, plain_pipeline
from bench.plots import throughput
from bench.table import aligned
from bench.weights import PIXELS, SIZES

LONG = 40
"""Steps of a run that another joins."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    what: str
    value: str
    goal: str = ""
    clients: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one thing, round by round: by the clock, and of the processor, all threads together."""

    clock: list[float]
    processor: list[float]


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    asked = parser.parse_args(argv)
    asked.pixels = asked.pixels or PIXELS[asked.size]
    told = {name: getattr(asked, name) for name in SPEED}
    on = [f"{name} {value}" for name, value in told.items() if value != parser.get_default(name)]
    with tempfile.TemporaryDirectory() as folder, opened(asked, Path(folder)) as rig:
        lines = list(measure(rig, asked))
    with tempfile.TemporaryDirectory() as folder:
        lines += starting(Path(folder), asked.rounds)
    print(f"torch {torch.__version__}, {_machine(asked.device)}, size {asked.size}, {asked.pixels} px, "
          f"{asked.steps} steps, median of {asked.rounds}{''.join(f', {one}' for one in on)}")  # fmt: skip
    print(table(lines))
    if asked.plot:
        throughput(Path(asked.plot), {line.clients: float(line.value) for line in lines if line.clients})
    return 0


def measure(rig: Rig, asked: argparse.Namespace) -> Iterator[Line]:
    rig.warm_up()
    pipeline = plain_pipeline(asked)
    yield from against_diffusers(rig, asked, pipeline)
    yield from against_serial(rig, asked.rounds)
    yield from counted(rig)
    yield joining(rig)
    yield from against_gemm(rig, asked, pipeline)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Line("peak resident memory", f"{peak:.0f} MiB")
    if asked.device != "cpu":
        yield Line("peak memory of the device", f"{torch.cuda.max_memory_allocated() / 2**20:.0f} MiB")


def starting(folder: Path, rounds: int) -> list[Line]:
    """Import times and start-up, each in processes of their own."""
    rows = startup.measure(folder, rounds)
    return [Line(row.name, f"{row.median * 1000:.0f} ms") for row in rows]


def against_diffusers(rig: Rig, asked: argparse.Namespace, pipeline: Any) -> Iterator[Line]:
    plain, numbers = drawing(pipeline, asked), count()

    def new() -> Any:
        """Both sides encode a prompt that is new to them."""
        return replace(rig.work, prompt=f"{rig.work.prompt}, number {next(numbers)}")

    bare, direct, request = _in_turns(
        asked.rounds, lambda: plain(new()), lambda: rig.draw([new()]), lambda: rig.over_http(new())
    )
    yield Line("plain diffusers pipeline", f"{statistics.median(bare.clock) * 1000:.0f} ms")
    yield Line("one job / plain diffusers", f"{_ratio(direct.clock, bare.clock):.2f}")
    yield Line("one HTTP request / plain diffusers", f"{_ratio(request.clock, bare.clock):.2f}", "<= 1.05")
    yield Line("the same, processor time", f"{_ratio(request.processor, bare.processor):.2f}", "<= 1.05")


def against_serial(rig: Rig, rounds: int) -> Iterator[Line]:
    works = {n: rig.mixed(n) for n in CLIENTS}
    rig.draw(works[CLIENTS[-1]])  # prompts encoded, saturation measured
    for clients in CLIENTS[1:]:
        row, together = _in_turns(
            rounds,
            lambda n=clients: [rig.draw([one]) for one in works[n]],
            lambda n=clients: rig.draw(works[n]),
        )
        goal = ">= 1.35" if clients == 8 else ""
        what = f"{clients} mixed clients: images/s over one after the other"
        yield Line(what, f"{_ratio(row.clock, together.clock):.2f}", goal, clients)


def counted(rig: Rig) -> Iterator[Line]:
    works = rig.mixed(8)
    alone = []
    for one in works:
        before = rig.passes()
        rig.draw([one])
        alone.append(rig.passes() - before)
    counts = rig.backend.made().counts
    before, rows, seconds = counts.passes, counts.rows, counts.seconds
    took = rig.draw(works)
    ideal = max(max(alone), math.ceil((counts.rows - rows) / rig.app.settings.backend.max_rows))
    yield Line("UNet calls of 8 mixed clients / ideal", f"{(counts.passes - before) / ideal:.2f}", "<= 1.10")
    idle = 1 - (counts.seconds - seconds) / took
    yield Line("share of the time without a UNet call, 8 clients", f"{idle:.2f}")
    calls = rig.backend.made().text_calls
    rig.draw(works)
    known = rig.backend.made().text_calls - calls
    yield Line("text encoder calls for prompts that are known", str(known), "0")


def joining(rig: Rig) -> Line:
    """Another run of few steps begins while one draws: what it adds to the passes, it has drawn alone."""
    before = rig.passes()
    long = rig.app.images.submit(replace(rig.work, steps=LONG))
    while rig.passes() - before < LONG // 4:
        time.sleep(0.001)
    rig.draw([replace(rig.work, steps=LONG // 4, seed=2)])
    rig.app.images.wait(long, PATIENCE)
    return Line(
        "UNet calls that a run adds to another that it joins", str(rig.passes() - before - LONG), "<= 1"
    )


def against_gemm(rig: Rig, asked: argparse.Namespace, pipeline: Any) -> Iterator[Line]:
    """FLOPs of the work over time over the best product of matrices of this run."""
    flops = _flops(pipeline, asked)
    seconds = statistics.median(rig.draw([rig.work]) for _ in range(asked.rounds))
    share = flops / seconds / best_product(asked.device, pipeline.unet.dtype)
    yield Line("efficiency of one job: FLOPs / time / best GEMM", f"{share:.2f}")


def _flops(pipeline: Any, asked: argparse.Namespace) -> int:
    unet, side = pipeline.unet, asked.pixels // 8
    given = {"device": asked.device, "dtype": unet.dtype}
    rows = torch.zeros(2, unet.config.in_channels, side, side, **given)
    context = torch.zeros(2, 77, unet.config.cross_attention_dim, **given)
    beside = {"text_embeds": torch.zeros(2, 1280, **given), "time_ids": torch.zeros(2, 6, **given)}
    step, end = FlopCounterMode(display=False), FlopCounterMode(display=False)
    with torch.inference_mode(), step:
        unet(rows, 500.0, encoder_hidden_states=context, added_cond_kwargs=beside)
    with torch.inference_mode(), end:
        pipeline.vae.decode(rows[:1])
    return int(step.get_total_flops() * asked.steps + end.get_total_flops())


def best_product(device: str, dtype: torch.dtype) -> float:
    """FLOPs each second of a large product of matrices."""
    size = 1024 if device == "cpu" else 8192
    a = torch.randn(size, size, device=device, dtype=dtype)

    def once() -> float:
        began = time.perf_counter()
        torch.mm(a, a)
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    return float(2 * size**3 / min(once() for _ in range(10)))


def _in_turns(rounds: int, *works: Callable[[], object]) -> list[Spent]:
    """What each takes, A B A B, after one round that does not count."""
    spent = [Spent([], []) for _ in works]
    for number in range(rounds + 1):
        for work, seconds in zip(works, spent, strict=True):
            began, used = time.perf_counter(), time.process_time()
            work()
            if number:
                seconds.clock.append(time.perf_counter() - began)
                seconds.processor.append(time.process_time() - used)
    return spent


def _ratio(ours: Sequence[float], base: Sequence[float]) -> float:
    """The median of the rounds' ratios: what slows a whole round down slows both."""
    return statistics.median(one / other for one, other in zip(ours, base, strict=True))


def _machine(device: str) -> str:
    if device != "cpu":
        return torch.cuda.get_device_name()
    return f"cpu {platform.machine()}, load average {os.getloadavg()[0]:.1f}"


def table(lines: Sequence[Line]) -> str:
    return aligned([("what", "value", "goal"), *((line.what, line.value, line.goal) for line in lines)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", choices=("demo", *SIZES), default="demo")
    parser.add_argument("--pixels", type=int, help="default: what the model is made for")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", help="write throughput against clients to this PNG")
    speed = parser.add_argument_group("settings of the backend")
    speed.add_argument("--compile", choices=("off", "regional"), default="off")
    for name in ("cuda-graphs", "channels-last", "fused-qkv", "decode-stream", "pinned-copies"):
        speed.add_argument(f"--{name}", action="store_true")
    speed.add_argument("--passes-ahead", type=int, default=0)
    speed.add_argument("--decode-rows", type=int, default=1)
    speed.add_argument("--encode-rows", type=int, default=1)
    speed.add_argument("--step-cache", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
