"""Every door is driven by the entrypoint contract. A new one without its suite fails here."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source_tree import ROOT, imported_modules, sources, sources_naming

DRIVEN = {"backends", "images", "jobs", "models", "options"}
"""Folders below ``adapters`` that the core calls."""
COMPOSITION = {"assembly"}
"""What the composition root is made of. Every folder that is not named here is a door."""
FACADE = "serena"
CONTRACT = "EntrypointContract"


def test_every_door_has_its_suite() -> None:
    folders = {path.parent.name for path in (ROOT / "adapters").glob("*/__init__.py")}
    assert {claim["door"] for claim in claims()} == (folders - DRIVEN - COMPOSITION) | {FACADE}


def test_no_door_is_claimed_twice() -> None:
    doors = [claim["door"] for claim in claims()]
    assert sorted(doors) == sorted(set(doors))


def test_every_console_script_has_its_suite() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    claimed = {script for claim in claims() for script in claim.get("scripts", ())}
    assert claimed == set(project["scripts"]) | set(project.get("gui-scripts", {}))


def test_the_suites_replace_no_test_of_the_contract() -> None:
    """A subclass drives its door; it may add tests and may not weaken those it inherits."""
    contract = {s.name: s.nodes for s in sources("contracts")}["contracts/entrypoint.py"]
    inherited = {node.name for node in contract if _is_test(node)}
    replaced = {(suite.name, n.name) for suite in suites() for n in suite.body if _is_test(n)}
    assert {(suite, name) for suite, name in replaced if name in inherited} == set()


def test_every_driven_folder_is_used_by_the_composition_root_only() -> None:
    """No door imports a driven adapter; the linter says so too, this names the file."""
    inside = DRIVEN | COMPOSITION
    doors = [s for s in sources("adapters") if Path(s.name).parts[1] not in inside and s.name.count("/") > 1]
    reached = {(s.name, m) for s in doors for m in imported_modules(s.nodes) if _is_driven(m)}
    assert reached == set()


def suites() -> Iterator[ast.ClassDef]:
    for source in sources_naming(CONTRACT, "tests"):
        for node in source.nodes:
            if isinstance(node, ast.ClassDef) and CONTRACT in map(ast.unparse, node.bases):
                yield node


def claims() -> Iterator[dict[str, object]]:
    """The class variables of each suite."""
    for suite in suites():
        assigned = [n for n in suite.body if isinstance(n, ast.Assign | ast.AnnAssign) and n.value]
        yield {_target(node): ast.literal_eval(node.value) for node in assigned if node.value}


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


def _is_driven(module: str) -> bool:
    parts = module.split(".")
    return parts[0] == "adapters" and len(parts) > 1 and parts[1] in DRIVEN | COMPOSITION
