"""Tells texts that surely read back as they are written, as nearly all do, without reading them back."""

from __future__ import annotations

import re

from core.domain.infotext.infotext import Infotext
from core.domain.infotext.keys import EXACT_NEGATIVE, EXACT_PROMPT, NEGATIVE_PREFIX

_FEWEST = 3
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9 ]*[A-Za-z0-9]", re.ASCII)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9](?:[\w .+()\[\]/-]*[\w.+()\[\]/-])?", re.ASCII)


def is_plain(text: Infotext) -> bool:
    """Only where nothing in it could be taken for something else. False tells nothing."""
    return (
        len(text.params) >= _FEWEST
        and _is_plain_prompt(text.prompt)
        and all(_is_plain_pair(key, value) for key, value in text.params)
    )


def _is_plain_prompt(prompt: str) -> bool:
    """The white space around it is kept, and no line of it begins as the negative prompt does."""
    return prompt != "" and prompt == prompt.strip() and NEGATIVE_PREFIX not in prompt


def _is_plain_pair(key: str, value: str) -> bool:
    return (
        key != value
        and key not in (EXACT_PROMPT, EXACT_NEGATIVE)
        and _PLAIN_KEY.fullmatch(key) is not None
        and _PLAIN_VALUE.fullmatch(value) is not None
    )
