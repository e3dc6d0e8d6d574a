"""The option --golden-dir and the fixtures over the folder it names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.golden.cases import Golden, golden_of, oracle_dir


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-dir", metavar="DIR", default=None, help="folder of golden values")


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Golden:
    """The folder of golden values of this run."""
    return golden_of(request.config)


@pytest.fixture(scope="session")
def oracle_sigmas() -> Any:
    """oracle/sigmas.json: the model's sigmas, every schedule at some n, sigma to timestep."""
    return json.loads((oracle_dir() / "sigmas.json").read_text(encoding="utf-8"))
