"""For receivers of webhooks: whether one comes from the server that shares the secret."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

from adapters.client.models import JobView

TOLERANCE = 300.0


def verified_job(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    clock: Callable[[], float] = time.time,
) -> JobView:
    """The job that a webhook tells of. Raises ``ValueError`` if the signature is wrong or too old.

    ``X-Serena-Delivery`` is the same for each repetition of one webhook: keep it, to do nothing twice.

    :param headers: of the request, in any case.
    """
    given = {name.lower(): value for name, value in headers.items()}
    sent_at, signature = given.get("x-serena-timestamp", ""), given.get("x-serena-signature", "")
    digest = hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"sha256={digest}".encode(), signature.encode()):
        raise ValueError("this webhook is not signed with our secret")
    if abs(clock() - int(sent_at)) > tolerance:
        raise ValueError("this webhook was sent too long ago")
    return JobView.model_validate_json(body)
