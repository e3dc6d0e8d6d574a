"""docs/reference/clients.md says what these tests found, here and now. It runs last."""

from __future__ import annotations

import json

from tests.clients.ledger import PAGE, Ledger, Line, rows_of, written
from tests.clients.replay import RECORDED


def test_the_table_says_what_the_tests_found(ledger: Ledger) -> None:
    rows = rows_of(PAGE.read_text("utf-8"))
    wrong = [line.row() for line in ledger.complete() if rows.get(line.name) != line.row()]
    assert wrong == [], "write it with `make test-clients`"


def test_no_client_is_listed_that_has_no_test(ledger: Ledger) -> None:
    if len(ledger.lines) > 1:
        assert sorted(rows_of(PAGE.read_text("utf-8"))) == sorted(ledger.lines)


def test_each_recording_is_of_a_client_in_the_table() -> None:
    named = {json.loads(path.read_text("utf-8"))["client"] for path in RECORDED.glob("*.json")}
    rows = rows_of(PAGE.read_text("utf-8"))
    assert [name for name in sorted(named) if not any(name in row for row in rows)] == []


def test_a_failure_shows() -> None:
    line = Line("a client", "as it is", asked=2, passed=["drawing"], failed=["lists"])
    page = written("# Title\n\n| client | how it was run | what passed |\n|---|---|---|\n", [line])
    assert page.endswith("\n| a client | as it is | drawing; **failed**: lists |\n")
    assert rows_of(page) == {"a client": line.row()}
