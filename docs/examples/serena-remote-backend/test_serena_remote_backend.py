# test_serena_remote_backend.py
from collections.abc import Iterator
from typing import Any

import pytest
from serena_remote_backend import URL, RemoteSerena, raster, spec

from serena import (
    BackendError,
    BatchDraft,
    HiresParams,
    InvalidRequest,
    InvalidValue,
    LoraChoice,
    hookimpl,
)
from serena.client import Client, Retries, Txt2ImgRequest
from serena.testing import BackendContract, SerenaApp, SerenaServer

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 4, "seed": 1}


@pytest.fixture
def client(serena_server: SerenaServer) -> Iterator[Client]:
    """Of another Serena, which takes its time."""
    with Client(serena_server(backend={"step_seconds": 0.01}, limits={"max_steps": 99})) as client:
        yield client


class TestContract(BackendContract):
    @pytest.fixture(autouse=True)
    def _served(self, client: Client) -> None:
        self.client = client

    def make(self) -> RemoteSerena:
        return RemoteSerena(self.client)

    def test_an_interrupt_ends_the_pass_with_what_there_is(self, app: Any, backend: Any) -> None:
        super().test_an_interrupt_ends_the_pass_with_what_there_is(app, backend)
        [newest] = self.client.jobs(limit=1)
        assert newest.state == "cancelled"


def test_it_draws_what_the_other_one_draws(client: Client, serena_app: SerenaApp) -> None:
    ours = serena_app(backend=RemoteSerena(client)).txt2img("a cat", **SMALL)
    [theirs] = client.images(client.run(Txt2ImgRequest(prompt="a cat", **SMALL)))
    assert ours.images[0].convert("RGB").tobytes() == raster(theirs).pixels


def test_what_the_other_one_refuses_is_refused(client: Client, serena_app: SerenaApp) -> None:
    serena = serena_app(backend=RemoteSerena(client))
    with pytest.raises(InvalidRequest, match="steps is 100"):
        serena.txt2img("a cat", **{**SMALL, "steps": 100})


def test_nobody_answers(serena_app: SerenaApp) -> None:
    with Client("http://127.0.0.1:1", retries=Retries(attempts=1)) as nobody:
        serena = serena_app(backend=RemoteSerena(nobody))
        with pytest.raises(BackendError, match=r"the other Serena: .* cannot be reached"):
            serena.txt2img("a cat", **SMALL)


def test_a_second_pass_is_refused(client: Client, serena_app: SerenaApp) -> None:
    larger = {"hires": HiresParams(scale=1.5, upscaler="Latent"), "denoising_strength": 0.6}
    with pytest.raises(InvalidValue, match="enable_hr"):
        serena_app(backend=RemoteSerena(client)).txt2img("a cat", **SMALL, **larger)


class Lora:
    """As the plugin that reads ``<lora:name>``."""

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        draft.extras["loras"] = (LoraChoice(name="ink", filename="ink.safetensors"),)


def test_files_of_this_machine_are_refused(client: Client, serena_app: SerenaApp) -> None:
    with pytest.raises(InvalidValue, match="sd_vae is 'warm'; the other Serena draws with its own VAE"):
        serena_app(backend=RemoteSerena(client)).txt2img(
            "a cat", **SMALL, override_settings={"sd_vae": "warm"}
        )
    with pytest.raises(InvalidValue, match="prompt is '<lora:ink>'"):
        serena_app(Lora(), backend=RemoteSerena(client)).txt2img("a cat", **SMALL)


def test_it_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL, raising=False)
    assert URL in str(spec.unavailable())
    monkeypatch.setenv(URL, "http://127.0.0.1:7860")
    assert spec.unavailable() is None
