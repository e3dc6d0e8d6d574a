"""The words for "no other one", which pages and infotexts send where a name may stand."""

from __future__ import annotations

SAME_SAMPLER = "Use same sampler"
SAME_SCHEDULER = "Use same scheduler"
SAME_CHECKPOINT = "Use same checkpoint"
NONE = "None"


def chosen(name: str | None, *words: str) -> str | None:
    """``name``, or None where it is blank or one of ``words`` in any case."""
    bare = (name or "").strip().casefold()
    return None if bare in ("", *(word.casefold() for word in words)) else name
