from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NameContext:
    """What the tokens of a name pattern stand for. A ``None``: unknown, the token stays as written.

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
