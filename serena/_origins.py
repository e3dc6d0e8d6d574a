"""Makes sure that our own packages are the ones that get imported.

``core``, ``adapters``, ``plugins`` and ``contracts`` are names that others use as well: PyPI has an unrelated
``adapters``. Whoever has that installed would get its modules for ours, and errors that explain nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

NAMES = ("core", "adapters", "plugins", "contracts")
HOME = Path(__file__).resolve().parent.parent


def complaint(home: Path = HOME, find: Callable[[str], ModuleSpec | None] = find_spec) -> str | None:
    """One sentence that names the place, if a package would come from elsewhere than ``home``; else None."""
    for name in NAMES:
        place = _place(find(name))
        if place is None:
            return f"serena cannot start: its package {name!r} is missing from {home}; install serena again."
        if place != home / name:
            return (
                f"serena cannot start: the package {name!r} is taken from {place} instead of {home / name}; "
                "install serena in an environment of its own."
            )
    return None


def _place(spec: ModuleSpec | None) -> Path | None:
    """The folder of a package, or the file of a module that has its name."""
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    place = folders[0] if folders else spec.origin
    return None if place is None else Path(place).resolve()
