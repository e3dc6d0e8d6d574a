"""A backend as a package of its own: the example of the tutorial."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

from serena.testing import SerenaServer, serena_server
from tests.architecture.source_tree import ROOT
from tests.integration.test_plugin_packages import BLOCK, installed, passes

__all__ = ["serena_server"]

EXAMPLE = ROOT / "docs" / "examples" / "serena-remote-backend"
TUTORIAL = (ROOT / "docs" / "tutorials" / "first_backend.md").read_text("utf-8")


def test_the_example_passes_its_tests() -> None:
    assert "18 passed" in passes(EXAMPLE)


def test_the_example_is_the_tutorials_code() -> None:
    blocks = {found[1]: found[0].split("\n", 1)[1].rsplit("\n", 1)[0] for found in BLOCK.finditer(TUTORIAL)}
    assert sorted(blocks) == [
        "conftest.py",
        "pyproject.toml",
        "serena_remote_backend.py",
        "test_serena_remote_backend.py",
    ]
    for name, text in blocks.items():
        assert text == (EXAMPLE / name).read_text("utf-8").rstrip(), name


def test_it_draws_when_it_is_installed_and_named(tmp_path: Path, serena_server: SerenaServer) -> None:
    command = ["txt2img", "a cat", "--backend", "remote", "--width", "64", "--height", "64", "--steps", "2"]
    told = subprocess.run(
        [sys.executable, "-m", "serena", *command, "--data-dir", str(tmp_path / "data")],
        cwd=tmp_path,
        env={**installed(EXAMPLE, tmp_path / "site"), "SERENA_REMOTE_URL": serena_server()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    [picture] = (tmp_path / "data").rglob("*.png")
    with Image.open(picture) as image:
        assert image.size == (64, 64)
        assert re.search(r"Model: remote\b", str(image.info["parameters"]))
