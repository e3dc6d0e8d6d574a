from __future__ import annotations

import base64
import hashlib
import re

from adapters.http.documents import page
from tests.unit.adapters.http.conftest import Client


def test_the_page_asks_no_other_server(client: Client) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert not re.findall(r"https?://", answer.text)
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_its_own_script_and_style_are_let_run() -> None:
    text, policy = page()
    for tag in ("script", "style"):
        inside = text.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_it_puts_texts_in_as_texts() -> None:
    text, _ = page()
    assert "innerHTML" not in text
    assert "document.write" not in text


def test_the_document_is_modern_and_made_once(client: Client) -> None:
    first = client.get("/openapi.json").json()
    assert first["openapi"].startswith("3.1")
    assert client.api.openapi() is client.api.openapi()


def test_nothing_of_the_frameworks_own_pages_is_left(client: Client) -> None:
    assert client.get("/redoc").status_code == 404
