"""``docs/reference/http.md`` is run: its commands by bash and curl, against a server in its own process."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.smoke.server import serving, wait_until_ready

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reference" / "http.md").read_text("utf-8")
ADDRESS = "127.0.0.1:7860"
HEADING = re.compile(r"^### `(GET|POST) (/\S*)`$", re.MULTILINE)
BLOCK = re.compile(r"^```sh\n(.*?)^```$(?:\s+^```text\n(.*?)\n```$)?", re.MULTILINE | re.DOTALL)
REFUSAL = re.compile(r"\n([45]\d\d)$")
OTHER_PAGES = ("/api/v1/", "/v1/")
"""Routes that have a page of their own, which another test holds against the code."""
TIMEOUT = 20


@dataclass(frozen=True)
class Shown:
    """A command with what the page shows of its answer; ``refused`` if that ends with a 4xx or a 5xx."""

    command: str
    answer: str

    @property
    def refused(self) -> bool:
        return REFUSAL.search(self.answer) is not None

    def fits(self, answer: str) -> bool:
        """Whether ``answer`` is what the page shows, where ``…`` stands for anything."""
        parts = (re.escape(part) for part in self.answer.split("…"))
        return re.fullmatch(".*".join(parts), answer.strip(), re.DOTALL) is not None


PREPARATION, *SHOWN = (Shown(command, answer) for command, answer in BLOCK.findall(TEXT))
SECTIONS = HEADING.split(TEXT)[1:]
ROUTES = list(zip(SECTIONS[::3], SECTIONS[1::3], SECTIONS[2::3], strict=True))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data")) as server:
        with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
            wait_until_ready(client)
        yield server.url.removeprefix("http://")


@pytest.fixture(scope="module")
def folder(address: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page's first block puts there."""
    if shutil.which("curl") is None:
        pytest.fail("this test runs the commands of docs/reference/http.md: install curl (7.76 or newer)")
    folder = tmp_path_factory.mktemp("reader")
    run = bash(PREPARATION.command, address, folder)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def bash(command: str, address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = command.replace(ADDRESS, address)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def routes_served(address: str) -> set[tuple[str, str]]:
    paths = httpx.get(f"http://{address}/openapi.json", timeout=TIMEOUT).raise_for_status().json()["paths"]
    here = {path: methods for path, methods in paths.items() if not path.startswith(OTHER_PAGES)}
    return {(method.upper(), path) for path, methods in here.items() for method in methods}


@pytest.mark.parametrize("shown", SHOWN, ids=[f"{method} {path}" for method, path, _ in ROUTES])
def test_the_command_answers_what_the_page_shows(shown: Shown, address: str, folder: Path) -> None:
    run = bash(shown.command, address, folder)
    assert run.returncode == 0, run.stdout[:2000] + run.stderr
    assert shown.fits(run.stdout), f"answered: {run.stdout[:2000]}"


def test_every_command_fails_when_the_answer_is_another_status() -> None:
    """By curl's flag, or because the status is printed and compared."""
    for shown in (PREPARATION, *SHOWN):
        assert ("%{http_code}" in shown.command) == shown.refused
        assert ("--fail-with-body" in shown.command) != shown.refused


def test_every_route_is_on_the_page_and_the_page_has_no_other(address: str) -> None:
    named = [(method, path) for method, path, _ in ROUTES]
    assert set(named) == routes_served(address)
    assert len(named) == len(set(named))


@pytest.mark.parametrize(("method", "path", "section"), ROUTES)
def test_each_section_calls_its_route(method: str, path: str, section: str) -> None:
    ((command, answer),) = BLOCK.findall(section)
    urls = re.findall(rf"{re.escape(ADDRESS)}([^\s'?]+)", command)
    assert urls == [path]
    assert ("-X POST" in command or "-d '" in command) == (method == "POST")
    assert answer


def test_what_is_left_out_is_all_that_may_differ() -> None:
    shown = Shown("", '{"a":…,"b":1,…')
    assert shown.fits('{"a":7,"b":1,"c":2}\n')
    assert not shown.fits('{"a":7,"b":2,"c":2}')
    assert not Shown("", "{}\n404").fits("{}\n200")
