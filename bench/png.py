"""What a PNG costs: ours against ``Image.save`` at its defaults, on a picture that looks like a photo.

Time is this process's own CPU time, so what else the machine does counts less.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from adapters.images.codec_pillow import PillowImageCodec
from bench.table import Measurement, Row, Size
from core.domain.image import RasterImage

SIDE = 1024
ROUNDS = 7
LENS = 0.25
"""Cycles a pixel from which on detail fades."""
INFOTEXT = "a red circle\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 1024x1024"


def measure() -> list[Row]:
    """The two writers take turns."""
    picture = photo_like(SIDE)
    image = RasterImage(SIDE, SIDE, "RGB", picture.tobytes())
    codec = PillowImageCodec()
    writers: dict[str, Callable[[], bytes]] = {
        f"Image.save, PNG of {SIDE}x{SIDE}": lambda: saved(picture),
        f"our PNG of {SIDE}x{SIDE}": lambda: codec.encode(image, "png", INFOTEXT),
    }
    files = {name: write() for name, write in writers.items()}
    for data in files.values():
        check(data, picture)
    seconds: dict[str, list[float]] = {name: [] for name in writers}
    for _ in range(ROUNDS):
        for name, write in writers.items():
            seconds[name].append(cpu_seconds(write))
    (theirs, ours) = writers
    base = Measurement(f"{theirs}, CPU time", seconds[theirs])
    size = Size(f"{theirs}, size", len(files[theirs]))
    return [
        base,
        Measurement(f"{ours}, CPU time", seconds[ours], base),
        size,
        Size(f"{ours}, size", len(files[ours]), size),
    ]


def photo_like(side: int, seed: int = 1) -> NDArray[np.uint8]:
    """1/f noise, softened as by a lens, mostly common to the channels, over gradients, with some grain."""
    random = np.random.default_rng(seed)
    across, down = np.fft.rfftfreq(side), np.fft.fftfreq(side)[:, None]
    frequency = np.maximum(np.hypot(down, across), 1 / side)
    amplitude = np.exp(-((frequency / LENS) ** 2)) / frequency
    common = noise(random, amplitude)
    ramp = np.linspace(0, 1, side)
    channels = []
    for weight in (0.9, 0.5, 0.1):
        gradient = weight * ramp + (1 - weight) * ramp[:, None]
        detail = 24 * common + 6 * noise(random, amplitude)
        grain = random.standard_normal((side, side))
        channels.append(90 + 60 * gradient + detail + grain)
    return np.clip(np.stack(channels, axis=2).round(), 0, 255).astype(np.uint8)


def noise(random: np.random.Generator, amplitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise with mean 0 and deviation 1 whose frequencies are as strong as ``amplitude`` says."""
    side = amplitude.shape[0]
    spectrum = np.fft.rfft2(random.standard_normal((side, side))) * amplitude
    spectrum[0, 0] = 0
    field: NDArray[np.float64] = np.fft.irfft2(spectrum, (side, side))
    field /= field.std()
    return field


def saved(picture: NDArray[np.uint8]) -> bytes:
    texts = PngInfo()
    texts.add_text("parameters", INFOTEXT)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", pnginfo=texts)
    return out.getvalue()


def check(data: bytes, picture: NDArray[np.uint8]) -> None:
    """A fast writer that loses something would not be compared at all."""
    with Image.open(io.BytesIO(data)) as image:
        if not np.array_equal(np.asarray(image), picture):
            raise RuntimeError("the PNG has other pixels")
        if image.info.get("parameters") != INFOTEXT:
            raise RuntimeError("the PNG has lost its infotext")


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
