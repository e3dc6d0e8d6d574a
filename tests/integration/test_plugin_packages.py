"""Plugins as packages of their own: what ``serena plugins new`` writes, and the example of the tutorial."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from adapters.cli.scaffold import files_of, write_plugin
from core.domain.errors import InvalidValue, StorageError
from tests.architecture.bare_pytest import pytest_in
from tests.architecture.source_tree import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "serena-sepia"
TUTORIAL = (ROOT / "docs" / "tutorials" / "first_plugin.md").read_text("utf-8")
BLOCK = re.compile(r"^```(?:python|toml)\n# (\S+)\n.*?^```$", re.MULTILINE | re.DOTALL)


def passes(folder: Path) -> str:
    """The tests of a package, as its author runs them."""
    run = pytest_in(folder, environ={"PYTHONPATH": str(ROOT)})
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    return run.stdout


def installed(package: Path, site: Path) -> dict[str, str]:
    """The environment of a process in which the package is installed, without asking an installer."""
    project = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head)
    groups = project["entry-points"].items()
    points = [f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in of.items()) for group, of in groups]
    (info / "entry_points.txt").write_text("".join(points))
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(package), str(ROOT)))}


def test_a_new_plugin_passes_its_tests_at_once(tmp_path: Path) -> None:
    folder = write_plugin("night-sky", tmp_path)
    assert "5 passed" in passes(folder)


def test_the_example_passes_its_tests() -> None:
    assert "7 passed" in passes(EXAMPLE)


def test_the_example_is_the_tutorials_code() -> None:
    blocks = {found[1]: found[0].split("\n", 1)[1].rsplit("\n", 1)[0] for found in BLOCK.finditer(TUTORIAL)}
    assert sorted(blocks) == ["conftest.py", "pyproject.toml", "serena_sepia.py", "test_serena_sepia.py"]
    for name, text in blocks.items():
        assert text == (EXAMPLE / name).read_text("utf-8").rstrip(), name


def test_the_example_is_found_when_it_is_installed(tmp_path: Path) -> None:
    listing = subprocess.run(
        [sys.executable, "-m", "serena", "plugins", "--json"],
        cwd=tmp_path,
        env=installed(EXAMPLE, tmp_path / "site"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    [row] = json.loads(listing.stdout)
    assert (row["name"], row["distribution"], row["version"]) == ("sepia", "serena-sepia", "1.0.0")
    assert (row["hooks"], row["error"]) == (["serena_image"], None)


@pytest.mark.parametrize("name", ["", "Sepia", "a b", "../x", "-a", "a--b", "1a", "class/x"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="small letters and digits"):
        files_of(name)


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    write_plugin("sepia", tmp_path)
    with pytest.raises(StorageError, match=r"cannot make .*serena-sepia: File exists"):
        write_plugin("sepia", tmp_path)


def test_the_scripts_of_the_reference_page_run(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text("utf-8")
    code = page.partition("## Scripts")[2].partition("```python\n")[2].partition("```")[0]
    (tmp_path / "ladder.py").write_text(code)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["serena.testing"]\n')
    (tmp_path / "test_ladder.py").write_text(
        "import sys\nsys.path.insert(0, '.')\nimport ladder\n\n\n"
        "def test_it(serena_app):\n"
        "    drawn = serena_app(ladder).txt2img(\n"
        "        'a cat', width=64, height=64, steps=1, seed=1, script_name='steps ladder', script_args=[2]\n"
        "    )\n"
        "    assert [text.count('Steps: 2') for text in drawn.infotexts] == [0, 1]\n"
    )
    assert "1 passed" in passes(tmp_path)
