"""Who reaches the server, and how: TLS, addresses, passwords, ends."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from adapters.http.listening import listen
from adapters.http.server import serve
from core.domain.errors import SettingsError
from tests.integration.http.conftest import Background
from tests.unit.adapters.http.fakes import FakeApplication


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    assert shutil.which("openssl"), "install openssl: these tests make a certificate with it"
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def refusal(fake: FakeApplication, **http: object) -> str:
    with pytest.raises(SettingsError) as found:
        serve(fake.application(http={"port": 0, **http}), on_listening=print)
    assert fake.calls in ([], ["close"])
    return str(found.value)


def test_https(fake: FakeApplication, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with Background(fake, tls_cert=str(cert), tls_key=str(key)) as server:
        assert server.url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(cert))
        assert httpx.get(f"{server.url}/health/live", verify=trusted).status_code == 200


def test_a_wrong_certificate_is_one_sentence(
    fake: FakeApplication, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = map(str, certificate)
    (tmp_path / "odd.pem").write_text("nonsense")
    assert "go together" in refusal(fake, tls_cert=cert)
    assert "cannot use http.tls_cert" in refusal(fake, tls_cert=cert, tls_key=str(tmp_path / "none.pem"))
    assert "cannot use http.tls_cert" in refusal(fake, tls_cert=str(tmp_path / "odd.pem"), tls_key=key)


def test_beyond_this_machine_takes_a_password_or_a_decision(fake: FakeApplication) -> None:
    assert "nobody would need a password" in refusal(fake, host="0.0.0.0")
    for more in ({"users": ["a:b"]}, {"api_keys": ["k"]}, {"allow_open": True}):
        with Background(FakeApplication(), host="0.0.0.0", **more) as server:
            url = server.url.replace("0.0.0.0", "127.0.0.1")
            assert httpx.get(f"{url}/health/live").status_code == 200


def test_a_setting_that_cannot_be_used_closes_the_port_again(fake: FakeApplication) -> None:
    assert "name:password" in refusal(fake, users=["nobody"])


def test_a_subpath_is_in_the_url(fake: FakeApplication) -> None:
    with Background(fake, subpath="/serena") as server:
        assert server.url.endswith("/serena")
        assert httpx.get(f"{server.url}/sdapi/v1/samplers").status_code == 200
        assert httpx.get(f"{server.url}/docs").status_code == 200


def test_the_server_is_stopped_over_http(fake: FakeApplication) -> None:
    server = Background(fake, users=["a:b"], server_control=True)
    with server:
        assert httpx.post(f"{server.url}/sdapi/v1/server-stop").status_code == 401
        assert httpx.post(f"{server.url}/sdapi/v1/server-stop", auth=("a", "b")).text == "Stopping."
        server._thread.join(10)
        assert not server._thread.is_alive()
    assert fake.calls == ["start", "close"]


def test_a_port_may_be_open_before_the_application_is_assembled(fake: FakeApplication) -> None:
    listener = listen(fake.application(http={"port": 0}).settings.http)
    port = listener.getsockname()[1]
    with Background(fake, listener=listener) as server:
        assert server.url.endswith(f":{port}")
        assert httpx.get(f"{server.url}/health/live").status_code == 200


def test_requests_in_progress_end_before_the_server(fake: FakeApplication) -> None:
    fake.automatic = False
    answers: list[int] = []
    with Background(fake) as server:
        url = f"{server.url}/sdapi/v1/txt2img"
        asking = threading.Thread(target=lambda: answers.append(httpx.post(url, json={}).status_code))
        asking.start()
        while not fake.jobs():
            asking.join(0.01)
        server.stop()
        fake.finish(fake.jobs()[0].id)
        asking.join(10)
    assert answers == [200]


@pytest.mark.parametrize("path", ["/sdapi/v1/txt2img", "/v1/images/generations"])
def test_who_waits_when_the_server_ends_is_told_and_the_job_is_left_alone(
    fake: FakeApplication, path: str
) -> None:
    fake.automatic = False
    answers: list[httpx.Response] = []
    with Background(fake, drain_seconds=0) as server:
        url = server.url + path
        asking = threading.Thread(target=lambda: answers.append(httpx.post(url, json={"prompt": ""})))
        asking.start()
        while not fake.jobs():
            asking.join(0.01)
        server.stop()
        asking.join(10)
    assert [answer.status_code for answer in answers] == [503]
    assert "Serena stops before this job has ended" in answers[0].text
    assert answers[0].headers["Retry-After"]
    assert fake.interrupted == []
