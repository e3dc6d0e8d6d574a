"""What all tests share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

pytest.register_assert_rewrite("contracts")

REASONS = {
    "gpu": "they need a CUDA device (make test-gpu)",
    "upscale": "they need the extra upscale (make test-upscale)",
    "slow": "they take more than a minute (make test-all)",
    "node": "they run clients from npm in node, and fetch them (make test-clients)",
}
LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        left_out = item.config.stash.setdefault(LEFT_OUT, Counter())
        left_out.update(marker for marker in REASONS if item.get_closest_marker(marker))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which tests were not run, and why."""
    for marker, count in sorted(config.stash.get(LEFT_OUT, Counter()).items()):
        terminalreporter.write_line(f"{count} tests deselected by the marker {marker}: {REASONS[marker]}")
