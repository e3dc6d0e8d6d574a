"""openai from PyPI, unmodified: pictures and models, in both of its clients."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from tests.clients.conftest import KEY
from tests.clients.pictures import half_mask
from tests.clients.servers import Door

NAME = "openai 3.54.0 (PyPI)"
ASKED: dict[str, Any] = {"prompt": "a red circle", "size": "64x64", "extra_body": {"seed": 7, "steps": 4}}
RED = Image.new("RGB", (64, 64), (200, 30, 30))

pytestmark = pytest.mark.client(NAME, run="the package, in Python")


def connect(door: Door, key: str = "any", **more: Any) -> openai.OpenAI:
    plain = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=f"{door.url}/v1", api_key=key, http_client=plain, **more)


@pytest.fixture
def client(door: Door) -> Iterator[openai.OpenAI]:
    with connect(door) as made:
        yield made


@pytest.fixture
def slowly(idle: Door) -> Iterator[openai.OpenAI]:
    with connect(idle) as made:
        yield made


def picture(text: str | None) -> Image.Image:
    assert text is not None
    return Image.open(io.BytesIO(base64.b64decode(text)))


def png(image: Image.Image) -> bytes:
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def left_half() -> bytes:
    """A mask whose left half is transparent."""
    mask = RED.convert("RGBA")
    mask.putalpha(half_mask(64).convert("L").point(lambda value: 255 - value))
    return png(mask)


def test_models(client: openai.OpenAI) -> None:
    [model] = client.models.list()
    assert (model.object, model.owned_by) == ("model", "serena")
    assert client.models.retrieve(model.id).id == model.id
    with pytest.raises(openai.NotFoundError) as found:
        client.models.retrieve("gone")
    assert (found.value.code, found.value.param) == ("model_not_found", "model")


def test_a_picture(client: openai.OpenAI) -> None:
    first, again = (client.images.generate(**ASKED) for _ in range(2))
    assert first.data is not None
    assert again.data is not None
    image = picture(first.data[0].b64_json)
    assert (image.format, image.size) == ("PNG", (64, 64))
    assert image.info["parameters"].startswith("a red circle\nSteps: 4")
    assert first.data[0].b64_json == again.data[0].b64_json, "the same seed"
    assert (first.size, first.output_format, first.background) == ("64x64", "png", "opaque")


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_formats(client: openai.OpenAI, kind: Any) -> None:
    found = client.images.generate(**ASKED, output_format=kind, output_compression=50, quality="low")
    assert found.data is not None
    assert picture(found.data[0].b64_json).format == kind.upper()
    assert (found.output_format, found.quality) == (kind, "low")


def test_several_by_url(client: openai.OpenAI) -> None:
    found = client.images.generate(**ASKED, n=3, response_format="url", model="dall-e-3", style="vivid")
    assert found.data is not None
    urls = [item.url for item in found.data if item.url]
    pictures = {httpx.get(url, trust_env=False).content for url in urls}
    assert (len(urls), len(pictures)) == (3, 3)
    assert {Image.open(io.BytesIO(data)).size for data in pictures} == {(64, 64)}


def test_a_stream_of_partial_images(slowly: openai.OpenAI) -> None:
    asked = {**ASKED, "extra_body": {"seed": 7, "steps": 12}}
    events = list(slowly.images.generate(**asked, stream=True, partial_images=2))
    assert [event.type for event in events] == [
        *["image_generation.partial_image"] * 2,
        "image_generation.completed",
    ]
    partials = [event for event in events if event.type == "image_generation.partial_image"]
    assert [event.partial_image_index for event in partials] == [0, 1]
    assert all(picture(event.b64_json).format == "PNG" for event in partials)
    assert events[-1].type == "image_generation.completed"
    assert picture(events[-1].b64_json).size == (64, 64)
    assert events[-1].usage.total_tokens == 0
    plain = slowly.images.generate(**asked)
    assert plain.data is not None
    assert plain.data[0].b64_json == events[-1].b64_json, "a stream draws the same picture"


def test_a_stream_without_partial_images(client: openai.OpenAI) -> None:
    events = list(client.images.generate(**ASKED, n=2, stream=True))
    assert [event.type for event in events] == ["image_generation.completed"] * 2
    assert events[0].b64_json != events[1].b64_json


def test_an_edit_keeps_what_the_mask_covers(client: openai.OpenAI) -> None:
    found = client.images.edit(image=png(RED), mask=left_half(), prompt="a city", extra_body={"steps": 4})
    assert found.data is not None
    drawn = picture(found.data[0].b64_json).convert("RGB")
    assert drawn.size == (64, 64)
    assert drawn.getpixel((60, 32)) == (200, 30, 30)
    assert drawn.getpixel((4, 32)) != (200, 30, 30)


def test_an_edit_of_a_list_as_a_stream(slowly: openai.OpenAI) -> None:
    events = list(
        slowly.images.edit(
            image=[("a.png", png(RED), "image/png")],
            prompt="a city",
            stream=True,
            partial_images=1,
            input_fidelity="high",
            extra_body={"steps": 20},
        )
    )
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]


def test_a_variation(client: openai.OpenAI) -> None:
    with pytest.warns(
        DeprecationWarning, match="deprecated"
    ):  # of the route, which no model of OpenAI serves any more
        found = client.images.create_variation(image=png(RED), n=2, extra_body={"steps": 4})
    assert found.data is not None
    assert [picture(item.b64_json).size for item in found.data] == [(64, 64)] * 2


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"n": 0}, "n"),
        ({"size": "big"}, "size"),
        ({"output_format": "gif"}, "output_format"),
        ({"extra_body": {"sampler_name": "none"}}, "sampler_name"),
        ({"extra_body": {"steps": 100_000}}, "steps"),
    ],
    ids=["n", "size", "output_format", "sampler_name", "steps"],
)
def test_errors_name_the_field(client: openai.OpenAI, change: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as found:
        client.images.generate(**{**ASKED, **change})
    assert (found.value.param, found.value.type) == (param, "invalid_request_error")
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.edit(image=b"no picture", prompt="a")
    assert refused.value.param == "image"


def test_keys(guarded: Door) -> None:
    with connect(guarded, KEY) as known:
        found = known.images.generate(**ASKED, response_format="url")
    assert found.data is not None
    assert found.data[0].url is not None
    assert httpx.get(found.data[0].url, trust_env=False).status_code == 401
    assert guarded.client.get(found.data[0].url).headers["Content-Type"] == "image/png"
    with connect(guarded, "wrong") as unknown, pytest.raises(openai.AuthenticationError) as refused:
        unknown.images.generate(**ASKED)
    assert refused.value.code == "invalid_api_key"


def test_an_idempotency_key(client: openai.OpenAI) -> None:
    def ask(**change: Any) -> str:
        headers = {"Idempotency-Key": "openai-1"}
        raw = client.images.with_raw_response.generate(**{**ASKED, **change}, extra_headers=headers)
        return raw.headers["X-Job-Id"]

    assert ask() == ask()
    with pytest.raises(openai.UnprocessableEntityError):
        ask(prompt="another")


def test_a_job_that_is_stopped_is_not_asked_for_again(idle: Door, slowly: openai.OpenAI) -> None:
    """The client repeats a 409 by itself, unless it is told that it leads nowhere."""

    def stop_the_waiting_one() -> None:
        eventually(lambda: idle.get("/internal/pending-tasks")["size"] == 1)
        [job] = idle.get("/internal/pending-tasks")["tasks"]
        assert idle.client.delete(f"/api/v1/jobs/{job}").is_success

    with slowly.images.generate(prompt="a", stream=True, extra_body={"steps": 500}):
        stopping = threading.Thread(target=stop_the_waiting_one)
        stopping.start()
        with pytest.raises(openai.ConflictError):
            slowly.images.generate(**ASKED)
        stopping.join()
        assert idle.get("/internal/pending-tasks")["size"] == 0


def test_closing_a_stream_stops_its_job(idle: Door, slowly: openai.OpenAI) -> None:
    stream = slowly.images.generate(prompt="a", stream=True, extra_body={"steps": 500})
    job = stream.response.headers["X-Job-Id"]
    stream.close()
    eventually(lambda: idle.get(f"/api/v1/jobs/{job}")["state"] == "cancelled")


def test_the_async_client(door: Door) -> None:
    async def use() -> list[str]:
        plain = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key="any", http_client=plain) as client:
            found = [model.id async for model in client.models.list()]
            drawn = await client.images.generate(**ASKED)
            edited = await client.images.edit(image=png(RED), prompt="a", extra_body={"steps": 4})
            with pytest.warns(DeprecationWarning, match="deprecated"):
                varied = await client.images.create_variation(image=png(RED), extra_body={"steps": 4})
            assert all(answer.data for answer in (drawn, edited, varied))
            stream = await client.images.generate(**ASKED, stream=True, partial_images=3)
            return found + [event.type async for event in stream if event.type.endswith("completed")]

    assert asyncio.run(use())[1:] == ["image_generation.completed"]
