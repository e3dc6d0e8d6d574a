"""Two threads that import parts of diffusers or transformers at once can both fail, so one lock is held."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source_tree import Source, imported_modules, sources

LAZY = {"diffusers", "transformers"}
LATE = [
    source
    for source in sources("serena", "core", "plugins", "adapters")
    if any(name.split(".")[0] in LAZY for name in imported_modules(source.nodes))
]


def lines(*nodes: ast.AST) -> set[int]:
    """Where the two are imported."""
    return {
        node.lineno
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any(name.split(".")[0] in LAZY for name in imported_modules([node]))
    }


def is_guarded(node: ast.AST) -> bool:
    return isinstance(node, ast.With) and any(
        isinstance(one.context_expr, ast.Name) and one.context_expr.id == "IMPORTING" for one in node.items
    )


@pytest.mark.parametrize("source", LATE, ids=lambda source: source.name)
def test_what_finds_its_parts_late_is_imported_under_the_lock(source: Source) -> None:
    guarded = (node for block in source.nodes if is_guarded(block) for node in ast.walk(block))
    assert lines(*source.nodes) - lines(*guarded) == set()
