from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from serena._origins import HOME, complaint


def spec(name: str, *folders: str) -> ModuleSpec:
    found = ModuleSpec(name, None, is_package=bool(folders))
    if folders:
        found.submodule_search_locations = list(folders)
    return found


def test_ours_are_found_beside_serena() -> None:
    assert complaint() is None


def test_a_shadowed_package_is_named_with_both_places() -> None:
    def find(name: str) -> ModuleSpec | None:
        return spec(name, "/elsewhere/adapters") if name == "adapters" else find_spec(name)

    sentence = complaint(find=find)
    assert sentence is not None
    assert "'adapters' is taken from /elsewhere/adapters" in sentence
    assert str(HOME / "adapters") in sentence


def test_a_module_of_that_name_counts() -> None:
    def find(name: str) -> ModuleSpec | None:
        found = spec(name)
        found.origin = f"/elsewhere/{name}.py"
        return found

    assert "/elsewhere/core.py" in (complaint(find=find) or "")


def test_a_missing_package_is_named() -> None:
    assert "'core' is missing" in (complaint(find=lambda name: None) or "")
    assert "'core' is missing" in (complaint(find=spec) or "")


def test_the_command_stops_before_it_imports_the_other(tmp_path: Path) -> None:
    other = tmp_path / "adapters"
    other.mkdir()
    (other / "__init__.py").write_text("raise SystemExit('the other was imported')\n")
    done = subprocess.run(
        [sys.executable, "-m", "serena", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{HOME}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"'adapters' is taken from {other.resolve()}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
