from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.http.routes.tasks import MOST_LISTED
from core.domain.job import Caller, JobId
from core.domain.request import GenerationRequest
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import PNG, FakeApplication, running

ONE, TWO = JobId("one"), JobId("two")
KEYS = ["active", "queued", "completed", "progress", "eta", "live_preview", "id_live_preview", "textinfo"]


@pytest.fixture
def queue(fake: FakeApplication) -> FakeApplication:
    """Job one runs, job two waits."""
    fake.automatic = False
    for name in (ONE, TWO):
        fake.submit(GenerationRequest(), job_id=name)
    fake.begin(ONE)
    fake.snapshot = running(fraction=0.25, eta=3.0, preview=PNG, sequence=4)
    return fake


@pytest.mark.usefixtures("queue")
def test_a_running_task(client: Client) -> None:
    body = client.post("/internal/progress", {"id_task": "one"}).json()
    assert list(body) == KEYS
    assert (body["active"], body["progress"], body["eta"], body["id_live_preview"]) == (True, 0.25, 3.0, 4)
    assert body["live_preview"].startswith("data:image/png;base64,")


@pytest.mark.usefixtures("queue")
def test_a_preview_that_is_known_is_not_sent_again(client: Client) -> None:
    body = client.post("/internal/progress", {"id_task": "one", "id_live_preview": 4}).json()
    assert (body["live_preview"], body["id_live_preview"]) == (None, 4)
    body = client.post("/internal/progress", {"id_task": "one", "live_preview": False}).json()
    assert body["live_preview"] is None


@pytest.mark.usefixtures("queue")
def test_a_waiting_task(client: Client) -> None:
    body = client.post("/internal/progress", {"id_task": "two"}).json()
    assert (body["active"], body["queued"], body["progress"], body["id_live_preview"]) == (
        False,
        True,
        None,
        -1,
    )
    assert body["textinfo"] == "In queue: 1/1"
    assert client.get("/internal/pending-tasks").json() == {"size": 1, "tasks": ["two"]}
    assert client.get("/queue/status").json()["queue_size"] == 1


def test_a_task_that_ended(client: Client, queue: FakeApplication) -> None:
    queue.finish(ONE)
    body = client.post("/internal/progress", {"id_task": "one"}).json()
    assert (body["active"], body["completed"], body["textinfo"]) == (False, True, "Waiting...")


def test_an_unknown_task(client: Client) -> None:
    body = client.post("/internal/progress", {"id_task": "nope"}).json()
    assert (body["active"], body["queued"], body["completed"]) == (False, False, False)


@pytest.mark.usefixtures("queue")
def test_without_an_id_it_is_the_running_task(client: Client) -> None:
    assert client.post("/internal/progress", {}).json()["active"] is True


AUTH = {"http": {"users": ["anna:a:b,c", "bert:pw"]}}


@pytest.fixture
def owned(fake: FakeApplication, client_with: Callable[..., Client]) -> Client:
    """Anna's job runs, Bert's waits."""
    fake.automatic = False
    fake.submit(GenerationRequest(), job_id=ONE, caller=Caller(owner="anna"))
    fake.submit(GenerationRequest(), job_id=TWO, caller=Caller(owner="bert"))
    fake.begin(ONE)
    fake.snapshot = running(iterations=1)
    return client_with(**AUTH)


def test_each_user_sees_their_own_jobs_only(owned: Client) -> None:
    anna, bert = ("anna", "a:b,c"), ("bert", "pw")
    assert owned.get("/sdapi/v1/progress", auth=anna).json()["state"]["job_count"] == 1
    assert owned.get("/sdapi/v1/progress", auth=bert).json()["state"]["job_count"] == 0
    assert owned.get("/internal/pending-tasks", auth=anna).json()["tasks"] == []
    assert owned.get("/internal/pending-tasks", auth=bert).json()["tasks"] == ["two"]
    body = owned.post("/internal/progress", {"id_task": "one"}, auth=bert).json()
    assert (body["active"], body["completed"]) == (False, False)
    assert owned.post("/internal/progress", {}, auth=bert).json()["active"] is False
    assert owned.get("/user", auth=bert).json() == "bert"


def test_each_user_stops_their_own_jobs_only(owned: Client, fake: FakeApplication) -> None:
    for verb in ("skip", "interrupt"):
        assert owned.post(f"/sdapi/v1/{verb}", auth=("bert", "pw")).status_code == 200
        assert owned.post(f"/sdapi/v1/{verb}", auth=("anna", "a:b,c")).status_code == 200
    assert (fake.interrupted, fake.skipped) == ([ONE], [ONE])


def test_of_a_long_queue_the_newest_are_listed(fake: FakeApplication, client: Client) -> None:
    fake.automatic = False
    for number in range(MOST_LISTED + 5):
        fake.submit(GenerationRequest(), job_id=f"n{number}")
    body = client.get("/internal/pending-tasks").json()
    assert body["size"] == client.get("/queue/status").json()["queue_size"] == MOST_LISTED + 5
    assert body["tasks"] == [f"n{number}" for number in range(5, MOST_LISTED + 5)]


def test_each_user_counts_their_own_jobs_only(owned: Client) -> None:
    assert owned.get("/queue/status", auth=("anna", "a:b,c")).json()["queue_size"] == 0
    assert owned.get("/queue/status", auth=("bert", "pw")).json()["queue_size"] == 1


def test_support_pages(client: Client) -> None:
    assert client.get("/internal/ping").json() == {}
    assert client.get("/internal/profile-startup").json() == {"records": {}}
    assert {"name": "samples_format", "label": "samples_format"} in client.get(
        "/internal/quicksettings-hint"
    ).json()
    answer = client.get("/internal/sysinfo")
    assert {"Version", "Platform", "Python"} <= answer.json().keys()
    assert answer.headers["content-disposition"].startswith('inline; filename="sysinfo-')
    download = client.get("/internal/sysinfo-download")
    assert download.headers["content-disposition"].startswith("attachment")


def test_probes_of_a_web_page(client: Client) -> None:
    assert client.get("/user").json() is None
    assert client.get("/config").json()["components"] == []
    assert client.get("/app_id").json() == {"app_id": 1}
    assert client.post("/login", data=None, content=b"username=a&password=b", headers={
        "content-type": "application/x-www-form-urlencoded"
    }).json() == {"success": True}  # fmt: skip


def test_controlnet_tells_what_is_there(client: Client) -> None:
    assert client.get("/controlnet/version").json() == {"version": 0}
    assert client.get("/controlnet/model_list?update=true").json() == {"model_list": []}
    assert client.get("/controlnet/module_list?alias_names=true").json()["module_list"] == ["none"]
    assert list(client.get("/controlnet/control_types").json()) == ["control_types"]
    assert client.get("/controlnet/settings").json() == {"control_net_unit_count": 0}
    detect = "/controlnet/detect"
    assert client.post(detect, {"controlnet_module": "canny"}).json()["detail"] == "Module not found"
    assert client.post(detect, {}).json()["detail"] == "No image selected"
    for given in ("eA==", "data:image/png;base64,eA=="):
        assert client.post(detect, {"controlnet_input_images": [given]}).json()["images"] == ["eA=="]
    assert client.post(detect, {"controlnet_input_images": ["x"]}).status_code == 422
