"""What all tests share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.machine import lacking

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

pytest.register_assert_rewrite("contracts")

REASONS: Final = {
    "gpu": "they need a CUDA device (make test-gpu)",
    "upscale": "they need the extra upscale (make test-upscale)",
    "node": "they run clients from npm in node, and fetch them (make test-clients)",
}
LACKING: Final = dict(lacking())
LEFT_OUT: Final = pytest.StashKey[Counter[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run; the summary says so."""
    out = {item for item in items if any(item.get_closest_marker(marker) for marker in LACKING)}
    if out:
        config.hook.pytest_deselected(items=list(out))
        items[:] = [item for item in items if item not in out]


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        left_out = item.config.stash.setdefault(LEFT_OUT, Counter())
        left_out.update(marker for marker in REASONS | LACKING if item.get_closest_marker(marker))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which tests were not run, and why."""
    for marker, count in sorted(config.stash.get(LEFT_OUT, Counter()).items()):
        reason = LACKING.get(marker) or REASONS[marker]
        terminalreporter.write_line(f"{count} tests deselected by the marker {marker}: {reason}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """A file stays in one process, so that what it opens is opened once; the clients stay in one together,
    for the table at their end says what all of them found."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "tests/clients" if file.startswith("tests/clients/") else file

    return Together(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process among several tells the first what it left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash.get(LEFT_OUT, Counter()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each process has collected all tests, so any one's counts are everybody's."""
    if left_out := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[LEFT_OUT] = Counter(left_out)
