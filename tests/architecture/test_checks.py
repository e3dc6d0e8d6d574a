"""Each check has one definition, a make target, and runs with locked versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.architecture.source_tree import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^[\w-]+/[\w-]+@[0-9a-f]{40}$")
LOCKED = re.compile(r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")
NAME = re.compile(r"^[A-Za-z0-9._-]+")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda p: p.name)
def test_workflows_call_make_and_pin_their_actions(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert [s["uses"] for s in steps if "uses" in s and not PINNED.match(s["uses"])] == []
    assert [s["run"] for s in steps if "run" in s and not s["run"].startswith("make ")] == []


def test_there_are_the_three_workflows() -> None:
    assert [w.stem for w in WORKFLOWS] == ["checks", "quality", "smoke"]


def test_pre_commit_calls_make() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    entries = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    assert [entry for entry in entries if not entry.startswith("make ")] == []


def test_every_dependency_is_locked_to_one_version() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    locked = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in locked if not LOCKED.match(line)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = (project["optional-dependencies"][extra] for extra in ("torch", "dev"))
    asked = {_name(line) for group in (project["dependencies"], *extras) for line in group}
    assert asked - {_name(line) for line in locked} == set()


def test_every_dependency_says_why_it_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = (project["dependencies"], *project["optional-dependencies"].values())
    decision = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text("utf-8")
    rows = " ".join(re.findall(r"^\| ([a-z-, ]+) \|", decision, re.MULTILINE)).replace(",", "").split()
    assert {_name(line) for group in groups for line in group} - set(rows) == set()


def _name(requirement: str) -> str:
    found = NAME.match(requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()
