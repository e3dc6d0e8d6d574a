"""What the documents say is there is there, and what is there is documented."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import pytest
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.core import TyperGroup

from adapters.cli.app import create_cli
from adapters.settings import Settings
from plugins import hookspecs
from tests.architecture.source_tree import ROOT

DOCS = ROOT / "docs"
DOCUMENTS = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
INVARIANT = re.compile(r"^\| (I-\d+) \| .+ \| `(tests/[^`]+)` \|$", re.MULTILINE)
MAKE_TARGET = re.compile(r"`make ([a-z-]+)")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|tmp|root|home|farm|opt)/\w")


class NoHost:
    """The command line is only looked at; it opens nothing."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the command line asked its host for {name}")


def hooks() -> list[str]:
    functions = inspect.getmembers(hookspecs, inspect.isfunction)
    return [f"{name}({', '.join(inspect.signature(f).parameters)})" for name, f in functions if is_spec(f)]


def is_spec(function: Any) -> bool:
    return hasattr(function, f"{hookspecs.PROJECT}_spec")


@pytest.mark.parametrize("heading", hooks())
def test_every_hook_is_documented_with_its_arguments(heading: str) -> None:
    assert f"\n### `{heading}`\n" in (DOCS / "reference" / "hooks.md").read_text("utf-8")


def test_no_hook_is_documented_that_is_not_there() -> None:
    text = (DOCS / "reference" / "hooks.md").read_text("utf-8")
    assert sorted(re.findall(r"^### `(serena_.+)`$", text, re.MULTILINE)) == sorted(hooks())


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is tuple:
        return "list of texts"
    if isinstance(annotation, UnionType):
        return f"{_kind(get_args(annotation)[0])}, or unset"
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Path": "path"}[
        annotation.__name__
    ]


def _default(field: FieldInfo) -> str:
    match field.default:
        case None:
            return "unset"
        case ():
            return "none"
        case bool(value):
            return str(value).lower()
        case value:
            return f"`{value}`"


def _sentence(field: FieldInfo) -> str:
    assert field.description, "every setting carries a description"
    return field.description


def setting_rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """A row of the reference for each setting: name, variable, kind, default, what it is."""
    for name, field in model.model_fields.items():
        if inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel):
            yield from setting_rows(field.annotation, f"{prefix}{name}.")
        else:
            dotted = f"{prefix}{name}"
            variable = "SERENA_" + dotted.replace(".", "__").upper()
            cells = (
                f"`{dotted}`",
                f"`{variable}`",
                _kind(field.annotation),
                _default(field),
                _sentence(field),
            )
            yield f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("row", list(setting_rows(Settings)))
def test_every_setting_is_documented(row: str) -> None:
    assert f"\n{row}\n" in (DOCS / "reference" / "settings.md").read_text("utf-8")


def test_no_setting_is_documented_that_is_not_there() -> None:
    text = (DOCS / "reference" / "settings.md").read_text("utf-8")
    assert re.findall(r"^\| `.+$", text, re.MULTILINE) == list(setting_rows(Settings))


def test_every_command_and_flag_is_documented() -> None:
    text = (DOCS / "reference" / "cli.md").read_text("utf-8")
    group = typer.main.get_command(create_cli(NoHost()))
    assert isinstance(group, TyperGroup)
    flags = {
        flag for command in group.commands.values() for p in command.params for flag in p.opts if "-" in flag
    }
    assert {flag for flag in flags if f"`{flag}`" not in text} == set()
    assert {name for name in group.commands if f"\n## `serena {name}" not in text} == set()


def test_every_invariant_is_proven_by_a_test_that_exists() -> None:
    rows = INVARIANT.findall((DOCS / "serena.md").read_text("utf-8"))
    numbers = [number for number, _ in rows]
    assert numbers == [f"I-{i}" for i in range(1, len(rows) + 1)]
    assert len(rows) >= 10
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*collect, *(test for _, test in rows)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_path_of_one_machine(document: Path) -> None:
    assert MACHINE_PATH.findall(document.read_text("utf-8")) == []


def test_every_make_target_that_is_named_exists() -> None:
    named = {t for document in DOCUMENTS for t in MAKE_TARGET.findall(document.read_text("utf-8"))}
    defined = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert named - defined == set()


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, re.MULTILINE))
    documented = set(re.findall(r"^([a-z-]+):.*## \w", makefile, re.MULTILINE))
    assert phony == documented
