"""Plugins as callers of the API see them: their settings are options, and what they cost is counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.http.app import create_app
from adapters.settings import load_settings
from core.drafts import RequestDraft
from plugins.hookspecs import hookimpl
from plugins.settings import SettingsRegister
from tests.unit.adapters.http.conftest import Client


class SepiaSettings(BaseModel):
    strength: float = Field(1.0, ge=0, le=1, description="how brown")
    tones: list[str] = []
    folder: str = Field("tones", json_schema_extra={"restricted": True})


class Sepia:
    """Writes what it sees of its settings into the prompt."""

    @hookimpl
    def serena_register_settings(self, register: SettingsRegister) -> None:
        register.add(SepiaSettings)

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        seen = draft.options.of(SepiaSettings)
        if draft.prompt == "a dog":
            raise ValueError("no dogs")
        draft.prompt += f" {seen.strength} {'+'.join(seen.tones)} {seen.folder}"


def assembled(folder: Path, **given: Any) -> Application:
    settings = load_settings(data_dir=folder, backend={"name": "fake"}, plugins={"only": [], "sepia": given})
    return bootstrap(settings, plugins=[("sepia", Sepia())])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    app = assembled(tmp_path_factory.mktemp("data"), strength=0.5)
    app.start()
    yield Client(create_app(app))
    app.close()


def draw(client: Client, prompt: str, **overrides: Any) -> Any:
    body = {"prompt": prompt, "width": 64, "height": 64, "steps": 1, "override_settings": overrides}
    return client.post("/sdapi/v1/txt2img", json=body)


def test_settings_are_options(client: Client) -> None:
    options = client.get("/sdapi/v1/options").json()
    assert [options[f"sepia_{name}"] for name in ("strength", "tones", "folder")] == [0.5, [], "tones"]
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Options"]["properties"]
    assert schema["sepia_strength"] == {"default": 0.5, "type": "number"}


def test_they_are_changed_as_options_are(client: Client) -> None:
    changes = {"sepia_tones": ["umber"], "sepia_folder": "/etc"}
    assert client.post("/sdapi/v1/options", json=changes).status_code == 200
    drawn = draw(client, "a cat", sepia_strength=0.75, sepia_folder="/etc").json()
    assert json.loads(drawn["info"])["prompt"] == "a cat 0.75 umber tones"


@pytest.mark.parametrize("where", ["options", "override"])
def test_a_wrong_value_is_refused_in_a_sentence(client: Client, where: str) -> None:
    changes = {"sepia_strength": 2}
    answer = (
        client.post("/sdapi/v1/options", json=changes)
        if where == "options"
        else draw(client, "a cat", **changes)
    )
    assert answer.status_code == 422
    assert "option sepia_strength is 2; input should be less than or equal to 1" in answer.text


def test_what_was_kept_and_does_not_fit_any_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "serena-options.json").write_text(json.dumps({"sepia_strength": 9, "eta_ddim": 0.5}))
    options = assembled(tmp_path).options.get()
    assert (options["sepia_strength"], options["eta_ddim"]) == (1.0, 0.5)
    assert "what is kept of an option is passed over: option sepia_strength is 9" in caplog.text


def test_calls_and_failures_are_counted_by_plugin_and_hook(client: Client) -> None:
    draw(client, "a cat")
    assert "no dogs" in draw(client, "a dog").text
    lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
    key = '{hook="serena_prepare",plugin="sepia"}'
    calls, failures = (float(lines[f"serena_plugin_{what}_total{key}"]) for what in ("calls", "failures"))
    assert (calls >= 2, failures) == (True, 1.0)
    assert float(lines[f"serena_plugin_seconds_total{key}"]) > 0
