"""No test replaces a part of Serena behind its back: the parts are arguments, and fakes are passed in."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source_tree import Source, called_name, calls, imported_modules, sources

PATCHING = {"setattr", "delattr", "setitem", "delitem"}
"""What ``monkeypatch`` may not do. Environment variables and the working folder are inputs, and fine."""


@pytest.mark.parametrize("source", list(sources("tests", "contracts", "bench")), ids=lambda s: s.name)
def test_nothing_is_patched(source: Source) -> None:
    assert not any(
        name.startswith(("unittest.mock", "mock", "pytest_mock")) for name in imported_modules(source.nodes)
    )
    assert [call.lineno for call in calls(source.nodes) if _patches(call)] == []


def _patches(call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id == "monkeypatch" and called_name(call) in PATCHING
