"""The fault bench in small: what it counts as lost, duplicated, stuck and wrongly hit is nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench import cancels, faults, kills
from bench.kills import Books
from bench.load import measure, render


def test_killed_servers_lose_nothing(tmp_path: Path) -> None:
    books = kills.servers(tmp_path / "data", 5, 60, random.Random(1))
    assert books.accepted
    assert (books.lost, books.duplicated, books.stuck, books.failed) == (0, 0, 0, 0)


def test_racing_cancels_hit_those_that_are_meant(tmp_path: Path) -> None:
    race = cancels.race(tmp_path, 200)
    assert race.cancels >= 200
    assert (race.wrong, race.stopped > 0) == (0, True)


def test_the_books_see_what_goes_wrong() -> None:
    books = Books("server")
    books.accept(1, "a")
    books.accept(2, "b")
    books.accept(2, "c")
    books.accept(3, "d")
    books.states = {"a": "succeeded", "b": "running", "e": "failed"}
    books.files.update({2: 2})
    assert (books.lost, books.duplicated, books.stuck, books.failed) == (2, 2, 1, 1)


@pytest.mark.faults
def test_the_whole_bench_in_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert faults.main(["--quick"]) == 0
    assert "WRONG" not in capsys.readouterr().out


@pytest.mark.faults
def test_the_load_bench_in_small(tmp_path: Path) -> None:
    rates = measure(tmp_path, (2,), 0.5)
    assert [rate.clients for rate in rates] == [2, 2, 2]
    assert all(rate.answers for rate in rates)
    assert render(rates).row_count == 3
