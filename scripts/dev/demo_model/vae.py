"""The autoencoder: 8x8 pixels to four numbers and back.

The first three latent channels are held close to the mean colour of their cell. Diffusion then works on what
is nearly a small anti-aliased picture, which is easier to learn than free latents, and the decoder learns to
turn coverage into crisp edges. The fourth channel is free. Noise on the latents during training makes the
decoder forgive the small errors of the UNet.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional

from . import data
from .muon import Muon, groups_of
from .runlog import RunLog
from .training import Average, Deadline, Loop, Machine, Means, Report, Schedule, step_generator, step_rng
from .vae_start import hold_constants, start_as_pooling

SCALING_FACTOR = 0.18215
LOG_VARIANCE = -8.0
LOG_EVERY = 50
SAVE_EVERY = 500


@dataclass(frozen=True)
class VaeSettings:
    """Numbers of the stage."""

    joint_steps: int = 1_700
    decoder_steps: int = 4_000  # the encoder, and so the latents, stay as they are
    rate: float = 4e-4
    noise: float = 0.08
    pin: float = 0.3
    edge: float = 0.7
    square: float = 3.0
    widths: tuple[int, ...] = (16, 32, 48, 64)


# Whole pictures, not crops: the norms see a picture at once, and crops of one flat colour teach nothing.
# (bucket, batch, share); pixels per step are about equal.
MENUS = (
    ("128x128", 3, 0.44),
    ("128x128-two", 3, 0.24),
    ("64x64", 12, 0.16),
    ("192x192", 1, 0.08),
    ("256x256", 1, 0.08),
)


def build(settings: VaeSettings) -> AutoencoderKL:
    """An untrained autoencoder whose latent variance is a small constant."""
    vae = AutoencoderKL(
        block_out_channels=settings.widths,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=1,
        mid_block_add_attention=False,
        sample_size=128,
        scaling_factor=SCALING_FACTOR,
    )
    start_as_pooling(vae, LOG_VARIANCE)
    return vae


@dataclass
class VaeTrainer:
    """One phase of the training: both halves together, or the decoder alone."""

    folder: Path
    world: Path
    seed: int
    machine: Machine
    settings: VaeSettings
    log: RunLog
    report: Report

    def joint(self, deadline: Deadline, *, resume: bool) -> AutoencoderKL:
        """Train encoder and decoder together from the pooling start."""
        torch.manual_seed(self.seed)
        return self._train("joint", build(self.settings), self.settings.joint_steps, deadline, resume=resume)

    def decoder(self, deadline: Deadline, *, resume: bool) -> AutoencoderKL:
        """Go on with the decoder alone. The UNet can be trained meanwhile: latents no longer change."""
        vae = AutoencoderKL.from_pretrained(self.folder / "joint")
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
        return self._train("decoder", vae, self.settings.decoder_steps, deadline, resume=resume)

    def _train(
        self, phase: str, vae: AutoencoderKL, steps: int, deadline: Deadline, *, resume: bool
    ) -> AutoencoderKL:
        vae = vae.to(self.machine.device, memory_format=torch.channels_last)
        hold_constants(vae)
        loop = _loop(vae, self.folder / f"{phase}.pt")
        if resume and loop.path.exists():
            loop.load()
        schedule = Schedule(self.settings.rate, steps, decay_share=0.5)
        means = Means([])
        while loop.step < steps and not deadline.passed():
            self._step(phase, vae, loop, schedule, means)
            if loop.step % LOG_EVERY == 0:
                self._note(phase, loop, steps, means.take())
            if loop.step % SAVE_EVERY == 0:
                _save(vae, loop, self.folder / phase)
        _save(vae, loop, self.folder / phase)
        return AutoencoderKL.from_pretrained(self.folder / phase).to(self.machine.device).eval()

    def _note(self, phase: str, loop: Loop, steps: int, values: dict[str, float]) -> None:
        values["psnr"] = round(-10 * math.log10(values["l2"] / 4), 3)
        step = loop.step + (self.settings.joint_steps if phase == "decoder" else 0)
        self.log.write(
            "vae", phase=phase, step=step, views=loop.views, seconds=round(loop.seconds, 1), **values
        )
        self.report(loop.step, steps, values)

    def _step(self, phase: str, vae: AutoencoderKL, loop: Loop, schedule: Schedule, means: Means) -> None:
        started = time.monotonic()
        loop.set_rate(schedule.rate(loop.step))
        seed = self.seed + (phase == "decoder")
        generator = step_generator(seed, loop.step)
        pixels = self.machine.images(_batch(self.world, step_rng(seed, loop.step)))
        with self.machine.autocast():
            with torch.set_grad_enabled(phase == "joint"):
                latents = encode(vae, pixels)
            drawn = vae.decode(latents + self._noise(latents, generator)).sample
        losses = _losses(drawn.float(), pixels, latents.float())
        self._total(losses, phase).backward()
        _keep_variance(vae.quant_conv)
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        loop.optimizer.step()
        loop.optimizer.zero_grad()
        loop.step += 1
        loop.views += len(pixels)
        loop.average.update(loop.step)
        loop.seconds += time.monotonic() - started
        means.add(**{name: float(value.detach()) for name, value in losses.items()})

    def _noise(self, latents: Tensor, generator: torch.Generator) -> Tensor:
        level = 2 * self.settings.noise * torch.rand((len(latents), 1, 1, 1), generator=generator)
        return (torch.randn(latents.shape, generator=generator) * level).to(self.machine.device)

    def _total(self, losses: dict[str, Tensor], phase: str) -> Tensor:
        loss = losses["l1"] + self.settings.square * losses["l2"] + self.settings.edge * losses["edge"]
        if phase == "decoder":
            return loss
        return loss + self.settings.pin * losses["pin"] + 0.002 * losses["free"]


def _loop(vae: AutoencoderKL, path: Path) -> Loop:
    modules: dict[str, nn.Module] = {"vae": vae}
    return Loop(modules, Muon(groups_of([vae])), Average(modules, 0.997), path)


def _save(vae: AutoencoderKL, loop: Loop, folder: Path) -> None:
    loop.save()
    with loop.average.swapped_in():
        vae.save_pretrained(folder)


def _keep_variance(quant_conv: nn.Conv2d) -> None:
    """The variance half of the encoder's output is a constant."""
    for p in (quant_conv.weight, quant_conv.bias):
        if p.grad is not None:
            p.grad[4:] = 0


def encode(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """The mean latents, unscaled."""
    return vae.encode(pixels).latent_dist.mean


def _losses(drawn: Tensor, pixels: Tensor, latents: Tensor) -> dict[str, Tensor]:
    across = (drawn[..., 1:] - drawn[..., :-1]) - (pixels[..., 1:] - pixels[..., :-1])
    down = (drawn[..., 1:, :] - drawn[..., :-1, :]) - (pixels[..., 1:, :] - pixels[..., :-1, :])
    return {
        "l1": (drawn - pixels).abs().mean(),
        "l2": (drawn - pixels).pow(2).mean(),
        "edge": across.abs().mean() + down.abs().mean(),
        "pin": (latents[:, :3] - functional.avg_pool2d(pixels, 8)).pow(2).mean(),
        "free": latents[:, 3].pow(2).mean(),
    }


def _batch(world: Path, rng: np.random.Generator) -> Tensor:
    ready = [menu for menu in MENUS if (world / f"{menu[0]}.npy").exists()]
    shares = np.array([menu[2] for menu in ready])
    name, count, _ = ready[int(rng.choice(len(ready), p=shares / shares.sum()))]
    source = _open(world, name)
    pictures = [source[index] for index in rng.integers(0, len(source), count)]
    return to_tensor(np.stack([p[:, ::-1] if rng.random() < 0.5 else p for p in pictures]))


_OPENED: dict[tuple[Path, str], np.ndarray] = {}


def _open(world: Path, name: str) -> np.ndarray:
    if (world, name) not in _OPENED:
        _OPENED[world, name] = data.pixels_of(world, name)
    return _OPENED[world, name]


def to_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 pictures (N, H, W, 3) as floats from -1 to 1 (N, 3, H, W)."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
