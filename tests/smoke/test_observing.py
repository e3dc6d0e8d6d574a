"""What an operator sees of a real server: its numbers and its log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.smoke.server import BOOT_SECONDS, Server, serving, wait_until_ready

KEY = "sk-0123456789"
SETTINGS = f"""
[http]
log_requests = true
open_metrics = true
api_keys = ["{KEY}"]
[log]
format = "json"
[limits]
max_steps = 50
"""
SMALL = {"width": 64, "height": 64, "steps": 4}
FORGED = 'x\n{"level": "info", "message": "forged"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("observed")
    (folder / "serena.toml").write_text(SETTINGS)
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="module")
def job(server: Server) -> str:
    """One job that drew two pictures, and one request that was refused."""
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=BOOT_SECONDS, trust_env=False) as client:
        wait_until_ready(client)
        drawn = client.post("/sdapi/v1/txt2img", json={**SMALL, "prompt": FORGED, "n_iter": 2})
        assert drawn.status_code == 200
        assert client.post("/sdapi/v1/txt2img", json={**SMALL, "steps": 51}).status_code == 422
        assert client.get("/v1/models", headers={"Authorization": "Bearer wrong"}).status_code == 401
    return drawn.headers["X-Job-Id"]


def numbers(server: Server) -> dict[str, float]:
    """Without credentials: the settings say so."""
    text = httpx.get(f"{server.url}/metrics", trust_env=False).raise_for_status().text
    found = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def lines(server: Server) -> list[dict[str, Any]]:
    """Every line is an object of its own."""
    return [json.loads(line) for line in Path(server.log).read_text("utf-8").splitlines()]


def test_a_job_is_in_the_numbers(server: Server, job: str) -> None:
    found = numbers(server)
    assert found['serena_jobs_accepted_total{kind="txt2img"}'] == 1
    assert found['serena_jobs_rejected_total{reason="invalid"}'] == 1
    assert found['serena_jobs{state="succeeded"}'] == 1
    assert found['serena_images_total{kind="txt2img"}'] >= 2
    assert found["serena_step_seconds_count"] == 8
    assert found['serena_queue_seconds_count{kind="txt2img"}'] == 1
    assert found['serena_job_seconds_count{kind="txt2img",outcome="succeeded"}'] == 1
    assert found['serena_http_request_seconds_count{method="GET",route="none",status="401"}'] == 1


def test_every_line_of_a_job_names_it(server: Server, job: str) -> None:
    told = [line["message"] for line in lines(server) if line.get("job") == job]
    # A worker may be quicker with its line than the thread that accepted the job.
    assert sorted(told[:2]) == ["accepted: txt2img, priority 0", "started, attempt 1"]
    assert told[2].startswith("succeeded after ")
    assert [" 200 http/1.1 POST /sdapi/v1/txt2img " in line for line in told[3:]] == [True]


def test_the_log_holds_no_secret_and_no_forged_line(server: Server, job: str) -> None:
    assert all(line["message"] != "forged" for line in lines(server))
    assert KEY not in server.log.read_text("utf-8")
