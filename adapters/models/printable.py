"""Names of files may be of any bytes, and headers may say anything: whether it can be told to somebody."""

from __future__ import annotations


def is_text(name: str) -> bool:
    """Whether it can be written in UTF-8, as every answer is."""
    return name == printable(name)


def printable(text: str) -> str:
    """With a question mark for each part that cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")
