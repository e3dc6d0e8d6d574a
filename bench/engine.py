"""Many requests in one forward pass: what it brings, in one table of ratios.

    python -m bench.engine                                  the built-in model on the CPU
    python -m bench.engine --size sd15 --device cuda        random weights of the exact shapes

Every ratio has both of its sides in the same run, in turns. Without ``--rounds`` each is the median of three.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import platform
import resource
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from adapters.application import Application
from adapters.backends.torch.lazy import LazyTorchBackend
from adapters.bootstrap import bootstrap
from adapters.http.server import serve
from adapters.settings import load_settings
from bench.plots import throughput
from bench.weights import model_folder
from core.domain.request import GenerationRequest

CLIENTS = (1, 2, 4, 8, 16)
PATIENCE = 3600.0
SAMPLERS = ("Euler", "DPM++ 2M", "Euler a", "DDIM", "Heun", "LMS", "DPM++ SDE", "UniPC")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    what: str
    value: str
    goal: str = ""
    clients: int = 0


@dataclass(frozen=True, slots=True)
class Rig:
    """An assembled Serena on the torch backend."""

    app: Application
    backend: LazyTorchBackend
    work: GenerationRequest
    url: str

    def draw(self, requests: Sequence[GenerationRequest]) -> float:
        """Seconds until all of them, submitted at once, have ended."""
        began = time.perf_counter()
        jobs = [self.app.images.submit(request) for request in requests]
        for job in jobs:
            self.app.images.wait(job, PATIENCE)
        return time.perf_counter() - began

    def passes(self) -> int:
        return self.backend.made().counts.passes

    def mixed(self, count: int) -> list[GenerationRequest]:
        """Steps, sampler, seed, guidance and prompt differ; the size does not."""
        return [
            replace(
                self.work,
                prompt=f"{self.work.prompt}, picture {i}",
                seed=i,
                steps=self.work.steps + i % 3,
                cfg_scale=4.0 + i % 4,
                sampler_name=SAMPLERS[i % len(SAMPLERS)],
            )
            for i in range(count)
        ]


def main(argv: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, opened(asked, Path(folder)) as rig:
        lines = list(measure(rig, asked))
    print(f"torch {torch.__version__}, {asked.device}, {platform.machine()}, size {asked.size}, "
          f"{asked.pixels} px, {asked.steps} steps, median of {asked.rounds}")  # fmt: skip
    print(table(lines))
    if asked.plot:
        throughput(Path(asked.plot), {line.clients: float(line.value) for line in lines if line.clients})
    return 0


def measure(rig: Rig, asked: argparse.Namespace) -> Iterator[Line]:
    rig.draw([rig.work])  # loads the model
    yield from against_diffusers(rig, asked)
    yield from against_serial(rig, asked.rounds)
    yield from counted(rig)
    yield from against_gemm(rig, asked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Line("peak resident memory", f"{peak:.0f} MiB")


def against_diffusers(rig: Rig, asked: argparse.Namespace) -> Iterator[Line]:
    pipeline = plain_pipeline(asked)
    http = over_http(rig.url)
    bare, direct, request = _in_turns(
        asked.rounds,
        lambda: pipeline(rig.work),
        lambda: rig.draw([replace(rig.work, sampler_name="Euler")]),
        lambda: http(rig.work),
    )
    yield Line("plain diffusers pipeline", f"{bare * 1000:.0f} ms")
    yield Line("one job / plain diffusers", f"{direct / bare:.2f}", "")
    yield Line("one HTTP request / plain diffusers", f"{request / bare:.2f}", "<= 1.05")


def against_serial(rig: Rig, rounds: int) -> Iterator[Line]:
    works = {n: rig.mixed(n) for n in CLIENTS}
    rig.draw(works[CLIENTS[-1]])  # prompts encoded, saturation measured
    for clients in CLIENTS[1:]:
        row, together = _in_turns(
            rounds,
            lambda n=clients: sum(rig.draw([one]) for one in works[n]),
            lambda n=clients: rig.draw(works[n]),
        )
        goal = ">= 1.35" if clients == 8 else ""
        yield Line(
            f"{clients} mixed clients: images/s over one after the other",
            f"{row / together:.2f}",
            goal,
            clients,
        )


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
    yield Line(
        "share of the time without a UNet call, 8 clients", f"{1 - (counts.seconds - seconds) / took:.2f}"
    )
    calls = rig.backend.made().text_calls
    rig.draw(works)
    yield Line(
        "text encoder calls for prompts that are known", str(rig.backend.made().text_calls - calls), "0"
    )


def against_gemm(rig: Rig, asked: argparse.Namespace) -> Iterator[Line]:
    """FLOPs of the work over time over the best product of matrices of this run."""
    pipeline = _diffusers(asked)
    side = asked.pixels // 8
    rows = torch.zeros(2, pipeline.unet.config.in_channels, side, side, device=asked.device)
    context = torch.zeros(2, 77, pipeline.unet.config.cross_attention_dim, device=asked.device)
    dtype = pipeline.unet.dtype
    step, end = FlopCounterMode(display=False), FlopCounterMode(display=False)
    with torch.inference_mode(), step:
        pipeline.unet(rows.to(dtype), 500.0, encoder_hidden_states=context.to(dtype))
    with torch.inference_mode(), end:
        pipeline.vae.decode(rows[:1].to(dtype))
    flops = step.get_total_flops() * asked.steps + end.get_total_flops()
    work = replace(rig.work, sampler_name="Euler")
    seconds = statistics.median(rig.draw([work]) for _ in range(asked.rounds))
    share = flops / seconds / best_product(asked.device, dtype)
    yield Line("efficiency of one job: FLOPs / time / best GEMM", f"{share:.2f}")


def best_product(device: str, dtype: torch.dtype, size: int = 1024) -> float:
    """FLOPs each second of a large product of matrices."""
    size = size if device == "cpu" else 8192
    a = torch.randn(size, size, device=device, dtype=dtype)

    def once() -> float:
        began = time.perf_counter()
        torch.mm(a, a)
        _wait(device)
        return time.perf_counter() - began

    return 2 * size**3 / min(once() for _ in range(10))


def plain_pipeline(asked: argparse.Namespace) -> Callable[[GenerationRequest], None]:
    pipeline = _diffusers(asked)

    def draw(work: GenerationRequest) -> None:
        generator = torch.Generator(asked.device).manual_seed(work.seed)
        picture = pipeline(
            work.prompt, width=work.width, height=work.height, num_inference_steps=work.steps,
            guidance_scale=work.cfg_scale, generator=generator,
        ).images[0]  # fmt: skip
        picture.save(io.BytesIO(), "PNG")

    draw(replace(GenerationRequest(), width=asked.pixels, height=asked.pixels, steps=1, seed=1))
    return draw


def _diffusers(asked: argparse.Namespace) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

    dtype = torch.float32 if asked.device == "cpu" else torch.float16
    pipeline = StableDiffusionPipeline.from_pretrained(
        model_folder(asked.size), dtype=dtype, safety_checker=None, requires_safety_checker=False
    ).to(asked.device)
    pipeline.scheduler = EulerDiscreteScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def over_http(url: str) -> Callable[[GenerationRequest], None]:
    def draw(work: GenerationRequest) -> None:
        fields = ("prompt", "seed", "steps", "width", "height", "cfg_scale", "sampler_name")
        body = json.dumps({name: getattr(work, name) for name in fields}).encode()
        headers = {"Content-Type": "application/json"}
        call = urllib.request.Request(f"{url}/sdapi/v1/txt2img", body, headers)
        with urllib.request.urlopen(call, timeout=PATIENCE) as answer:
            assert json.load(answer)["images"]

    return draw


@contextmanager
def opened(asked: argparse.Namespace, folder: Path) -> Iterator[Rig]:
    backend = {"name": "torch", "device": asked.device, "threads": asked.threads, "max_runs": CLIENTS[-1]}
    settings = load_settings(
        data_dir=folder,
        backend={**backend, "max_rows": 2 * CLIENTS[-1]},
        http={"port": 0},
        jobs={"store": "memory"},
        models={"dir": model_folder(asked.size).parent.parent, "builtin": asked.size == "demo"},
    )
    made = LazyTorchBackend(settings.backend)
    app = bootstrap(settings, backend=made)
    work = GenerationRequest(
        prompt="a red circle on a blue background", sampler_name="Euler",
        seed=1, width=asked.pixels, height=asked.pixels, steps=asked.steps,
    )  # fmt: skip
    with serving(app) as url:
        yield Rig(app, made, work, url)


@contextmanager
def serving(app: Application) -> Iterator[str]:
    """``app`` behind a port of its own; closed at the end."""
    urls, stops = Queue[str](), Queue[Callable[[], None]]()
    thread = Thread(target=serve, args=(app,), kwargs={"on_listening": urls.put, "stopper": stops.put})
    thread.start()
    stop = stops.get(timeout=60)
    try:
        yield urls.get(timeout=60)
    finally:
        stop()
        thread.join()


def _in_turns(rounds: int, *works: Callable[[], object]) -> list[float]:
    """The median seconds of each, A B A B, after one round that does not count."""
    taken: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, seconds in zip(works, taken, strict=True):
            began = time.perf_counter()
            work()
            if number:
                seconds.append(time.perf_counter() - began)
    return [statistics.median(seconds) for seconds in taken]


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def table(lines: Sequence[Line]) -> str:
    cells = [("what", "value", "goal"), *((line.what, line.value, line.goal) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", choices=("demo", "sd15"), default="demo")
    parser.add_argument("--pixels", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", help="write throughput against clients to this PNG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
