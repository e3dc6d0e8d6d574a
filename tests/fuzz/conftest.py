"""A server with an operator's limits, to be treated badly."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.clients.servers import Door, open_door

LIMITS = """
[http]
max_body_mb = 16
log_requests = true
[backend]
zero_cost = true
[limits]
max_pixels = 1048576
max_images = 4
max_steps = 150
[jobs]
keep = 10
"""
USER, PASSWORD, KEY = "ann", "pa:ss,word-4711", "key-0123456789abcdef"
GUARDED = f"""
[http]
users = ["{USER}:{PASSWORD}"]
api_keys = ["{KEY}"]
log_requests = true
"""
RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("fuzzed") / "data", LIMITS) as opened:
        yield opened


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(
        tmp_path_factory.mktemp("guarded") / "data", GUARDED, Authorization=f"Bearer {KEY}"
    ) as opened:
        yield opened


def busy_seconds(door: Door) -> float:
    """Processor time that the server has used."""
    with open(f"/proc/{door.server.process.pid}/stat", encoding="ascii") as line:
        fields = line.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(door: Door) -> float:
    """Memory of the server process in MiB."""
    status = f"/proc/{door.server.process.pid}/status"
    with open(status, encoding="ascii") as lines:
        found = RESIDENT.search(lines.read())
    assert found
    return int(found[1]) / 1024
