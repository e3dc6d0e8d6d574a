"""The installed ``serena`` command, in processes of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

LINE = re.compile(r"^(?P<path>.+\.png)  seed 7  64x64  [0-9.]+ s$", re.MULTILINE)
SMALL = ("--width=64", "--height=64", "--steps=4", "--seed=7", "--backend=fake")
HEAVY = ("torch", "fastapi", "numpy", "diffusers")


def serena(*arguments: str, cwd: Path, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *python, "-m", "serena", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1"},
    )


def test_txt2img_writes_a_picture_with_its_infotext(tmp_path: Path) -> None:
    run = serena("txt2img", "a red circle", *SMALL, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    found = LINE.search(run.stdout)
    assert found, run.stdout
    path = tmp_path / found["path"]
    assert re.fullmatch(
        r"outputs/txt2img-images/\d{4}-\d\d-\d\d/00000-7\.png", path.relative_to(tmp_path).as_posix()
    )
    with Image.open(path) as image:
        assert image.size == (64, 64)
        assert image.info["parameters"].startswith("a red circle\nSteps: 4, Sampler: Euler")


def test_help_is_light(tmp_path: Path) -> None:
    run = serena("--help", cwd=tmp_path, python=("-X", "importtime"))
    assert run.returncode == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in run.stderr.splitlines()}
    assert imported & set(HEAVY) == set()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("txt2img", "x", *SMALL, "--width=0"), 2, "width"),
        (("txt2img", "x", *SMALL, "--sampler=nobody"), 2, "Sampler not found"),
        (("txt2img", "x", "--backend=nobody"), 1, "nobody"),
        (("img2img", "x", "--init=missing.png", *SMALL), 2, "missing.png"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    run = serena(*arguments, cwd=tmp_path)
    assert run.returncode == code, run.stderr
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "outputs").exists()
