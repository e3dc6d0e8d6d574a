"""What the table of options says acts is read somewhere, and what is read is said to act."""

from __future__ import annotations

import re

import pytest

from core.domain.acting_options import ACTING
from core.domain.option_table import OPTIONS
from tests.architecture.source_tree import ROOT

NAMES_ONLY = ("core/domain/acting_options.py", "core/domain/option_table.py", "adapters/http/pasting.py")
BUILT = {
    "ESRGAN_tile": '{name}_tile"',
    "ESRGAN_tile_overlap": '{name}_tile_overlap"',
    "DAT_tile": '{name}_tile"',
    "DAT_tile_overlap": '{name}_tile_overlap"',
    **dict.fromkeys(
        (f"outdir_{kind}_{what}" for kind in ("txt2img", "img2img") for what in ("samples", "grids")),
        "f\"outdir_{kind.value}_{'grids' if grid else 'samples'}\"",
    ),
}
"""Names that are put together where they are read."""

SOURCES = "\n".join(
    path.read_text("utf-8")
    for folder in ("core", "adapters", "plugins")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.relative_to(ROOT).as_posix() not in NAMES_ONLY
)
READ = frozenset(re.findall(r'(?:\b(?:flag|number|text)\(|\boptions\[)\s*"(\w+)"', SOURCES))


def test_what_acts_is_an_option() -> None:
    assert ACTING - {spec.name for spec in OPTIONS} == set()


@pytest.mark.parametrize("name", sorted(ACTING))
def test_what_acts_is_read(name: str) -> None:
    assert BUILT.get(name, f'"{name}"') in SOURCES


@pytest.mark.parametrize("name", sorted(READ & {spec.name for spec in OPTIONS}))
def test_what_is_read_acts(name: str) -> None:
    assert name in ACTING
