"""The checkpoints as the own API tells of them."""

from __future__ import annotations

from tests.unit.adapters.http.api_v1.conftest import problem
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import MODEL

MODELS = "/api/v1/models"


def test_what_there_is_and_what_cannot_be_used(client: Client) -> None:
    answer = client.get(MODELS)
    assert answer.status_code == 200
    assert answer.json()["unusable"] == [{"name": "old.ckpt", "problem": "it is a pickle"}]
    [model] = answer.json()["models"]
    assert model["title"] == MODEL.identity.title
    assert (model["current"], model["hash"], model["sha256"]) == (True, "ab" * 5, "ab" * 32)
    assert (model["family"], model["family_title"]) == (None, "Stable Diffusion 1.x")
    assert (model["layout"], model["precision"], model["missing"]) == ("single file", ["F16", "F32"], ["vae"])
    assert (model["prediction"], model["prediction_assumed"], model["bytes"]) == ("epsilon", False, 99)
    assert "/secret" not in answer.text


def test_one_by_its_title_and_by_a_name_with_a_slash(client: Client) -> None:
    [model] = client.get(MODELS).json()["models"]
    for name in (MODEL.identity.title, MODEL.identity.name, "demo"):
        assert client.get(f"{MODELS}/{name}").json() == model


def test_one_that_there_is_not(client: Client) -> None:
    assert MODEL.identity.title in problem(client.get(f"{MODELS}/other"), 404, "unknown-model")["detail"]
