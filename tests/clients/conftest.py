"""Servers that the clients talk to, and the table of what they found."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import httpx
import pytest

from tests.clients.ledger import PAGE, Ledger, write
from tests.clients.servers import Door, open_door

LEDGER = pytest.StashKey[Ledger]()
WRITE = "SERENA_WRITE_CLIENT_TABLE"
ASKED = {"prompt": "a red circle", "width": 64, "height": 64, "steps": 4, "seed": 7}
USER, PASSWORD, KEY = "ann", "pa:ss,word", "key-0123456789abcdef"
GUARDED = f"""
[http]
users = ["{USER}:{PASSWORD}", "bob:other"]
api_keys = ["{KEY}"]
"""
OPEN_TO_PAGES = """
[http]
cors_origins = ["https://lite.koboldai.net"]
"""
SLOW = """
[backend]
step_seconds = 0.05
"""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEDGER] = Ledger()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Count before markers deselect; the test of the table comes last, when all others have ended."""
    config.stash[LEDGER].expect(items)
    items.sort(key=lambda item: item.path.name == "test_table.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.failed:
        item.config.stash[LEDGER].record(item, report.passed)
    return report


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    """What the tests before found; written into the table first, where that is asked for."""
    found = pytestconfig.stash[LEDGER]
    if os.environ.get(WRITE):
        write(PAGE, found.complete())
    return found


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server as it comes: no passwords, no pages of other sites."""
    with open_door(tmp_path_factory.mktemp("plain")) as opened:
        yield opened


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server that asks for a password or a key; its client has the key."""
    with open_door(tmp_path_factory.mktemp("guarded"), GUARDED, Authorization=f"Bearer {KEY}") as opened:
        yield opened


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server that lets one page of another site call."""
    with open_door(tmp_path_factory.mktemp("shared"), OPEN_TO_PAGES) as opened:
        yield opened


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server whose steps take long enough to be watched and stopped."""
    with open_door(tmp_path_factory.mktemp("slow"), SLOW) as opened:
        yield opened


@pytest.fixture(scope="session")
def guarded_slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(
        tmp_path_factory.mktemp("guarded-slow"), GUARDED + SLOW, Authorization=f"Bearer {KEY}"
    ) as opened:
        yield opened


@pytest.fixture(scope="session")
def drawn(door: Door) -> str:
    """A picture in base64."""
    picture = door.post("/sdapi/v1/txt2img", ASKED)["images"][0]
    assert isinstance(picture, str)
    return picture


@pytest.fixture(scope="session")
def title(door: Door) -> str:
    """The title of the only checkpoint."""
    found = door.get("/sdapi/v1/sd-models")[0]["title"]
    assert isinstance(found, str)
    return found


@pytest.fixture
def idle(slow: Door) -> Iterator[Door]:
    """The slow server with nothing to do, before and after."""
    yield slow
    with httpx.Client(base_url=slow.url, trust_env=False) as client:
        client.post("/sdapi/v1/interrupt")
