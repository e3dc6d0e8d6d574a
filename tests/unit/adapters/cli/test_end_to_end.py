"""``python -m serena`` as a person runs it, on the fake backend."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("adapters.bootstrap")

ROOT = Path(__file__).resolve().parents[4]
SMALL = ("--width", "64", "--height", "64", "--steps", "2")
SAVED = re.compile(r"outputs/txt2img-images/\d{4}-\d{2}-\d{2}/\d{5}-7\.png  seed 7  64x64  \d+\.\d\d s\n")


WRONG = (
    ("--sampler", "nope"),
    ("--scheduler", "nope"),
    ("--model", "nope"),
    ("--option", "nope=1"),
    ("--width", "0"),
    ("--height", "10000000"),
    ("--steps", "-1"),
    ("--cfg-scale", "nan"),
)
LISTINGS = ("models", "plugins", "backends", "doctor", "version")
ONE_AFTER_ANOTHER = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from adapters.bootstrap import main

answers = []
for argv in json.loads(sys.argv[1]):
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(argv)
    answers.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SERENA_")}
    return {**kept, "PYTHONPATH": str(ROOT), "SERENA_BACKEND__NAME": "fake", **more}


def serena(folder: Path, *argv: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "serena", *argv]
    return subprocess.run(
        command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=60, check=False
    )


def in_one_process(folder: Path, commands: Iterable[Sequence[str]]) -> list[Answer]:
    """What each command answers; starting a process costs more than most of them do."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(list(commands))],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Answer(*answer) for answer in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, str], Answer]]:
    """The folder it was asked in, and the answer to each wrong wish."""
    folder = tmp_path_factory.mktemp("refused")
    answers = in_one_process(folder, [("txt2img", "a cat", *SMALL, *wish) for wish in WRONG])
    return folder, dict(zip(WRONG, answers, strict=True))


@pytest.fixture(scope="module")
def listings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    answers = in_one_process(tmp_path_factory.mktemp("listed"), [(name, "--json") for name in LISTINGS])
    return dict(zip(LISTINGS, answers, strict=True))


def test_txt2img_writes_the_picture_it_names(tmp_path: Path) -> None:
    done = serena(tmp_path, "txt2img", "a cat", "--seed", "7", *SMALL)
    assert done.returncode == 0, done.stderr
    assert SAVED.fullmatch(done.stdout), done.stdout
    with Image.open(tmp_path / done.stdout.split("  ")[0]) as picture:
        assert picture.size == (64, 64)
        assert "Seed: 7" in picture.info["parameters"]


def test_img2img_starts_from_a_file(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "init.png")
    done = serena(tmp_path, "img2img", "a cat", "--init", "init.png", "--json", *SMALL)
    assert done.returncode == 0, done.stderr
    (image,) = json.loads(done.stdout)["images"]
    assert image["path"].startswith("outputs/img2img-images/")
    assert (tmp_path / image["path"]).is_file()


@pytest.mark.parametrize("wish", WRONG)
def test_what_is_asked_wrongly_is_one_sentence(
    refused: tuple[Path, dict[tuple[str, str], Answer]], wish: tuple[str, str]
) -> None:
    folder, answers = refused
    done = answers[wish]
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1].startswith("serena: ")
    assert not (folder / "outputs").exists()


def test_a_file_that_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "init.png").write_bytes(b"not a picture")
    done = serena(tmp_path, "img2img", "a cat", "--init", "init.png", *SMALL)
    assert done.returncode == 2
    assert "serena: init.png: " in done.stderr


def test_an_unknown_backend(tmp_path: Path) -> None:
    done = serena(tmp_path, "txt2img", "a cat", *SMALL, "--backend", "nope")
    assert done.returncode in (1, 2)
    assert "fake" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", LISTINGS)
def test_every_listing_has_json(listings: dict[str, Answer], command: str) -> None:
    done = listings[command]
    assert done.code == 0, done.err
    json.loads(done.out)


def test_help_is_light(tmp_path: Path) -> None:
    done = serena(tmp_path, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "fastapi", "diffusers"}


def test_ctrl_c_ends_with_130_and_soon(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "serena", "txt2img", "a cat", *SMALL, "--steps", "80"]
    slow = environment(SERENA_BACKEND__STEP_SECONDS="0.1", PYTHONUNBUFFERED="1")
    with subprocess.Popen(
        command, cwd=tmp_path, env=slow, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        a_quarter = next((line for line in process.stderr if line.startswith(b"a cat: ")), b"")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert a_quarter.startswith(b"a cat: "), err
    assert process.returncode == 130, err
    assert b"Traceback" not in err
