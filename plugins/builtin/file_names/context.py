"""What the tokens of a name pattern stand for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from core.drafts import SaveDraft

TIMESTAMP = "%Y%m%d%H%M%S"


@dataclass(frozen=True, slots=True)
class NameContext:
    """A ``None``: unknown, the token stays as written.

    ``prompt_no_styles``: the prompt before styles were merged. ``image_hash``: sha256 of the pixels,
    hexadecimal. ``batch_index`` and ``iteration`` count from 0.
    """

    now: datetime
    prompt: str = ""
    negative_prompt: str = ""
    prompt_no_styles: str | None = None
    styles: tuple[str, ...] = ()
    basename: str | None = None
    seed: int | None = None
    all_seeds: tuple[int, ...] = ()
    steps: int | None = None
    cfg_scale: float | None = None
    width: int | None = None
    height: int | None = None
    sampler: str | None = None
    scheduler: str | None = None
    model_hash: str | None = None
    model_name: str | None = None
    vae_filename: str | None = None
    clip_skip: int | None = None
    denoising_strength: float | None = None
    job_timestamp: str | None = None
    user: str | None = None
    image_hash: str | None = None
    batch_index: int = 0
    batch_size: int = 1
    iteration: int = 0
    n_iter: int = 1
    max_prompt_words: int = 8


def context_of(draft: SaveDraft, *, hashed: bool) -> NameContext:
    """Of the picture of a draft.

    :param hashed: whether anybody asks for its ``image_hash``, which takes time.
    """
    picture, options = draft.picture, draft.options
    request, model = picture.request, picture.model
    return NameContext(
        now=picture.now,
        prompt=picture.prompt,
        negative_prompt=picture.negative_prompt,
        prompt_no_styles=picture.prompt_no_styles,
        styles=request.styles,
        seed=picture.seed,
        all_seeds=picture.seeds,
        steps=request.steps,
        cfg_scale=request.cfg_scale,
        width=draft.image.width,
        height=draft.image.height,
        sampler=picture.sampler,
        scheduler=picture.scheduler,
        model_hash=model.short_hash if model else None,
        model_name=model.stem if model else None,
        clip_skip=int(options.number("CLIP_stop_at_last_layers")),
        denoising_strength=request.denoising_strength,
        job_timestamp=picture.accepted_at.strftime(TIMESTAMP),
        image_hash=sha256(draft.image.pixels).hexdigest() if hashed else None,
        batch_index=picture.index % request.batch_size,
        batch_size=request.batch_size,
        iteration=picture.index // request.batch_size,
        n_iter=request.n_iter,
        max_prompt_words=int(options.number("directories_max_prompt_words")),
    )
