from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from adapters.cli.app import create_cli
from adapters.cli.errors import run
from tests.unit.adapters.cli.fakes import FakeHost


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Serena = Callable[..., Answer]


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def serena(host: FakeHost, capsys: pytest.CaptureFixture[str]) -> Serena:
    """The command on the fake host: call it with its arguments."""

    def call(*argv: str, on: FakeHost | None = None) -> Answer:
        code = run(create_cli(on or host), argv)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call
