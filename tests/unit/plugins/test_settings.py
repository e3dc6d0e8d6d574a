"""Settings of plugins: a model, whose fields are options that jobs see."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator

from adapters.models.catalog_fake import FakeModelCatalog
from adapters.options.store_memory import MemoryOptionStore
from core.domain.errors import InvalidValue, PluginError
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.drafts import RequestDraft
from core.services.options import OptionEditor
from plugins.hookspecs import hookimpl
from plugins.manager import LoadedPlugins, load_plugins
from plugins.report import PluginSetting
from plugins.settings import SettingsRegister


class SepiaSettings(BaseModel):
    strength: float = Field(1.0, ge=0, le=1, description="how brown")
    tones: list[str] = []
    folder: str = Field("tones", json_schema_extra={"restricted": True})

    @field_validator("tones")
    @classmethod
    def known(cls, tones: list[str]) -> list[str]:
        if "pink" in tones:
            raise ValueError("pink is no tone")
        return tones


class Sepia:
    """Writes what it sees of its settings into the prompt."""

    def __init__(self, *kinds: type[BaseModel]) -> None:
        self._kinds = kinds or (SepiaSettings,)

    @hookimpl
    def serena_register_settings(self, register: SettingsRegister) -> None:
        for kind in self._kinds:
            register.add(kind)

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        seen = draft.options.of(SepiaSettings)
        draft.prompt += f" {seen.strength} {'+'.join(seen.tones)}"


def loaded(*plugins: tuple[str, object], **given: Any) -> LoadedPlugins:
    return load_plugins(found=(), objects=plugins, given=given)


def registry(plugins: LoadedPlugins) -> OptionRegistry:
    made = OptionRegistry(OPTIONS)
    for one in plugins.settings:
        made.add_group(one.kind, one.specs)
    return made


def test_the_report_names_them() -> None:
    [report] = loaded(("my-sepia", Sepia()), my_sepia={"strength": "0.5"}).reports
    assert report.settings == (
        PluginSetting(name="strength", option="my_sepia_strength", default=0.5, description="how brown"),
        PluginSetting(name="tones", option="my_sepia_tones", default=[]),
        PluginSetting(name="folder", option="my_sepia_folder", default="tones", restricted=True),
    )


def test_texts_of_the_environment_become_what_the_model_wants() -> None:
    given = {"strength": "0.25", "tones": '["a", "b"]', "folder": "{odd"}
    options = registry(loaded(("sepia", Sepia()), sepia=given)).values({})
    assert options.of(SepiaSettings) == SepiaSettings(strength=0.25, tones=["a", "b"], folder="{odd")


def test_the_environment_adds_to_a_file_whose_name_it_cannot_spell() -> None:
    given = {"my_sepia": {"strength": "0.25"}, "My-Sepia": {"strength": 0.5, "tones": ["a"]}}
    options = registry(loaded(("my-sepia", Sepia()), **given)).values({})
    assert options.of(SepiaSettings) == SepiaSettings(strength=0.25, tones=["a"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"strength": 3}, "its settings: strength: Input should be less than or equal to 1"),
        ({"strenght": 1}, "its settings: there is no 'strenght'; there are strength, tones, folder"),
        ({"tones": ["pink"]}, "its settings: tones: Value error, pink is no tone"),
    ],
)
def test_what_is_configured_wrongly_leaves_the_plugin_out(given: dict[str, Any], said: str) -> None:
    plugins = loaded(("sepia", Sepia()), sepia=given)
    assert plugins.reports[0].error == said
    assert plugins.settings == ()


class Secret(BaseModel):
    key: SecretStr = SecretStr("x")


class Needs(BaseModel):
    key: str


class Vae(BaseModel):
    vae: str = "x"


class Endless(BaseModel):
    far: float = float("inf")


class Aliased(BaseModel):
    far: float = Field(1.0, alias="distance")


@pytest.mark.parametrize(
    ("name", "kinds", "said"),
    [
        ("a", (Secret,), "its settings: they come back changed from JSON"),
        ("a", (Needs,), "its settings: key: Field required"),
        ("sd", (Vae,), "its settings: there is an option 'sd_vae' already; use another field name"),
        ("a", (Vae, Needs), "serena_register_settings adds one model of settings"),
        ("other", (SepiaSettings,), "its settings are taken by the plugin 'sepia'"),
        ("a", (5,), "its settings: 5 is no model of pydantic"),
        ("a", (Endless,), "its settings: far: JSON cannot hold inf"),
        ("a", (Aliased,), "its settings: 'far' has an alias; options are named after fields"),
    ],
)
def test_settings_that_cannot_be(name: str, kinds: tuple[type[BaseModel], ...], said: str) -> None:
    first, second = loaded(("sepia", Sepia()), (name, Sepia(*kinds))).reports
    assert first.error is None
    assert said in (second.error or "")
    assert second.settings == ()


class Fussy(BaseModel):
    far: float = 1.0

    @field_validator("far")
    @classmethod
    def near(cls, far: float) -> float:
        return {1.0: far}[far] if far in (1, 2) else far


@pytest.mark.parametrize("text", ["inf", "-inf", "nan"])
def test_what_json_has_no_sign_for_is_refused(text: str) -> None:
    [spec] = loaded(("a", Sepia(Fussy))).settings[0].specs.values()
    with pytest.raises(InvalidValue, match=f"option a_far is '{text}'; JSON cannot hold it"):
        spec.accept(text)


def test_a_check_that_breaks_names_its_plugin() -> None:
    [spec] = loaded(("a", Sepia(Fussy))).settings[0].specs.values()
    with pytest.raises(PluginError, match=r"plugin 'a' failed in the check of its settings: KeyError: 2\.0"):
        spec.accept(2)


def test_settings_of_nobody_are_said(caplog: pytest.LogCaptureFixture) -> None:
    loaded(("sepia", Sepia()), sepai={"strength": 1}, sepia={"strength": 1})
    assert [record.message for record in caplog.records] == [
        "plugins.sepai is passed over: no plugin of that name has settings"
    ]


def test_only_what_was_offered_can_be_asked_for() -> None:
    with pytest.raises(LookupError, match=r"Needs are no settings here; offer them in serena_register"):
        OptionRegistry(OPTIONS).values({}).of(Needs)


def editor(**kept: Any) -> OptionEditor:
    store = MemoryOptionStore()
    store.save(kept)
    return OptionEditor(OptionRegistry(OPTIONS), store, FakeModelCatalog(()))


def test_options_that_are_learnt_of_later_have_what_was_kept() -> None:
    ours = editor(sepia_strength=0.25, n_rows=3)
    specs = [*loaded(("sepia", Sepia())).settings[0].specs.values()]
    assert "sepia_strength" not in ours.get()
    for _ in range(2):
        ours.learn(specs)
        assert (ours.get()["sepia_strength"], ours.get()["n_rows"]) == (0.25, 3)


def test_a_kept_value_of_serenas_own_that_is_wrong_is_told() -> None:
    with pytest.raises(InvalidValue, match="option n_rows"):
        editor(n_rows="many")
