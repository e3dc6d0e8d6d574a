"""Every recorded odd request gets the reference's answer, or a row of ``differences.json`` says why not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.http.replay import CASES, DIFFERENCES, ask, comparable, shown
from tests.unit.adapters.http.conftest import Client


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_the_answer_is_the_references_or_a_named_difference(
    real_client: Client, case: dict[str, Any]
) -> None:
    answer = ask(real_client, case)
    ours = {"status": answer.status_code, "body": comparable(shown(answer))}
    reference = {"status": case["status"], "body": comparable(case["body"])}
    row = DIFFERENCES.get(case["case"], {"reference": reference, "ours": reference})
    assert row["reference"] == reference
    assert ours == row["ours"]


def test_every_difference_is_of_a_recorded_case_real_and_explained() -> None:
    assert set(DIFFERENCES) <= {case["case"] for case in CASES}
    for row in DIFFERENCES.values():
        assert list(row) == ["case", "reference", "ours", "why"]
        assert row["ours"] != row["reference"]
        assert len(row["why"]) > 20
