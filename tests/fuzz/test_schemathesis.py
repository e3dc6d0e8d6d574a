"""schemathesis against the document that the server gives out: no 500, no hang, no growth."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.servers import Door
from tests.fuzz.conftest import resident_mb

SECONDS = int(os.environ.get("SERENA_FUZZ_SECONDS", "30"))
WARM_UP = 10
SLOWEST = 10
GROWTH_MB = 48
"""What the run may add once the first pass has filled every cache; a leak of a picture each adds more."""
CONFIG = Path(__file__).with_name("schemathesis.toml")
ENOUGH, RUNS = 200, 5
"""Requests that say something, and how many runs of their time may go into reaching them."""
COUNT = re.compile(r"(\d+) generated, (\d+) passed")


def counted(summary: str) -> tuple[int, int]:
    """How many requests were made, and how many of their answers passed."""
    asked, passed = COUNT.findall(summary)[-1]
    return int(asked), int(passed)


def run(door: Door, seconds: int, seed: int, cwd: Path) -> str:
    """schemathesis' summary."""
    found = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run",
            f"{door.url}/openapi.json", "--max-time", str(seconds), "--seed", str(seed),
            "--phases", "coverage,fuzzing", "--max-examples", str(max(30, seconds)), "--continue-on-failure",
            "--checks", "not_a_server_error", "--max-response-time", str(SLOWEST),
            "--request-timeout", str(3 * SLOWEST), "--generation-database", "none", "--no-color",
        ],
        cwd=cwd, capture_output=True, text=True, timeout=seconds + 120, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr[-2000:]
    return found.stdout


@pytest.mark.timeout(0)
def test_the_whole_api_survives(door: Door, tmp_path: Path) -> None:
    run(door, WARM_UP, 1, tmp_path)
    before = resident_mb(door)
    asked = passed = 0
    for seed in range(2, 2 + RUNS):  # a second one only where the machine is busy
        summary = run(door, SECONDS - WARM_UP, seed, tmp_path)
        print(summary[summary.find("= SUMMARY =") :])  # noqa: T201
        asked, passed = (a + b for a, b in zip((asked, passed), counted(summary), strict=True))
        if asked > ENOUGH:
            break
    assert asked == passed > ENOUGH
    assert "Traceback" not in door.log()
    assert door.client.get("/health/ready").status_code == 200
    grown = resident_mb(door) - before
    assert grown < GROWTH_MB, f"the server grew by {grown:.0f} MiB over {asked} requests"
    assert [path.name for path in door.data_dir.parent.iterdir()] == [door.data_dir.name]
