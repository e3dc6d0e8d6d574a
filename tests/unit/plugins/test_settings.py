"""Settings of plugins: a model, whose fields are options that jobs see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from adapters.models.catalog_fake import FakeModelCatalog
from adapters.options.store_memory import MemoryOptionStore
from adapters.settings import load_settings
from core.domain.errors import InvalidValue, NotReady, PluginError, UnknownOption
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry, OptionSpec
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
        made.add_group(one.kind, one.specs, one.make)
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


class Named(BaseModel):
    name: str = ""
    other: str | None = "x"
    Tone: str = ""
    Both: int = 0
    BOTH: int = 0
    strict: int = Field(0, strict=True)


@pytest.mark.parametrize("text", ["123", "true", "null", '"a"', "[1]", '{"a": 1}'])
def test_a_text_stays_a_text_where_one_is_wanted(text: str) -> None:
    given = {"name": text, "other": text, "strict": "7"}
    made = registry(loaded(("a", Sepia(Named)), a=given)).values({}).of(Named)
    assert (made.name, made.other, made.strict) == (text, text, 7)


def test_names_with_capitals_are_reached_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "serena.toml").write_text('[plugins.a]\nTone = "file"\nname = "file"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERENA_PLUGINS__A__TONE", "[environment]")
    given = load_settings().plugins.given["a"]
    made = registry(loaded(("a", Sepia(Named)), a=given)).values({}).of(Named)
    assert (made.Tone, made.name) == ("[environment]", "file")


def test_the_environment_adds_to_a_file_whose_name_it_cannot_spell() -> None:
    given = {"my_sepia": {"strength": "0.25"}, "My-Sepia": {"strength": 0.5, "tones": ["a"]}}
    options = registry(loaded(("my-sepia", Sepia()), **given)).values({})
    assert options.of(SepiaSettings) == SepiaSettings(strength=0.25, tones=["a"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"strength": 3}, "its settings: strength: Input should be less than or equal to 1"),
        ({"strenght": 1}, "its settings: there is no 'strenght'; there are strength, tones, folder"),
        ({"tones": "pink"}, "its settings: tones: Input should be a valid list"),
        ({"tones": '["a", 1]'}, "its settings: tones.1: Input should be a valid string"),
        ({"Folder": "x"}, "its settings: there is no 'Folder'; there are strength, tones, folder"),
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


def test_one_of_two_names_that_differ_in_capitals_is_not_guessed() -> None:
    [report] = loaded(("a", Sepia(Named)), a={"both": 1}).reports
    assert report.error == (
        "its settings: there is no 'both'; there are name, other, Tone, Both, BOTH, strict"
    )


def test_settings_of_nobody_are_said(caplog: pytest.LogCaptureFixture) -> None:
    loaded(("sepia", Sepia()), sepai={"strength": 1}, sepia={"strength": 1})
    assert [record.message for record in caplog.records] == [
        "plugins.sepai is passed over: no plugin of that name has settings"
    ]


def test_a_plugin_that_is_left_out_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    loaded(("sepia", Sepia()), sepia={"strength": "much"})
    [said] = [record.message for record in caplog.records]
    assert said.startswith("plugin sepia is not used: its settings: strength: ")


def test_only_what_was_offered_can_be_asked_for() -> None:
    with pytest.raises(LookupError, match=r"Needs are no settings here; offer them in serena_register"):
        OptionRegistry(OPTIONS).values({}).of(Needs)


class Range(BaseModel):
    low: int = Field(1, ge=0)
    high: int = 3
    far: float = 0.0

    @model_validator(mode="after")
    def rising(self) -> Range:
        if self.low > self.high:
            raise ValueError("low is\nabove high")
        return self


def ranged(**kept: Any) -> OptionEditor:
    options = registry(loaded(("range", Sepia(Range))))
    return OptionEditor(options, MemoryOptionStore(kept), FakeModelCatalog(()))


def range_of(ours: OptionEditor) -> tuple[int, int]:
    seen = ours.values().of(Range)
    return seen.low, seen.high


def test_a_rule_over_two_fields_sees_the_values_in_force() -> None:
    ours = ranged()
    ours.set({"range_low": 3})
    with pytest.raises(InvalidValue, match=r"option range_high is 2; value error, low is above high"):
        ours.set({"range_high": 2})
    with pytest.raises(InvalidValue, match=r"option range_high is 2; value error"):
        ours.values().overlay({"range_high": 2})
    assert range_of(ours) == (3, 3)
    ours.set({"range_low": 8, "range_high": 9})
    assert range_of(ours) == (8, 9)


def test_values_that_do_not_go_together_are_named_together() -> None:
    with pytest.raises(
        InvalidValue, match=r"set of the plugin 'range' is \{'low': 2, 'high': 1\}; value error"
    ):
        ranged().set({"range_high": 1, "range_low": 2})
    with pytest.raises(InvalidValue, match=r"option range_low is -1; input should be greater"):
        ranged().set({"range_high": 1, "range_low": -1})
    with pytest.raises(InvalidValue, match=r"option range_far is 'nan'; JSON cannot hold it"):
        ranged().set({"range_high": 4, "range_far": "nan"})


def test_what_stands_may_be_what_is_wrong() -> None:
    options = registry(loaded(("range", Sepia(Range)))).values({"range_low": -1})
    with pytest.raises(InvalidValue, match="option range_high is 4; low: Input should be greater"):
        options.overlay({"range_high": 4})
    with pytest.raises(ValueError, match=r"^the settings of the plugin 'range': low: Input should be"):
        options.of(Range)


def test_a_pair_is_kept_as_a_pair() -> None:
    assert range_of(ranged(range_low=8, range_high=9)) == (8, 9)
    assert range_of(ranged(range_low=2, range_high=1)) == (2, 3)


def editor(complete: bool = True, **kept: Any) -> OptionEditor:
    known = OptionRegistry(OPTIONS, complete=complete)
    return OptionEditor(known, MemoryOptionStore(kept), FakeModelCatalog(()))


def test_what_is_kept_counts_before_anybody_knows_of_it() -> None:
    store = MemoryOptionStore({"sepia_strength": 0.25, "gone_tone": 1})
    ours = OptionEditor(OptionRegistry(OPTIONS, complete=False), store, FakeModelCatalog(()))
    ours.set({"n_rows": 3})
    assert ours.values().changed == store.load() == {"sepia_strength": 0.25, "gone_tone": 1, "n_rows": 3}
    for change in (ours.set, ours.values().overlay):
        with pytest.raises(NotReady, match="an option 'sepia_strength' is not known yet"):
            change({"sepia_strength": 1})
    ours.learn(loaded(("sepia", Sepia())).settings[0].specs.values())
    assert ours.values().changed == {"sepia_strength": 0.25, "n_rows": 3}
    with pytest.raises(UnknownOption):
        ours.set({"nobody": 1})


def test_what_nobody_can_check_now_is_kept() -> None:
    def away(*_: object) -> dict[str, Any]:
        raise NotReady("the process starts")

    ours = editor(complete=False, sepia_tone=1)
    ours.learn([OptionSpec("sepia_tone", 0, check=away)])
    assert ours.values()["sepia_tone"] == 1


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
