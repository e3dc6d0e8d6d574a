"""What comes over the network from those who should not send it (C.2, 13 to 19)."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.clients.conftest import ASKED
from tests.clients.servers import Door, open_door
from tests.clients.test_rules import raw
from tests.fuzz.conftest import KEY, PASSWORD, USER
from tests.smoke.server import serving

S = "/sdapi/v1"
CHANGING = (f"{S}/txt2img", f"{S}/img2img", f"{S}/options", f"{S}/interrupt", f"{S}/unload-checkpoint",
            f"{S}/server-stop", f"{S}/refresh-checkpoints", "/controlnet/detect")  # fmt: skip
PUBLIC = {"/health/live"}
ODD_PATHS = (
    "//sdapi/v1/options", "/health/live/../../sdapi/v1/options", "/health/live%2f..%2foptions",
    "/health/live;/sdapi/v1/options", "/sdapi/v1/options?/health/live",
)  # fmt: skip


class Canary(BaseHTTPRequestHandler):
    """Notes who asks."""

    visits: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.visits.append(self.path)
        self.send_response(302 if "redirect" in self.path else 404)
        self.send_header("Location", "http://127.0.0.1/")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def canary() -> Iterator[int]:
    """The port of a server on this machine that nobody may be made to ask."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()
    assert Canary.visits == []


@pytest.fixture(scope="module")
def fetching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server whose operator lets it fetch pictures."""
    data_dir = tmp_path_factory.mktemp("fetching")
    (data_dir / "serena-options.json").write_text(json.dumps({"api_enable_requests": True}), encoding="utf-8")
    with open_door(data_dir) as opened:
        assert opened.get(f"{S}/options")["api_enable_requests"] is True
        yield opened


def urls(port: int) -> list[str]:
    hosts = (
        "127.0.0.1", "localhost", "0.0.0.0", "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "public.example@127.0.0.1", "[::]", "LOCALHOST.",
    )  # fmt: skip
    odd = (
        "http://127.0.0.1\\@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://",
        "http:///x",
        "http://[::",
    )
    metadata = ("http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://[fd00::1]/",
                "http://10.0.0.1/", "http://192.168.0.1/", "http://[fe80::1%25lo]/")  # fmt: skip
    return [f"http://{host}:{port}/x.png" for host in hosts] + list(odd) + list(metadata)


def refused_picture(door: Door, url: str) -> httpx.Response:
    answer = door.client.post(f"{S}/img2img", json={**ASKED, "init_images": [url]})
    assert answer.status_code == 422, f"{url}: {answer.status_code} {answer.text[:300]}"
    return answer


def test_attack_13_pictures_are_not_fetched_by_default(door: Door, canary: int) -> None:
    for url in urls(canary):
        refused_picture(door, url)
    assert refused_picture(door, f"http://127.0.0.1:{canary}/").json()["detail"] == "Requests not allowed"
    for name in ("api_enable_requests", "api_forbid_local_requests"):
        before = door.get(f"{S}/options")[name]
        door.client.post(f"{S}/options", json={name: not before})
        assert door.get(f"{S}/options")[name] is before
    asked = {
        "init_images": [f"http://127.0.0.1:{canary}/"],
        "override_settings": {"api_enable_requests": True},
    }
    assert door.client.post(f"{S}/img2img", json={**ASKED, **asked}).status_code == 422


def test_attack_13_local_pictures_are_never_fetched(fetching: Door, canary: int) -> None:
    for url in urls(canary):
        refused_picture(fetching, url)
    for scheme in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:6379/_x"):
        refused_picture(fetching, scheme)
    said = refused_picture(fetching, f"http://127.0.0.1:{canary}/x.png").json()["detail"]
    assert said == "Request to local resource not allowed"


FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_attack_14_pages_of_other_sites_change_nothing(door: Door, headers: dict[str, str]) -> None:
    for path in CHANGING:
        answer = door.client.post(path, json={}, headers=headers)
        assert answer.status_code == 403, f"{path}: {answer.status_code}"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_attack_14_forms_change_nothing(door: Door, kind: str) -> None:
    for path in CHANGING:
        answer = door.client.post(
            path,
            content='{"samples_format": "jpg"}',
            headers={"Content-Type": kind, "Origin": door.url, "Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status_code == 415, f"{path}: {answer.status_code} {answer.text[:200]}"
    assert door.get(f"{S}/options")["samples_format"] == "png"


def test_attack_14_what_is_no_attack_passes(door: Door) -> None:
    own = {"Origin": door.url, "Sec-Fetch-Site": "same-origin"}
    assert door.client.post(f"{S}/interrupt", json={}, headers=own).status_code == 200
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert door.client.get("/docs", headers=navigation).status_code == 200
    assert door.client.post(f"{S}/interrupt").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "x", ""]
)
def test_attack_15_a_foreign_host_gets_nothing(door: Door, host: str) -> None:
    where = urlsplit(door.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        text = (
            f"GET {S}/options HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(text.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert int(answer.split()[1]) in (400, 403, 421), answer[:200]
    assert "samples_format" not in answer


def test_attack_15_its_own_names_pass(door: Door) -> None:
    port = urlsplit(door.url).port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "LocalHost"):
        assert door.client.get(f"{S}/memory", headers={"Host": host}).status_code == 200, host


def test_attack_16_no_origin_is_reflected(door: Door) -> None:
    for origin in ("https://evil.example", "null", door.url):
        for method in ("GET", "OPTIONS"):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            headers = door.client.request(method, f"{S}/options", headers=asked).headers
            assert "access-control-allow-origin" not in headers
            assert "access-control-allow-credentials" not in headers


def test_attack_16_everybody_goes_without_credentials(tmp_path: Path) -> None:
    with open_door(tmp_path, '[http]\ncors_origins = ["*"]\n') as anybody:
        answer = anybody.client.get(f"{S}/options", headers={"Origin": "https://evil.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_attack_17_nobody_listens_in_the_open_without_a_password(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="nobody would need a password"),
        serving(tmp_path, "--host", "0.0.0.0"),
    ):
        pass


def test_attack_17_no_secret_in_any_answer_or_log(guarded: Door) -> None:
    with httpx.Client(base_url=guarded.url, trust_env=False) as stranger:
        answers = [stranger.get(f"{S}/options", auth=(USER, "wrong-" + PASSWORD[:4]))]
    document = guarded.get("/openapi.json")
    for path, operations in document["paths"].items():
        if "get" in operations:
            answers.append(guarded.client.get(path))
        if "post" in operations and "server-" not in path:
            answers.append(guarded.client.post(path, json={"auth": f"{USER}:{PASSWORD}", "key": KEY}))
            answers.append(guarded.client.post(path, content=f'{{"broken": "{PASSWORD}", '))
    answers.append(guarded.client.post(f"{S}/options", json={PASSWORD: KEY}))
    said = "\n".join((*(str(a.headers) for a in answers), guarded.log()))
    assert PASSWORD not in said
    assert KEY not in said
    mirrored = [a for a in answers if PASSWORD in a.text or KEY in a.text]
    assert {a.status_code for a in mirrored} <= {422}, "only what was sent wrongly is shown to who sent it"
    assert str(guarded.data_dir) not in "\n".join(a.text for a in answers)


def test_attack_18_the_server_is_not_ended_by_anybody(door: Door, guarded: Door) -> None:
    for name in ("server-stop", "server-kill", "server-restart"):
        for opened in (door, guarded):
            answer = opened.client.post(f"{S}/{name}", json={})
            assert (answer.status_code, answer.json()["detail"]) == (404, "Not Found")
            assert opened.client.get(f"{S}/{name}").status_code in (404, 405)
            assert opened.client.get("/health/live").status_code == 200


def test_attack_19_every_route_asks_for_the_password(guarded: Door) -> None:
    document = guarded.get("/openapi.json")
    routes = {(method.upper(), path) for path, found in document["paths"].items() for method in found}
    routes |= {("GET", path) for path in ("/docs", "/openapi.json", "/", "/redoc", "/nowhere")}
    routes |= {(method, f"{S}/options") for method in ("HEAD", "PUT", "DELETE", "PATCH")}
    with httpx.Client(base_url=guarded.url, trust_env=False) as stranger:
        open_to_all = {
            path for method, path in routes if stranger.request(method, path, json={}).status_code != 401
        }
        assert open_to_all == PUBLIC
        for odd in ODD_PATHS:
            assert stranger.get(odd).status_code == 401, odd
    assert " 401 " in raw(guarded, "GET", "/health/live/../sdapi/v1/options")[0]
