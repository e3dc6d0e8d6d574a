"""The rules of importlinter.ini hold."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys

from tests.architecture.source_tree import ROOT, SHIPPED, sources

RUN_LINTER = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def test_every_import_rule_is_kept() -> None:
    command = [sys.executable, "-c", RUN_LINTER, "--config", "importlinter.ini", "--no-cache"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_rules_cover_every_shipped_package() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "importlinter.ini", encoding="utf-8")
    assert sorted(config["importlinter"]["root_packages"].split()) == sorted(SHIPPED)


def test_no_folder_hides_from_the_linter() -> None:
    """The linter silently passes over folders without an ``__init__.py``."""
    folders = {(ROOT / source.name).parent for source in sources(*SHIPPED)}
    assert sorted(f.relative_to(ROOT).as_posix() for f in folders if not (f / "__init__.py").exists()) == []
