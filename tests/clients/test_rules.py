"""The 18 rules that clients need kept, each a test of that number."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.clients.conftest import ASKED, KEY, PASSWORD, USER
from tests.clients.pictures import decoded
from tests.clients.servers import Door

S = "/sdapi/v1"
PAGE = "https://lite.koboldai.net"
ERROR_KEYS = {"error", "detail", "body", "errors"}
PROGRESS_KEYS = {"progress", "eta_relative", "state", "current_image", "textinfo"}
STATE_KEYS = {
    "skipped", "interrupted", "stopping_generation", "job", "job_count", "job_timestamp", "job_no",
    "sampling_step", "sampling_steps",
}  # fmt: skip
INFO_KEYS = [
    "prompt", "all_prompts", "negative_prompt", "all_negative_prompts", "seed", "all_seeds", "subseed",
    "all_subseeds", "subseed_strength", "width", "height", "sampler_name", "cfg_scale", "steps",
    "batch_size", "restore_faces", "face_restoration_model", "sd_model_name", "sd_model_hash",
    "sd_vae_name", "sd_vae_hash", "seed_resize_from_w", "seed_resize_from_h", "denoising_strength",
    "extra_generation_params", "index_of_first_image", "infotexts", "styles", "job_timestamp", "clip_skip",
    "is_using_inpainting_conditioning", "version",
]  # fmt: skip
LONG = {**ASKED, "steps": 200}
"""Ten seconds on the slow server, unless somebody stops it."""


def until(found: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What ``found`` returns once that is true."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)
    return value


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def running(door: Door) -> bool:
    return bool(door.get(f"{S}/progress")["state"]["job"])


def test_rule_01_no_extra_keys(door: Door) -> None:
    answer = door.client.post(f"{S}/txt2img", json=ASKED)
    assert list(answer.json()) == ["images", "parameters", "info"]
    assert answer.headers["X-Job-Id"].startswith("task(txt2img-")
    assert int(answer.headers["X-Queue-Position"]) >= 0
    redrawn = door.post(f"{S}/img2img", {**ASKED, "init_images": answer.json()["images"]})
    assert list(redrawn) == ["images", "parameters", "info"]
    entry = door.get(f"{S}/sd-models")[0]
    assert list(entry) == ["title", "model_name", "hash", "sha256", "filename", "config"]
    assert set(door.client.post(f"{S}/img2img", json={}).json()) == ERROR_KEYS


def test_rule_02_info_is_json_text_with_all_keys(door: Door) -> None:
    text = door.post(f"{S}/txt2img", ASKED)["info"]
    assert isinstance(text, str)
    assert list(json.loads(text)) == INFO_KEYS


def test_rule_03_whole_defaults_stay_whole_and_unset_stays_null(door: Door) -> None:
    answer = door.client.post(f"{S}/txt2img", json={"prompt": "x", "width": 64, "height": 64, "steps": 2})
    assert '"subseed_strength":0,' in answer.text.replace(" ", "")
    parameters = answer.json()["parameters"]
    assert isinstance(parameters["subseed_strength"], int)
    assert isinstance(json.loads(answer.json()["info"])["subseed_strength"], int)
    unset = ("styles", "sampler_name", "scheduler", "eta", "denoising_strength", "s_churn", "hr_upscaler")
    assert {parameters[name] for name in unset} == {None}


def test_rule_04_parameters_echo_known_fields_only(door: Door) -> None:
    secret = "ann:rule-four-secret"
    answer = door.client.post(f"{S}/txt2img", json={**ASKED, "auth": secret, "url": "http://here", "x": 1})
    assert answer.status_code == 200
    assert not {"auth", "url", "x"} & set(answer.json()["parameters"])
    assert secret not in answer.text
    assert secret not in door.log()


def test_rule_05_base64_without_a_prefix_out_and_with_or_without_in(door: Door, drawn: str) -> None:
    assert decoded(drawn).format == "PNG"
    for picture in (drawn, f"data:image/png;base64,{drawn}", f"data:image/jpeg;base64,{drawn}"):
        again = door.post(f"{S}/img2img", {**ASKED, "init_images": [picture]})
        assert decoded(again["images"][0]).size == (64, 64)
    by_url = door.client.post(f"{S}/img2img", json={**ASKED, "init_images": ["http://127.0.0.1/x.png"]})
    assert by_url.status_code == 422
    assert by_url.json()["detail"] == "Requests not allowed"


def test_rule_06_calls_without_a_result_answer_json(door: Door) -> None:
    refreshes = [f"refresh-{what}" for what in ("checkpoints", "vae", "loras", "embeddings")]
    for call, body in (("options", None), ("skip", None), *((name, None) for name in refreshes)):
        answer = door.client.post(f"{S}/{call}", json={})
        assert (answer.status_code, answer.json()) == (200, body), call
    for call in ("interrupt", "unload-checkpoint", "reload-checkpoint"):
        answer = door.client.post(f"{S}/{call}")
        assert (answer.status_code, answer.json()) == (200, {}), call


def test_rule_07_options_round_trip(door: Door) -> None:
    options = door.get(f"{S}/options")
    wanted = {
        "sd_model_checkpoint", "sd_checkpoint_hash", "samples_format", "sd_vae", "CLIP_stop_at_last_layers",
        "samples_save", "outdir_samples", "outdir_txt2img_samples", "outdir_img2img_samples",
    }  # fmt: skip
    assert wanted - set(options) == set()
    assert "forge_preset" not in options
    assert door.post(f"{S}/options", options) is None
    assert door.get(f"{S}/options") == options


def test_rule_08_models_by_every_name(door: Door) -> None:
    model = door.get(f"{S}/sd-models")[0]
    stem = model["filename"].rpartition("/")[2]
    names = (model["title"], model["title"].partition(" [")[0], model["model_name"], stem, model["hash"])
    for name in (*names, model["sha256"]):
        drawn = door.post(f"{S}/txt2img", {**ASKED, "override_settings": {"sd_model_checkpoint": name}})
        assert json.loads(drawn["info"])["sd_model_hash"] == model["hash"]
        assert door.post(f"{S}/options", {"sd_model_checkpoint": name}) is None
        assert door.get(f"{S}/options")["sd_model_checkpoint"] == model["title"]
    unknown = {**ASKED, "override_settings": {"sd_model_checkpoint": "nobody"}}
    for path, body in ((f"{S}/txt2img", unknown), (f"{S}/options", {"sd_model_checkpoint": "nobody"})):
        answer = door.client.post(path, json=body)
        assert answer.status_code == 404
        assert "nobody" in answer.json()["detail"]


def test_rule_09_any_authorization_when_off(door: Door) -> None:
    for header in ("", "Basic", "Basic Og==", "Basic nonsense!", "Bearer x", "Nobody"):
        answer = door.client.get(f"{S}/options", headers={"Authorization": header})
        assert answer.status_code == 200, header
    assert " 200 " in raw(door, "GET", f"{S}/memory", "Authorization: Basic ")[0]


def test_rule_09_basic_and_bearer_when_on(guarded: Door) -> None:
    def status(**more: Any) -> int:
        with httpx.Client(base_url=guarded.url, trust_env=False) as client:
            answer = client.get(f"{S}/options", **more)
        if answer.status_code == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            assert set(answer.json()) == ERROR_KEYS
        return answer.status_code

    assert status() == status(headers={"Authorization": "Basic Og=="}) == 401
    assert status(auth=(USER, "wrong")) == status(headers={"Authorization": "Bearer wrong"}) == 401
    assert status(auth=(USER, PASSWORD)) == status(headers={"Authorization": f"Bearer {KEY}"}) == 200


def test_rule_10_samplers_by_old_and_new_names(door: Door) -> None:
    def drawn(**more: Any) -> str:
        info = json.loads(door.post(f"{S}/txt2img", {**ASKED, **more})["info"])
        found = info["infotexts"][0].partition("Sampler: ")[2].partition(", CFG")[0]
        assert isinstance(found, str)
        return found

    assert drawn(sampler_name="DPM++ 2M Karras") == "DPM++ 2M, Schedule type: Karras"
    assert drawn(sampler_name="Euler a", scheduler="karras") == "Euler a, Schedule type: Karras"
    assert drawn(sampler_name="Euler a", scheduler="automatic").startswith("Euler a")
    assert drawn(sampler_index="Euler").startswith("Euler")
    assert drawn(sampler_name="k_euler_a").startswith("Euler a")
    for field in ("sampler_name", "sampler_index"):
        answer = door.client.post(f"{S}/txt2img", json={**ASKED, field: "Nobody's"})
        assert (answer.status_code, answer.json()["detail"]) == (400, "Sampler not found")


def test_rule_11_both_shapes_of_errors(door: Door) -> None:
    raised = door.client.post(f"{S}/img2img", json={})
    assert raised.json() == {
        "error": "HTTPException",
        "detail": "Init image not found",
        "body": "",
        "errors": "",
    }
    invalid = door.client.post(f"{S}/txt2img", json={"steps": "many"})
    assert invalid.status_code == 422
    assert invalid.json() == {
        "detail": [
            {"loc": ["body", "steps"], "msg": "value is not a valid integer", "type": "type_error.integer"}
        ]
    }
    assert door.client.get(f"{S}/nowhere").json() == {"detail": "Not Found"}
    assert door.client.get(f"{S}/txt2img").json() == {"detail": "Method Not Allowed"}


def test_rule_12_hash_alias_shape_and_filename(door: Door) -> None:
    for model in door.get(f"{S}/sd-models"):
        assert (len(model["hash"]), len(model["sha256"])) == (10, 64)
        assert model["filename"]
    assert [lora["alias"] for lora in door.get(f"{S}/loras")] == ["ink-alias"]
    assert door.get(f"{S}/embeddings")["loaded"]["calm"]["shape"] == 768
    lists = ("sd-models", "loras", "embeddings", "upscalers", "sd-vae", "hypernetworks", "options")
    assert [name for name in lists if str(door.data_dir) in door.client.get(f"{S}/{name}").text] == []


def test_rule_13_progress(idle: Door, background: ThreadPoolExecutor) -> None:
    rest = until(lambda: found if not (found := idle.get(f"{S}/progress"))["state"]["job"] else None)
    assert set(rest) == PROGRESS_KEYS, "no current_task: the reference has none"
    assert set(rest["state"]) == STATE_KEYS
    assert (rest["progress"], rest["state"]["job_count"], rest["current_image"]) == (0.0, 0, None)
    drawing = background.submit(idle.post, f"{S}/txt2img", LONG)
    until(lambda: idle.get(f"{S}/progress")["current_image"])
    during = idle.get(f"{S}/progress?skip_current_image=true")
    assert during["current_image"] is None
    assert 0 < during["progress"] <= 1
    assert during["eta_relative"] > 0
    assert (during["state"]["job"], during["state"]["job_count"]) == ("scripts_txt2img", 1)
    assert during["state"]["sampling_steps"] == LONG["steps"]
    assert idle.post(f"{S}/interrupt") == {}
    assert len(drawing.result(10)["images"]) == 1


def test_rule_14_always_on_scripts_that_are_not_there(door: Door) -> None:
    off: dict[str, Any] = {
        "ControlNet": {"args": []},
        "ADetailer": {"args": [False]},
        "animatediff": {"args": [False]},
        "Tiled VAE": {"args": [""]},
        "seed": {"args": [-1]},
    }
    assert door.post(f"{S}/txt2img", {**ASKED, "alwayson_scripts": off})["images"]
    on = {"ControlNet": {"args": [{"enabled": True, "module": "canny", "model": "x"}]}}
    for name, wanted in (("ControlNet", on), ("nobody", {"nobody": {"args": []}})):
        answer = door.client.post(f"{S}/txt2img", json={**ASKED, "alwayson_scripts": wanted})
        assert (answer.status_code, answer.json()["detail"]) == (422, f"Script '{name}' not found")


def test_rule_15_pages_of_other_sites_only_by_consent(door: Door, shared: Door) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    allowed = shared.client.options(f"{S}/txt2img", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert shared.client.post(f"{S}/txt2img", json=ASKED, headers={"Origin": PAGE}).status_code == 200
    refused = door.client.options(f"{S}/txt2img", headers=asked)
    assert "access-control-allow-origin" not in refused.headers
    assert door.client.post(f"{S}/txt2img", json=ASKED, headers={"Origin": PAGE}).status_code == 403


def test_rule_16_tasks_have_the_id_they_are_given(idle: Door, background: ThreadPoolExecutor) -> None:
    first, second = "task(rule-16-first)", "task(rule-16-second)"
    drawing = background.submit(idle.post, f"{S}/txt2img", {**LONG, "force_task_id": first})
    until(lambda: task(idle, first)["active"])
    waiting = background.submit(idle.client.post, f"{S}/txt2img", json={**ASKED, "force_task_id": second})
    until(lambda: task(idle, second)["queued"])
    assert task(idle, second)["textinfo"] == "In queue: 1/1"
    assert idle.get("/internal/pending-tasks") == {"size": 1, "tasks": [second]}
    now = task(idle, first)
    assert (now["queued"], now["completed"]) == (False, False)
    assert 0 <= now["progress"] <= 1
    idle.post(f"{S}/interrupt")
    assert drawing.result(10)["images"]
    assert waiting.result(10).status_code == 200
    assert task(idle, first)["completed"]
    assert task(idle, second)["completed"]
    assert idle.get("/internal/pending-tasks") == {"size": 0, "tasks": []}


def task(door: Door, name: str) -> Any:
    return door.post("/internal/progress", {"id_task": name, "live_preview": False})


def test_rule_17_numbers_in_other_forms(door: Door) -> None:
    odd = {
        "prompt": "x", "width": 64.9, "height": "64", "steps": 2.5, "seed": "7", "cfg_scale": "7",
        "batch_size": True, "enable_hr": "false", "hr_second_pass_steps": 12.5,
        "override_settings": {"CLIP_stop_at_last_layers": 1.0},
    }  # fmt: skip
    parameters = door.post(f"{S}/txt2img", odd)["parameters"]
    found = {name: parameters[name] for name in ("width", "height", "steps", "seed", "batch_size")}
    assert found == {"width": 64, "height": 64, "steps": 2, "seed": 7, "batch_size": 1}
    assert parameters["hr_second_pass_steps"] == 12
    assert door.post(f"{S}/options", {"CLIP_stop_at_last_layers": 1.0}) is None
    assert door.get(f"{S}/options")["CLIP_stop_at_last_layers"] == 1


def test_rule_18_a_client_that_goes_away_cancels_its_own_request(
    idle: Door, background: ThreadPoolExecutor
) -> None:
    leaving = leave_open(idle, LONG)
    [mine] = until(lambda: jobs(idle, "running"))
    waiting = background.submit(idle.post, f"{S}/txt2img", ASKED)
    until(lambda: jobs(idle, "queued"))
    leaving.close()
    assert waiting.result(8)["images"]
    assert idle.get(f"/api/v1/jobs/{mine}")["state"] == "cancelled"


def test_rule_18_a_client_that_goes_away_while_it_waits_stops_nobody_else(
    idle: Door, background: ThreadPoolExecutor
) -> None:
    drawing = background.submit(idle.post, f"{S}/txt2img", LONG)
    [first] = until(lambda: jobs(idle, "running"))
    leaving = leave_open(idle, LONG)
    [mine] = until(lambda: jobs(idle, "queued"))
    leaving.close()
    until(lambda: not idle.get("/internal/pending-tasks")["tasks"])
    assert idle.get(f"/api/v1/jobs/{mine}")["state"] == "cancelled"
    assert task(idle, first)["active"]
    idle.post(f"{S}/interrupt")
    assert drawing.result(10)["images"]


def test_rule_18_a_job_with_a_name_of_its_own_goes_on_without_its_client(idle: Door) -> None:
    """Who chose the id can come back for it."""
    mine = "task(rule-18-named)"
    leaving = leave_open(idle, {**ASKED, "steps": 30, "force_task_id": mine})
    until(lambda: task(idle, mine)["active"])
    leaving.close()
    until(lambda: task(idle, mine)["completed"])
    assert idle.get(f"/api/v1/jobs/{quote(mine)}")["state"] == "succeeded"


def jobs(door: Door, state: str) -> list[str]:
    """The ids of those in that state."""
    return [job["id"] for job in door.get(f"/api/v1/jobs?state={state}")["jobs"]]


def test_rule_18_interrupt_stops_the_callers_own_job_only(guarded_slow: Door) -> None:
    """With passwords, whose job it is can be told."""
    ended = threading.Event()

    def draw() -> None:
        with httpx.Client(base_url=guarded_slow.url, auth=(USER, PASSWORD), timeout=30, trust_env=False) as c:
            assert c.post(f"{S}/txt2img", json={**ASKED, "steps": 40}).status_code == 200
        ended.set()

    thread = threading.Thread(target=draw)
    thread.start()
    with (
        httpx.Client(base_url=guarded_slow.url, auth=(USER, PASSWORD), trust_env=False) as ann,
        httpx.Client(base_url=guarded_slow.url, auth=("bob", "other"), trust_env=False) as bob,
    ):
        until(lambda: ann.get(f"{S}/progress").json()["state"]["job"])
        assert bob.get(f"{S}/progress").json()["state"]["job"] == ""
        assert bob.post(f"{S}/interrupt").json() == {}
        time.sleep(0.3)
        assert ann.get(f"{S}/progress").json()["state"]["interrupted"] is False
        assert not ended.is_set()
        ann.post(f"{S}/interrupt")
        assert ended.wait(2)
    thread.join()


def leave_open(door: Door, body: dict[str, Any]) -> socket.socket:
    """A connection on which a request was sent and no answer is read."""
    where = urlsplit(door.url)
    connection = socket.create_connection((where.hostname, where.port), timeout=10)
    text = json.dumps(body).encode()
    head = (
        f"POST {S}/txt2img HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n\r\n"
    )
    connection.sendall(head.encode() + text)
    return connection


def raw(door: Door, method: str, path: str, *headers: str) -> list[str]:
    """The lines of an answer to a request whose headers no library would send."""
    where = urlsplit(door.url)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {where.netloc}", "Connection: close", *headers, "", ""]
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode().split("\r\n")
