"""Every door goes through the runner where jobs run in a child process, too: the same suites once more."""

from __future__ import annotations

import pytest

from tests.quality import (
    test_api_runner_contract,
    test_cli_runner_contract,
    test_python_runner_contract,
    test_worker_runner_contract,
)
from tests.quality.apart import Apart


class TestWorkerApart(Apart, test_worker_runner_contract.TestWorker):
    """A job in the store."""


@pytest.mark.faults
class TestHttpApart(Apart, test_api_runner_contract.TestHttp):
    """Real HTTP."""


@pytest.mark.faults
class TestCommandLineApart(Apart, test_cli_runner_contract.TestCommandLine):
    """``serena txt2img``."""


@pytest.mark.faults
class TestPythonApart(Apart, test_python_runner_contract.TestPython):
    """``from serena import Serena``."""
