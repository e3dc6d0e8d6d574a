"""The UNet: predicts the noise in whitened latents, from the frozen text encoder's states."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from . import latents as latent_store
from .captions import caption_of
from .data import BUCKETS, Bucket, specs_of
from .muon import Muon, groups_of
from .runlog import RunLog
from .specs import Spec
from .text import token_ids
from .training import Average, Deadline, Loop, Machine, Means, Report, Schedule, step_generator, step_rng

TIMESTEPS = 1000
LOG_EVERY = 50
SAVE_EVERY = 250
LOOK_EVERY = 250  # steps between looks for latents that another process is still writing
CAPTIONS = 3  # different captions per picture


@dataclass(frozen=True)
class UnetSettings:
    """Numbers of the stage."""

    steps: int = 12_000
    batch: int = 32  # pictures of 128 x 128; other sizes take as many as have about the same number of pixels
    rate: float = 1.5e-3
    decay_share: float = 1.0  # linear from the warm-up on: a run that is taken up needs only a new length
    average: float = 0.999
    late_from: float = 0.65  # share of the steps after which the large sizes get their time
    drop: float = 0.1  # captions replaced by the empty one, which guidance needs
    cap: float = 60.0
    floor: float = 1.0  # 0 makes the weight of the noise error plain min-SNR
    widths: tuple[int, ...] = (64, 96, 96)
    heads: int = 2


def build(settings: UnetSettings, text_width: int) -> UNet2DConditionModel:
    """An untrained UNet. No attention at the top level: 512 px would pay for 4096 x 4096 weights there."""
    blocks = len(settings.widths) - 1
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=settings.widths,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * blocks),
        up_block_types=(*("CrossAttnUpBlock2D",) * blocks, "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=text_width,
        attention_head_dim=settings.heads,
    )
    unet.set_attn_processor(AttnProcessor())  # SDPA's bfloat16 backward is slow on CPU
    nn.init.zeros_(unet.conv_out.weight)
    nn.init.zeros_(unet.conv_out.bias)
    return unet


def noise_levels() -> Tensor:
    """The cumulated alphas of Stable Diffusion's schedule."""
    return DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012).alphas_cumprod


def loss_weight(alphas: Tensor, cap: float, floor: float = 1.0) -> Tensor:
    """Weight of the noise error. Min-SNR-5, but with a floor under the noisiest steps.

    There an error of the picture's global colour is a tiny error of the noise, and the trial that used plain
    min-SNR learned no backgrounds at all.
    """
    ratio = alphas / (1 - alphas)
    return ((ratio + floor).clamp(max=5) / ratio).clamp(max=cap)


def timesteps(spread: Tensor, cells: int) -> Tensor:
    """Timesteps for numbers spread over 0..1: evenly at 128 px, more of the noisy ones on larger latents.

    The same noise hides less of a larger picture, so there its layout is decided in fewer steps; and what the
    other steps draw, edges and flat colours, looks the same at every size.
    """
    shift = max(1.0, (cells / (16 * 16)) ** 0.5)
    return (shift * spread / (1 + (shift - 1) * spread) * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)


@dataclass
class Batches:
    """Latents and token numbers of every bucket that is there."""

    world: Path
    folder: Path
    tokenizer: CLIPTokenizer
    seed: int
    latents: dict[Bucket, Tensor] = field(default_factory=dict)
    tokens: dict[Bucket, Tensor] = field(default_factory=dict)

    def look(self) -> None:
        """Take in what has been written since the last look."""
        for bucket in BUCKETS:
            found = latent_store.load(self.folder, bucket)
            if found is None or (bucket in self.latents and len(self.latents[bucket]) == len(found)):
                continue
            self.latents[bucket] = found
            if bucket not in self.tokens:
                self.tokens[bucket] = self._kept_tokens(bucket)

    def _kept_tokens(self, bucket: Bucket) -> Tensor:
        path = self.folder / f"{bucket.name}.tokens.npy"
        if not path.exists():
            np.save(path, self._tokens(specs_of(self.world, bucket.name)).numpy())
        return torch.from_numpy(np.load(path))

    def _tokens(self, specs: list[Spec]) -> Tensor:
        rng = np.random.default_rng([self.seed, len(specs)])
        return torch.stack(
            [token_ids(self.tokenizer, [caption_of(s, rng) for s in specs]).short() for _ in range(CAPTIONS)]
        )

    def draw(self, rng: np.random.Generator, batch: int, *, late: bool = False) -> tuple[Tensor, Tensor]:
        """Latents and token numbers of one batch, all of one size."""
        buckets = list(self.latents)
        shares = np.array([bucket.late if late else bucket.share for bucket in buckets])
        bucket = buckets[int(rng.choice(len(buckets), p=shares / shares.sum()))]
        count = max(2, batch * 128 * 128 // (bucket.width * bucket.height))
        chosen = torch.from_numpy(rng.integers(0, len(self.latents[bucket]), min(count, 2 * batch)))
        variant = torch.from_numpy(rng.integers(0, CAPTIONS, len(chosen)))
        return self.latents[bucket][chosen].float(), self.tokens[bucket][variant, chosen].long()


@dataclass
class UnetTrainer:
    """Trains the UNet; the text encoder is frozen."""

    folder: Path
    batches: Batches
    text: CLIPTextModel
    seed: int
    machine: Machine
    settings: UnetSettings
    log: RunLog
    report: Report

    def __post_init__(self) -> None:
        self.alphas = noise_levels()
        self.weights = loss_weight(self.alphas, self.settings.cap, self.settings.floor)
        self.empty = token_ids(self.batches.tokenizer, [""])
        self.text = self.text.to(self.machine.device).eval().requires_grad_(False)

    def start(self, unet: UNet2DConditionModel | None = None) -> Loop:
        """The training state before the first step; `unet` goes on from given weights."""
        torch.manual_seed(self.seed)
        unet = unet or build(self.settings, self.text.config.hidden_size)
        unet = unet.to(self.machine.device, memory_format=torch.channels_last)
        unet.set_attn_processor(AttnProcessor())
        modules: dict[str, nn.Module] = {"unet": unet}
        optimizer = Muon(groups_of([unet], decay=0.01))
        return Loop(modules, optimizer, Average(modules, self.settings.average), self.folder / "loop.pt")

    def train(self, loop: Loop, deadline: Deadline) -> None:
        """Train until the schedule or the deadline ends."""
        schedule = Schedule(self.settings.rate, self.settings.steps, decay_share=self.settings.decay_share)
        means = Means([])
        self.batches.look()
        while loop.step < self.settings.steps and not deadline.passed():
            loop.set_rate(schedule.rate(loop.step))
            self._step(loop, means)
            if loop.step % LOG_EVERY == 0:
                self._note(loop, means.take())
            if loop.step % SAVE_EVERY == 0:
                self._save(loop)
            if loop.step % LOOK_EVERY == 0:
                self.batches.look()
        self._save(loop)

    def _save(self, loop: Loop) -> None:
        loop.save()
        with loop.average.swapped_in():
            loop.modules["unet"].save_pretrained(self.folder / "averaged")

    def _note(self, loop: Loop, values: dict[str, float]) -> None:
        speed = round(loop.views / max(loop.seconds, 1e-6), 1)
        self.log.write(
            "unet",
            step=loop.step,
            views=loop.views,
            seconds=round(loop.seconds, 1),
            views_per_s=speed,
            **values,
        )
        self.report(loop.step, self.settings.steps, values | {"views_per_s": speed})

    def _step(self, loop: Loop, means: Means) -> None:
        started = time.monotonic()
        generator = step_generator(self.seed, loop.step)
        late = loop.step >= self.settings.late_from * self.settings.steps
        clean, ids = self.batches.draw(step_rng(self.seed, loop.step), self.settings.batch, late=late)
        ids[torch.rand(len(ids), generator=generator) < self.settings.drop] = self.empty
        spread = (torch.arange(len(ids)) + torch.rand(len(ids), generator=generator)) / len(ids)
        times = timesteps(spread, clean.shape[2] * clean.shape[3])
        noise = torch.randn(clean.shape, generator=generator)
        level = self.alphas[times].view(-1, 1, 1, 1)
        noisy = self.machine.images(level.sqrt() * clean + (1 - level).sqrt() * noise)
        with self.machine.autocast():
            with torch.no_grad():
                states = self.text(input_ids=ids.to(self.machine.device)).last_hidden_state
            guess = loop.modules["unet"](noisy, times.to(self.machine.device), states).sample
        errors = (guess.float() - noise.to(self.machine.device)).pow(2).mean((1, 2, 3))
        loss = (errors * self.weights[times].to(self.machine.device)).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(loop.modules["unet"].parameters(), 1.0)
        loop.optimizer.step()
        loop.optimizer.zero_grad()
        loop.step += 1
        loop.views += len(ids)
        loop.average.update(loop.step)
        loop.seconds += time.monotonic() - started
        means.add(loss=float(loss.detach()), mse=float(errors.detach().mean()))
