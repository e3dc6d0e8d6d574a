"""``/v1/images/edits`` and ``/v1/images/variations``, without a socket."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from core.domain.request import Kind, ResizeMode
from core.ports.driving import PictureFacts
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import PNG, FakeApplication
from tests.unit.adapters.http.openai.test_generations import error_of

EDITS, VARIATIONS = "/v1/images/edits", "/v1/images/variations"
MASK = PNG + b"mask"
HOLES = PictureFacts(size=(8, 8), transparent=True)

Files = Sequence[tuple[str, tuple[str, bytes, str]]]


def file(field: str = "image", data: bytes = PNG) -> tuple[str, tuple[str, bytes, str]]:
    return field, ("a.png", data, "image/png")


def send(client: Client, files: Files, path: str = EDITS, **fields: Any) -> httpx.Response:
    if path == EDITS:
        fields = {"prompt": "a cat", **fields}
    return client.ask("POST", path, files=files, data=fields)


@pytest.mark.parametrize("field", ["image", "image[]"])
def test_an_edit_starts_from_the_picture(client: Client, fake: FakeApplication, field: str) -> None:
    fake.facts[PNG] = PictureFacts(size=(100, 50), transparent=False)
    answer = send(client, [file(field)], n="2", seed="3", output_format="jpeg")
    assert (answer.status_code, len(answer.json()["data"])) == (200, 2)
    request = fake.submitted[0]
    assert (request.kind, request.prompt, request.n_iter, request.seed) == (Kind.IMG2IMG, "a cat", 2, 3)
    assert (request.width, request.height, request.denoising_strength) == (96, 48, 0.75)
    assert request.init is not None
    assert (request.init.mask, request.init.resize_mode) == (None, ResizeMode.CROP)


def test_a_large_picture_is_drawn_smaller(client: Client, fake: FakeApplication) -> None:
    fake.facts[PNG] = PictureFacts(size=(4000, 1000), transparent=False)
    send(client, [file()])
    assert (fake.submitted[0].width, fake.submitted[0].height) == (2048, 512)
    send(client, [file()], size="64x64")
    assert (fake.submitted[1].width, fake.submitted[1].height) == (64, 64)


@pytest.mark.parametrize(
    ("fields", "strength"),
    [({"input_fidelity": "high"}, 0.5), ({"input_fidelity": "low"}, 0.75), ({"denoising_strength": "1"}, 1)],
)
def test_how_close_an_edit_stays(
    client: Client, fake: FakeApplication, fields: dict[str, str], strength: float
) -> None:
    send(client, [file()], **fields)
    assert fake.submitted[0].denoising_strength == strength


def test_what_is_transparent_in_the_mask_is_drawn_anew(client: Client, fake: FakeApplication) -> None:
    fake.facts[MASK] = HOLES
    assert send(client, [file(), file("mask", MASK)]).status_code == 200
    init = fake.submitted[0].init
    assert init is not None
    assert init.mask is not None
    assert fake.image(init.mask) == MASK
    assert (init.mask_invert, init.only_masked) == (True, False)


def test_without_a_mask_the_pictures_own_transparency_counts(client: Client, fake: FakeApplication) -> None:
    fake.facts[PNG] = HOLES
    send(client, [file()])
    init = fake.submitted[0].init
    assert init is not None
    assert init.mask == init.images[0]
    assert init.mask_invert


@pytest.mark.parametrize(
    ("files", "facts", "says"),
    [
        ([], None, "image is missing"),
        ([file(), file()], None, "image holds 2 pictures"),
        ([file("image", b"no picture")], None, "image: these bytes"),
        ([file(), file("mask", MASK)], None, "mask: it has no transparent part"),
        ([file(), file("mask", MASK)], PictureFacts((4, 4), True), "mask: it is 4x4 and the image 8x8"),
        ([file(), file("mask", b"no picture")], None, "mask: these bytes"),
    ],
)
def test_pictures_that_cannot_be_used(
    client: Client, fake: FakeApplication, files: Files, facts: PictureFacts | None, says: str
) -> None:
    if facts is not None:
        fake.facts[MASK] = facts
    answer = send(client, files or [("other", ("a.txt", b"x", "text/plain"))])
    error = error_of(answer)
    assert (answer.status_code, error["param"], error["code"]) == (400, "image", "invalid_value")
    assert error["message"].startswith(says)
    assert fake.submitted == []


def test_a_prompt_is_needed(client: Client) -> None:
    answer = client.ask("POST", EDITS, files=[file()])
    assert (answer.status_code, error_of(answer)["param"]) == (400, "prompt")


def test_a_form_that_is_none(client: Client) -> None:
    answer = client.ask("POST", EDITS, content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, error_of(answer)["type"]) == (400, "invalid_request_error")


def test_pictures_in_json(client: Client, fake: FakeApplication) -> None:
    picture = "data:image/png;base64," + base64.b64encode(PNG).decode()
    mask = base64.b64encode(MASK).decode()
    fake.facts[MASK] = HOLES
    answer = client.post(EDITS, {"prompt": "a", "images": [{"image_url": picture}], "mask": mask})
    assert answer.status_code == 200
    init = fake.submitted[0].init
    assert init is not None
    assert fake.image(init.images[0]) == PNG
    assert client.post(EDITS, {"prompt": "a", "image": picture, "mask": None}).status_code == 200


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[]", "the body is 'list'"),
        (b"{", "the body is no JSON"),
        (b'{"image": 1}', "image must be a base64"),
    ],
)
def test_json_that_cannot_be_used(client: Client, content: bytes, says: str) -> None:
    answer = client.post(EDITS, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert error_of(answer)["message"].startswith(says)


def test_a_variation_is_drawn_by_the_prompt_of_its_picture(client: Client, fake: FakeApplication) -> None:
    fake.info = "a red circle\nNegative prompt: squares\nSteps: 4, Sampler: Euler, Seed: 1, Size: 8x8"
    assert send(client, [file()], VARIATIONS).status_code == 200
    request = fake.submitted[0]
    assert (request.prompt, request.negative_prompt) == ("a red circle", "squares")
    assert (request.kind, request.denoising_strength) == (Kind.IMG2IMG, 0.6)


def test_a_variation_takes_another_prompt(client: Client, fake: FakeApplication) -> None:
    fake.info = "a red circle\nNegative prompt: squares\nSteps: 4, Sampler: Euler, Seed: 1, Size: 8x8"
    send(client, [file()], VARIATIONS, prompt="blue", negative_prompt="red")
    assert (fake.submitted[0].prompt, fake.submitted[0].negative_prompt) == ("blue", "red")


def test_a_picture_that_is_not_used_is_let_go(client: Client, fake: FakeApplication) -> None:
    fake.facts[b"no picture"] = HOLES
    assert send(client, [file(), file("mask", b"no picture")]).status_code == 400
    assert len(fake.dropped) == 1


def test_a_form_of_another_site_is_refused(client: Client) -> None:
    answer = client.ask("POST", EDITS, files=[file()], headers={"Origin": "http://evil.example"})
    assert (answer.status_code, error_of(answer)["type"]) == (403, "permission_error")
