"""A prompt with the texts of styles around it and behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.domain.errors import InvalidRequest
from core.domain.styles import PLACE, Style

MOST = 10_000_000
"""Characters of a prompt, far more than a request may have: a text with two places doubles it each time."""


def merge(prompt: str, texts: Iterable[str]) -> str:
    """The prompt with each style text around it (where it has ``{prompt}``) or behind it. Raises
    ``InvalidRequest`` before it takes too much memory."""
    for text in texts:
        if len(text) + text.count(PLACE) * len(prompt) > MOST:
            raise InvalidRequest(
                f"the styles make a prompt of more than {MOST} characters; name fewer of them"
            )
        if PLACE in text:
            prompt = text.replace(PLACE, prompt)
        else:
            prompt = ", ".join(part for part in (prompt.strip(), text.strip()) if part)
    return prompt


def apply_styles(prompt: str, names: Iterable[str], styles: Mapping[str, Style]) -> str:
    """A positive prompt with the styles of those names, in order. An unknown style adds nothing."""
    return merge(prompt, [(style.prompt or "") if (style := styles.get(name)) else "" for name in names])


def apply_negative_styles(negative: str, names: Iterable[str], styles: Mapping[str, Style]) -> str:
    found = [styles.get(name) for name in names]
    return merge(negative, [(style.negative_prompt or "") if style else "" for style in found])
