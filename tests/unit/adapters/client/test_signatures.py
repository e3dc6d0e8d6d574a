from __future__ import annotations

import pytest

from adapters.client.models import JobView
from adapters.client.signatures import verified_job
from adapters.webhooks import signature
from tests.unit.adapters.client.conftest import DONE

BODY = JobView.model_validate(DONE).model_dump_json().encode()
NOW = 1000.0


def headers(secret: str = "s", sent_at: str = "1000") -> dict[str, str]:
    return {
        "X-Serena-Timestamp": sent_at,
        "x-serena-signature": signature(secret.encode(), sent_at, BODY),
    }


def test_a_webhook_of_ours() -> None:
    assert verified_job(headers(), BODY, "s", clock=lambda: NOW).state == "succeeded"


def test_webhooks_of_others() -> None:
    for wrong in (headers("other"), {}, {**headers(), "X-Serena-Timestamp": "1001"}):
        with pytest.raises(ValueError, match="not signed"):
            verified_job(wrong, BODY, "s", clock=lambda: NOW)
    with pytest.raises(ValueError, match="not signed"):
        verified_job(headers(), BODY + b" ", "s", clock=lambda: NOW)


def test_a_webhook_that_is_sent_once_more_later() -> None:
    with pytest.raises(ValueError, match="too long ago"):
        verified_job(headers(), BODY, "s", clock=lambda: NOW + 301)
