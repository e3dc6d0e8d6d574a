"""The core imports the standard library and itself, and keeps no state in its modules."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.architecture.source_tree import Source, called_name, imported_modules, sources

ALLOWED = sys.stdlib_module_names | {"core"}
MUTABLE_CALLS = {"list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict", "bytearray"}
STATEFUL_CALLS = {"Lock", "RLock", "Event", "Condition", "Semaphore", "Thread", "Random"}
"""Thread-locals and context variables are not among them: nobody else sees what they hold."""

CORE = list(sources("core"))


@pytest.mark.parametrize("source", CORE, ids=lambda s: s.name)
def test_imports_the_standard_library_only(source: Source) -> None:
    strangers = {name for name in imported_modules(source.nodes) if name.partition(".")[0] not in ALLOWED}
    assert strangers == set()


@pytest.mark.parametrize("source", CORE, ids=lambda s: s.name)
def test_no_relative_imports(source: Source) -> None:
    relative = [n.lineno for n in source.nodes if isinstance(n, ast.ImportFrom) and n.level]
    assert relative == []


@pytest.mark.parametrize(
    "source", list(sources("core", "adapters", "plugins", "serena")), ids=lambda s: s.name
)
def test_no_module_keeps_state(source: Source) -> None:
    """No ``global``, and no mutable object, lock or flag at module level; read-only tables are fine."""
    rebound = [n.lineno for n in source.nodes if isinstance(n, ast.Global)]
    assert rebound == []
    assert [node.lineno for node in source.tree.body if _makes_state(node)] == []


def _makes_state(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Call):
        return called_name(value) in MUTABLE_CALLS | STATEFUL_CALLS and not _is_read_only(node)
    return isinstance(value, ast.List | ast.Dict | ast.Set) and not _is_read_only(node)


def _is_read_only(node: ast.stmt) -> bool:
    """Annotated so that a type checker refuses to change it, or ``__all__``, or a constant by its name."""
    if isinstance(node, ast.AnnAssign):
        return "Mapping" in ast.unparse(node.annotation) or _is_constant(node.target)
    return isinstance(node, ast.Assign) and all(_is_constant(t) for t in node.targets)


def _is_constant(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and (target.id.lstrip("_").isupper() or target.id == "__all__")
