"""The commands of ``docs/reference/api-v1.md`` and the example of ``client.md`` are run, in order."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.smoke.server import serving, wait_until_ready
from tests.smoke.test_http_page import ADDRESS

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
API, CLIENT = ((REFERENCE / name).read_text("utf-8") for name in ("api-v1.md", "client.md"))
COMMAND = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(GET|POST|DELETE) (/api/v1/\S*)` \|", re.MULTILINE)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data")) as server:
        with httpx.Client(base_url=server.url, timeout=20) as client:
            wait_until_ready(client)
        yield server.url


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_commands_work_one_after_the_other(url: str, tmp_path: Path) -> None:
    commands = [command.replace(ADDRESS, url.removeprefix("http://")) for command in COMMAND.findall(API)]
    done = run(["bash", "-euo", "pipefail", "-c", "\necho; echo =====\n".join(commands)], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = done.stdout.split("\n=====\n")
    assert len(answers) == len(commands)
    assert "event: end" in done.stdout
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert answers[-1].strip().endswith("404 application/problem+json")


def test_every_route_is_in_the_table(url: str) -> None:
    paths = httpx.get(f"{url}/openapi.json", timeout=20).json()["paths"]
    served = {(m.upper(), path) for path, item in paths.items() if path.startswith("/api/v1/") for m in item}
    assert sorted(ROW.findall(API)) == sorted(served)


def test_the_clients_examples_work(url: str, tmp_path: Path) -> None:
    program = "\n".join(EXAMPLE.findall(CLIENT)).replace(f"http://{ADDRESS}", url)
    done = run([sys.executable, "-c", program], tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "circle-0.png").read_bytes().startswith(b"\x89PNG")
