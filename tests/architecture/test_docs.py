"""What the documents say is there is there, and what is there is documented."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from scripts.dev.freeze_hooks import hook_functions
from scripts.dev.write_reference import command_table, commands, option_rows, setting_rows
from tests.architecture.bare_pytest import pytest_in
from tests.architecture.source_tree import ROOT

DOCS = ROOT / "docs"
DOCUMENTS = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
INVARIANT = re.compile(r"^\| (I-\d+) \| .+ \| `((?:tests|contracts)/[^`]+)` \|$", re.MULTILINE)
MAKE_TARGET = re.compile(r"`make ([a-z-]+)")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|tmp|root|home|farm|opt)/\w")


def hooks() -> list[str]:
    return [f"{name}({', '.join(inspect.signature(f).parameters)})" for name, f in hook_functions().items()]


@pytest.mark.parametrize("heading", hooks())
def test_every_hook_is_documented_with_its_arguments(heading: str) -> None:
    assert f"\n### `{heading}`\n" in (DOCS / "reference" / "hooks.md").read_text("utf-8")


def test_no_hook_is_documented_that_is_not_there() -> None:
    text = (DOCS / "reference" / "hooks.md").read_text("utf-8")
    assert sorted(re.findall(r"^### `(serena_.+)`$", text, re.MULTILINE)) == sorted(hooks())


@pytest.mark.parametrize("row", list(setting_rows()))
def test_every_setting_is_documented(row: str) -> None:
    assert f"\n{row}\n" in (DOCS / "reference" / "settings.md").read_text("utf-8")


def test_no_setting_is_documented_that_is_not_there() -> None:
    text = (DOCS / "reference" / "settings.md").read_text("utf-8")
    assert re.findall(r"^\| `.+$", text, re.MULTILINE) == list(setting_rows())


def test_every_option_is_documented() -> None:
    text = (DOCS / "reference" / "options.md").read_text("utf-8")
    assert re.findall(r"^\| `.+$", text, re.MULTILINE) == list(option_rows()), (
        "write it with `make reference`"
    )


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_flag_is_documented(name: str) -> None:
    section = (DOCS / "reference" / "cli.md").read_text("utf-8").partition(f"\n## `serena {name}")[2]
    table = "\n".join(command_table(name))
    assert table in section.partition("\n## ")[0], "write it with `make reference`"


def test_every_invariant_is_proven_by_a_test_that_exists(request: pytest.FixtureRequest) -> None:
    rows = INVARIANT.findall((DOCS / "serena.md").read_text("utf-8"))
    numbers = [number for number, _ in rows]
    assert numbers == [f"I-{i}" for i in range(1, len(rows) + 1)]
    assert len(rows) >= 10
    collected = {item.nodeid.partition("[")[0] for item in request.session.items}
    elsewhere = [test for _, test in rows if test not in collected]
    if elsewhere:  # this run is of some files only
        run = pytest_in(ROOT, "--collect-only", *elsewhere)
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
