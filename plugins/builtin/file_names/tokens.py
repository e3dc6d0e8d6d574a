"""The tokens of a name pattern: ``[seed]``, ``[datetime<%Y><UTC>]``, ``[prompt_hash<8>]``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo

from core.domain.filenames import Sanitizer
from plugins.builtin.file_names.context import TIMESTAMP, NameContext


class Nothing:
    """A token's value that also takes the literal text before the token away."""


NOTHING = Nothing()
Value = str | Nothing | None
"""``None``: unknown, the token stays as it is written."""
Token = Callable[[NameContext, Sanitizer, tuple[str, ...]], Value]

_BETWEEN_WORDS = re.compile(r"[\s!-/:-@\[-`{-~]+")  # white space and ASCII punctuation


def _plain(attribute: str) -> Token:
    def token(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
        value = getattr(context, attribute)
        return None if value is None else sanitizer.value(str(value))

    return token


def _hash(text: Callable[[NameContext], str]) -> Token:
    def token(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
        digest = hashlib.sha256(text(context).encode("utf-8", "surrogatepass")).hexdigest()
        return _cut(digest, args, 8)

    return token


def _cut(digest: str, args: tuple[str, ...], default: int) -> Value:
    if not args or not args[0]:
        return digest[:default]
    return digest[: int(args[0])] if re.fullmatch(r"[0-9]{1,3}", args[0]) else None


def _image_hash(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    return None if context.image_hash is None else _cut(sanitizer.value(context.image_hash), args, 64)


def _date(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    return context.now.strftime("%Y-%m-%d")


def _datetime(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    moment = context.now
    zone = _zone(args[1]) if len(args) > 1 else None
    if zone is not None:
        moment = moment.astimezone(zone)
    try:
        return sanitizer.value(moment.strftime(args[0] if args and args[0] else TIMESTAMP))
    except ValueError:
        return sanitizer.value(moment.strftime(TIMESTAMP))


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _prompt(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    return sanitizer.value(context.prompt, underscores=True)


def _prompt_no_styles(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    text = context.prompt if context.prompt_no_styles is None else context.prompt_no_styles
    return sanitizer.value(text)


def _prompt_words(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    words = [word for word in _BETWEEN_WORDS.split(context.prompt) if word]
    return sanitizer.value(" ".join(words[: context.max_prompt_words] or ["empty"]))


def _has_prompt(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    prompt = context.prompt.lower()
    found = []
    for arg in args:
        wanted, _, otherwise = arg.partition("|")
        found.append(wanted if wanted and wanted.lower() in prompt else otherwise)
    return sanitizer.value("".join(found)) if args else None


def _styles(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    return sanitizer.value(", ".join(style for style in context.styles if style != "None") or "None")


def _sampler_scheduler(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    if context.sampler is None:
        return None
    return sanitizer.value(" ".join(part for part in (context.sampler, context.scheduler) if part))


def _seed_first(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    seed = context.all_seeds[0] if context.batch_size > 1 and context.all_seeds else context.seed
    return None if seed is None else str(seed)


def _seed_last(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    return str(context.all_seeds[-1]) if context.batch_size > 1 and context.all_seeds else NOTHING


def _batch_number(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    return str(context.batch_index + 1) if context.batch_size > 1 else NOTHING


def _generation_number(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    if context.batch_size == 1 and context.n_iter == 1:
        return NOTHING
    return str(context.iteration * context.batch_size + context.batch_index + 1)


def _none(context: NameContext, sanitizer: Sanitizer, args: tuple[str, ...]) -> Value:
    return ""


TOKENS: Mapping[str, Token] = MappingProxyType(
    {
        "basename": _plain("basename"),
        "seed": _plain("seed"),
        "seed_first": _seed_first,
        "seed_last": _seed_last,
        "steps": _plain("steps"),
        "cfg": _plain("cfg_scale"),
        "width": _plain("width"),
        "height": _plain("height"),
        "styles": _styles,
        "sampler": _plain("sampler"),
        "scheduler": _plain("scheduler"),
        "sampler_scheduler": _sampler_scheduler,
        "model_hash": _plain("model_hash"),
        "model_name": _plain("model_name"),
        "vae_filename": _plain("vae_filename"),
        "date": _date,
        "datetime": _datetime,
        "job_timestamp": _plain("job_timestamp"),
        "prompt_hash": _hash(lambda context: context.prompt),
        "negative_prompt_hash": _hash(lambda context: context.negative_prompt),
        "full_prompt_hash": _hash(lambda context: f"{context.prompt} {context.negative_prompt}"),
        "prompt": _prompt,
        "prompt_no_styles": _prompt_no_styles,
        "prompt_spaces": _plain("prompt"),
        "prompt_words": _prompt_words,
        "hasprompt": _has_prompt,
        "batch_number": _batch_number,
        "batch_size": _plain("batch_size"),
        "generation_number": _generation_number,
        "clip_skip": _plain("clip_skip"),
        "denoising": _plain("denoising_strength"),
        "user": _plain("user"),
        "image_hash": _image_hash,
        "none": _none,
    }
)
