"""One way to draw: the job loop calls ``process_images``, that the runner, and the runner the backend."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source_tree import SHIPPED, called_name, calls, sources

RUNNER = "core/runner.py"
PASSED_ON = {"contracts/backend.py"}
"""A backend that watches another one hands on what the runner handed to it."""
SECRETS = {"execute_run", "seal", "_SEAL", "PreparedRun", "process_images"}
"""Names that no text may spell, since ``getattr`` and ``import_module`` take texts."""


def test_only_the_runner_hands_work_to_a_backend() -> None:
    assert set(places_that_call("execute_run")) - PASSED_ON == {RUNNER}


def test_only_the_runner_seals() -> None:
    assert set(places_that_call("seal")) == {RUNNER}
    assert set(places_that_call("PreparedRun")) == {RUNNER}
    assert set(places_that_name("_SEAL")) == {"core/prepared.py"}


def test_only_process_images_runs_the_runner() -> None:
    """The class is named where it is defined, wired and called, and is called once."""
    named = set(places_that_name("ProcessingRunner"))
    assert named == {RUNNER, "core/processing.py", "adapters/container.py"}
    nodes = {s.name: s.nodes for s in sources("core")}["core/processing.py"]
    assert [called_name(call) for call in calls(nodes)].count("run") == 1


def test_only_the_job_loop_processes() -> None:
    """The container hands ``process_images`` to the job loop, or to the child that the job loop of a parent
    sends its jobs to; nobody else names or calls it."""
    assert set(places_that_name("process_images")) == {"core/processing.py", "adapters/container.py"}
    assert sorted(places_that_call("process")) == ["adapters/worker/process/child.py"]
    assert places_that_call("_process") == ["core/jobs/loop.py"]
    assert places_that_call("process_images") == []


def test_nothing_reaches_round_the_back() -> None:
    """No text spells a guarded name, and no door touches the private parts of another object."""
    assert list(_spelt_names()) == []
    assert list(_foreign_private_attributes()) == []


def places_that_call(name: str) -> list[str]:
    return [s.name for s in sources(*SHIPPED) for call in calls(s.nodes) if called_name(call) == name]


def places_that_name(name: str) -> Iterator[str]:
    for source in sources(*SHIPPED):
        for node in source.nodes:
            match node:
                case (
                    ast.Name(id=found)
                    | ast.ClassDef(name=found)
                    | ast.FunctionDef(name=found)
                    | ast.alias(name=found)
                ) if found == name:
                    yield source.name


def _spelt_names() -> Iterator[str]:
    for source in sources(*SHIPPED):
        for node in source.nodes:
            if isinstance(node, ast.Constant) and node.value in SECRETS:
                yield f"{source.name}:{node.lineno}: {node.value!r}"


def _foreign_private_attributes() -> Iterator[str]:
    for source in sources("serena", "adapters/http", "adapters/cli", "adapters/worker"):
        for node in source.nodes:
            if isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_own(node.value):
                yield f"{source.name}:{node.lineno}: {ast.unparse(node)}"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_own(owner: ast.expr) -> bool:
    return isinstance(owner, ast.Name) and owner.id in {"self", "cls"}
