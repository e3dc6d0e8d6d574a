"""The text encoder, taught to spell out a caption's meaning in the states after its end.

Every position from the end token on must tell each attribute of the picture by a linear read-out. The UNet's
cross-attention can then take what it needs from any of them. Which colour belongs to which object is settled
here, where it is cheap, and not during the long training of the UNet.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .captions import caption_of
from .runlog import RunLog
from .specs import ObjectsSpec, SceneSpec, Spec
from .tokenizer import LENGTH
from .training import Average, Deadline, Loop, Machine, Means, Report, Schedule, step_generator, step_rng
from .vocabulary import COLORS, EXTRAS, LANDS, RELATIONS, SHAPES, SIZES, SKIES, STYLES, TIMES
from .world import sample_spec

LOG_EVERY = 50
READ_POSITIONS = 3


@dataclass(frozen=True)
class TextSettings:
    """Numbers of the stage."""

    steps: int = 1_000
    batch: int = 128
    length: int = 32  # tokens during this stage; longer captions do not occur
    rate: float = 1.5e-3
    hidden: int = 96
    layers: int = 3
    heads: int = 3


def _thing_questions(place: int) -> dict[str, tuple[str, ...]]:
    return {
        f"color{place}": tuple(COLORS),
        f"shape{place}": SHAPES,
        f"size{place}": SIZES,
        f"style{place}": STYLES,
    }


QUESTIONS: dict[str, tuple[str, ...]] = {
    "background": tuple(COLORS),
    **_thing_questions(0),
    **_thing_questions(1),
    "relation": RELATIONS,
    "land": LANDS,
    "time": TIMES,
    "extra": tuple(sorted({extra for extras in EXTRAS.values() for extra in extras})),
    "sky": SKIES,
}


def answers(spec: Spec, caption: str) -> list[int]:
    """One answer per question; 0 where the caption says nothing."""
    told = _told(spec, caption)
    return [0 if told.get(name, "") == "" else 1 + QUESTIONS[name].index(told[name]) for name in QUESTIONS]


def _told(spec: Spec, caption: str) -> dict[str, str]:
    if isinstance(spec, SceneSpec):
        told = {"land": spec.land, "time": spec.time, "extra": spec.extra, "sky": spec.sky}
        return {name: value for name, value in told.items() if value in caption}
    return _told_objects(spec, caption)


def _told_objects(spec: ObjectsSpec, caption: str) -> dict[str, str]:
    told = {"background": spec.background if f"{spec.background} background" in caption else ""}
    if spec.things[0].shape not in caption:
        return told
    for place, thing in enumerate(spec.things):
        told[f"color{place}"], told[f"shape{place}"] = thing.color, thing.shape
        told[f"size{place}"], told[f"style{place}"] = thing.size, thing.style
    told["relation"] = spec.relation
    return told


def build(settings: TextSettings, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder."""
    model = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=settings.hidden,
            intermediate_size=4 * settings.hidden,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            projection_dim=settings.hidden,
            max_position_embeddings=LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )
    )
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "embedding" in name:
                p.normal_(0, 0.3 if "token" in name else 0.1)
    return model


def token_ids(tokenizer: CLIPTokenizer, captions: list[str], length: int = LENGTH) -> Tensor:
    """Padded token numbers."""
    options = {"padding": "max_length", "truncation": True, "max_length": length, "return_tensors": "pt"}
    return tokenizer(captions, **options).input_ids


def train(
    folder: Path, tokenizer: CLIPTokenizer, seed: int, machine: Machine, settings: TextSettings,
    deadline: Deadline, log: RunLog, report: Report, *, resume: bool,
) -> CLIPTextModel:  # fmt: skip
    """Train on captions alone, and write the averaged weights."""
    torch.manual_seed(seed)
    model = build(settings, tokenizer).to(machine.device)
    reader = nn.Linear(settings.hidden, sum(len(v) + 1 for v in QUESTIONS.values())).to(machine.device)
    modules: dict[str, nn.Module] = {"text": model, "reader": reader}
    parameters = [*model.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW(parameters, betas=(0.9, 0.98), weight_decay=0.01)
    loop = Loop(modules, optimizer, Average(modules, 0.99), folder / "loop.pt")
    if resume and loop.path.exists():
        loop.load()
    schedule, means = Schedule(settings.rate, settings.steps, warmup=50, decay_share=0.6), Means([])
    while loop.step < settings.steps and not deadline.passed():
        started = time.monotonic()
        loop.set_rate(schedule.rate(loop.step))
        ids, right = _batch(tokenizer, settings, step_rng(seed, loop.step))
        with machine.autocast():
            states = model(input_ids=ids.to(machine.device)).last_hidden_state
        scores = reader(_read(states.float(), ids, seed, loop.step))
        loss, correct = _judge(scores, right.to(machine.device))
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loop.step += 1
        loop.views += len(ids)
        loop.average.update(loop.step)
        loop.seconds += time.monotonic() - started
        means.add(loss=float(loss.detach()), correct=correct)
        if loop.step % LOG_EVERY == 0:
            values = means.take()
            log.write("text", step=loop.step, views=loop.views, seconds=round(loop.seconds, 1), **values)
            report(loop.step, settings.steps, values)
    loop.save()
    with loop.average.swapped_in():
        model.save_pretrained(folder)
    return model


def _batch(
    tokenizer: CLIPTokenizer, settings: TextSettings, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    captions, right = [], []
    for _ in range(settings.batch):
        spec = sample_spec(rng)
        captions.append(caption_of(spec, rng))
        right.append(answers(spec, captions[-1]))
    return token_ids(tokenizer, captions, settings.length), torch.tensor(right)


def _read(states: Tensor, ids: Tensor, seed: int, step: int) -> Tensor:
    """The states at the end token and at a few random places after it."""
    end = (ids == ids[0, -1]).int().argmax(1)
    drawn = torch.rand((len(ids), READ_POSITIONS), generator=step_generator(seed, step))
    places = end[:, None] + (drawn * (ids.shape[1] - end)[:, None]).long()
    places[:, 0] = end
    rows = torch.arange(len(ids))[:, None]
    return states[rows.to(states.device), places.to(states.device)]


def _judge(scores: Tensor, right: Tensor) -> tuple[Tensor, float]:
    """Cross entropy over all questions, and the share of captions whose every answer is right."""
    wanted = right[:, None].expand(-1, scores.shape[1], -1)
    losses, correct = [], torch.ones(scores.shape[:2], dtype=torch.bool, device=scores.device)
    for i, part in enumerate(scores.split([len(v) + 1 for v in QUESTIONS.values()], dim=-1)):
        losses.append(functional.cross_entropy(part.flatten(0, 1), wanted[..., i].flatten()))
        correct &= part.argmax(-1) == wanted[..., i]
    return torch.stack(losses).sum(), float(correct.float().mean())
