"""The shipped source as syntax trees, for the tests that read it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("serena", "core", "plugins", "adapters", "contracts")


@dataclass(frozen=True)
class Source:
    """One file: its path below the root with forward slashes, and its tree."""

    name: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All of the tree, walked once: many tests look at every node there is."""
        return tuple(ast.walk(self.tree))


def sources(*folders: str) -> Iterator[Source]:
    for folder in folders:
        yield from _parsed(folder)


@cache
def sources_naming(word: str, folder: str) -> tuple[Source, ...]:
    """The files of a folder in which ``word`` stands: of hundreds, only these are parsed."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return tuple(
        Source(p.relative_to(ROOT).as_posix(), ast.parse(text, str(p)))
        for p in paths
        if word in (text := p.read_text("utf-8"))
    )


def _parsed(folder: str) -> tuple[Source, ...]:
    return sources_naming("", folder)


def calls(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    return (node for node in nodes if isinstance(node, ast.Call))


def called_name(call: ast.Call) -> str:
    """``f`` for ``f()`` and for ``x.y.f()``; empty for anything else."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def imported_modules(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The full names of what is imported; relative imports are left out, the linter forbids them."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
