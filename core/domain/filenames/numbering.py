"""The running number of a file, and how long a name may be."""

from __future__ import annotations

import re
from collections.abc import Iterable

NAME_BYTES = 255
"""What the usual file systems take for one name."""
ROOM_FOR_NUMBER = len(".grid-00000000-.jpeg")
"""What is kept free of it for a number and an extension."""
_NUMBER = re.compile(r"([0-9]{1,18})(?=[-.]|\Z)")


def next_number(names: Iterable[str], basename: str = "") -> int:
    """One more than the largest number that leads a name (behind ``basename-``, if there is one); 0 if
    there is none."""
    prefix = f"{basename}-" if basename else ""
    matches = (_NUMBER.match(name, len(prefix)) for name in names if name.startswith(prefix))
    return max((int(match[1]) for match in matches if match), default=-1) + 1


def numbered(number: int, decoration: str = "", basename: str = "") -> str:
    """``00012-decoration``, or ``grid-0012`` with a basename."""
    head = f"{basename}-{number:04}" if basename else f"{number:05}"
    return f"{head}-{decoration}" if decoration else head


def number_of(name: str, decoration: str = "", basename: str = "") -> int | None:
    """The number of a name that :func:`numbered` made; None for another name."""
    match = _NUMBER.match(name, len(basename) + 1 if basename else 0)
    number = int(match[1]) if match else -1
    return number if number >= 0 and numbered(number, decoration, basename) == name else None


def fit(stem: str, ending: str = "", spare: int = 0) -> str:
    """Stem and ending (``-mask.png``), the stem cut so that the name is short enough.

    :param spare: bytes that are left free, for a number and an extension.
    """
    room = NAME_BYTES - spare - len(ending.encode("utf-8", "replace"))
    if len(stem.encode("utf-8", "replace")) > room:
        stem = stem.encode("utf-8", "replace")[: max(room, 0)].decode("utf-8", "ignore").rstrip(" .")
    return stem + ending
