"""What the engine is measured on: an assembled Serena, and the plain pipeline of diffusers beside it."""

from __future__ import annotations

import argparse
import io
import json
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

from adapters.application import Application
from adapters.backends.torch.lazy import LazyTorchBackend
from adapters.backends.torch.places import ModelPlaces
from adapters.bootstrap import bootstrap
from adapters.http.server import serve
from adapters.settings import load_settings
from bench.weights import CACHE, model_folder
from core.domain.request import GenerationRequest

CLIENTS = (1, 2, 4, 8, 16)
PATIENCE = 3600.0
SAMPLERS = ("Euler", "DPM++ 2M", "Euler a", "DDIM", "Heun", "LMS", "DPM++ SDE", "UniPC")
SPEED = (
    "compile", "cuda_graphs", "channels_last", "fused_qkv", "decode_stream", "pinned_copies", "passes_ahead",
    "decode_rows", "encode_rows", "step_cache",
)  # fmt: skip
"""Settings of the backend that are options here too."""

Draw = Callable[[GenerationRequest], object]


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

    def warm_up(self) -> None:
        """Load the model, and see every row count until nothing is left to compile or to record."""
        speed = self.app.settings.backend
        for _ in range(4 if speed.cuda_graphs or speed.compile != "off" else 1):
            for clients in CLIENTS:
                self.draw([replace(one, steps=4) for one in self.mixed(clients)])
            self.backend.made().settle()

    def over_http(self, work: GenerationRequest) -> None:
        fields = ("prompt", "seed", "steps", "width", "height", "cfg_scale", "sampler_name")
        body = json.dumps({name: getattr(work, name) for name in fields}).encode()
        headers = {"Content-Type": "application/json"}
        call = urllib.request.Request(f"{self.url}/sdapi/v1/txt2img", body, headers)
        with urllib.request.urlopen(call, timeout=PATIENCE) as answer:
            assert json.load(answer)["images"]


@contextmanager
def opened(asked: argparse.Namespace, folder: Path) -> Iterator[Rig]:
    backend = {"name": "torch", "device": asked.device, "threads": asked.threads, "max_runs": CLIENTS[-1]}
    settings = load_settings(
        data_dir=folder,
        backend={**backend, "max_rows": 2 * CLIENTS[-1], **{name: getattr(asked, name) for name in SPEED}},
        http={"port": 0},
        jobs={"store": "memory"},
        models={"dir": model_folder(asked.size).parent.parent, "builtin": asked.size == "demo"},
    )
    made = LazyTorchBackend(settings.backend, ModelPlaces(compiled=CACHE / "compiled"))
    app = bootstrap(settings, backend=made)
    work = GenerationRequest(
        prompt="a red circle on a blue background", sampler_name="Euler",
        seed=1, width=asked.pixels, height=asked.pixels, steps=asked.steps,
    )  # fmt: skip
    with _serving(app) as url:
        yield Rig(app, made, work, url)


@contextmanager
def _serving(app: Application) -> Iterator[str]:
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


def plain_pipeline(asked: argparse.Namespace) -> Any:
    """That of the model, with the sampler of ``Rig.work``."""
    import diffusers

    kind = "StableDiffusionXLPipeline" if asked.size == "sdxl" else "StableDiffusionPipeline"
    extra = {} if asked.size == "sdxl" else {"safety_checker": None, "requires_safety_checker": False}
    dtype = torch.float32 if asked.device == "cpu" else torch.float16
    pipeline = getattr(diffusers, kind).from_pretrained(model_folder(asked.size), dtype=dtype, **extra)
    pipeline = pipeline.to(asked.device)
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def drawing(pipeline: Any, asked: argparse.Namespace) -> Draw:
    """A picture of the pipeline, as the PNG that a server would send; warmed up."""

    def draw(work: GenerationRequest) -> None:
        generator = torch.Generator(asked.device).manual_seed(work.seed)
        picture = pipeline(
            work.prompt, width=work.width, height=work.height, num_inference_steps=work.steps,
            guidance_scale=work.cfg_scale, generator=generator,
        ).images[0]  # fmt: skip
        picture.save(io.BytesIO(), "PNG")

    draw(replace(GenerationRequest(), width=asked.pixels, height=asked.pixels, steps=1, seed=1))
    return draw
