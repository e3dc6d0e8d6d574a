"""Settings: file, then environment, then flags; and the sentences for wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.settings import ci_selects_fake, handed_settings, load_settings
from core.domain.errors import SettingsError


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SERENA_CONFIG", raising=False)
    return tmp_path


def test_without_anything_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.http.host, settings.http.port, settings.backend.name) == ("127.0.0.1", 7860, "auto")
    assert settings.models_dir == Path("models")
    assert not settings.http.guarded


def test_flags_win_over_environment_over_file(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty / "serena.toml").write_text('[http]\nport = 1\nhost = "a"\nkeep_alive = 7\n[jobs]\nkeep = 3\n')
    monkeypatch.setenv("SERENA_HTTP__PORT", "2")
    monkeypatch.setenv("SERENA_HTTP__HOST", "b")
    settings = load_settings(http={"port": 3}, data_dir="d", models={"dir": "m"})
    assert (settings.http.port, settings.http.host, settings.http.keep_alive) == (3, "b", 7)
    assert settings.jobs.keep == 3
    assert settings.models_dir == Path("m")
    assert load_settings(data_dir="d").models_dir == Path("d/models")


def test_what_a_parent_hands_on_is_all(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty / "serena.toml").write_text("[jobs]\nkeep = 3\n")
    monkeypatch.setenv("SERENA_HTTP__USERS", '["anna:pw"]')
    settings = handed_settings({"data_dir": "d", "backend": {"name": "fake"}})
    assert (settings.data_dir, settings.backend.name) == (Path("d"), "fake")
    assert (settings.http.users, settings.jobs.keep) == ((), 1000)
    with pytest.raises(SettingsError, match="wrong settings: colour"):
        handed_settings({"colour": "red"})


def test_another_file_may_be_named(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty / "mine.toml").write_text("[jobs]\nkeep = 9\n")
    monkeypatch.setenv("SERENA_CONFIG", str(empty / "mine.toml"))
    assert load_settings().jobs.keep == 9
    monkeypatch.setenv("SERENA_CONFIG", "gone.toml")
    with pytest.raises(SettingsError, match=r"there is no file gone\.toml"):
        load_settings()


def test_a_broken_file_is_told(empty: Path) -> None:
    (empty / "serena.toml").write_text("[http\n")
    with pytest.raises(SettingsError, match=r"cannot read serena\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"http": {"port": 70000}}, r"http\.port: .*less than or equal to 65535 \(got 70000\)"),
        ({"http": {"prot": 1}}, r"http\.prot: Extra inputs are not permitted"),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"backend": {"dtype": "float8"}}, r"backend\.dtype: .*'float8'"),
        ({"jobs": {"keep": 0}, "limits": {"max_steps": "many"}}, r"jobs\.keep: .*; limits\.max_steps: "),
    ],
)
def test_a_wrong_setting_is_one_line_each(flags: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=f"^wrong settings: .*{said}"):
        load_settings(**flags)


def test_no_password_is_repeated() -> None:
    with pytest.raises(SettingsError, match=r"http\.users") as found:
        load_settings(http={"users": ["ann:hunter2", {"bob": "hunter2"}]})
    assert "hunter2" not in str(found.value)
    settings = load_settings(http={"users": ["ann:hunter2"]})
    assert settings.http.guarded
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(load_settings(jobs={"webhook_secret": "hunter2"}))
    with pytest.raises(SettingsError, match=r"jobs\.webhook_secret") as found:
        load_settings(jobs={"webhook_secret": ["hunter2"]})
    assert "hunter2" not in str(found.value)


def test_a_list_in_the_environment_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERENA_PLUGINS__BLOCK", '["a", "b"]')
    assert load_settings().plugins.block == ("a", "b")
    monkeypatch.setenv("SERENA_PLUGINS__BLOCK", "a,b")
    with pytest.raises(SettingsError, match=r"wrong settings: .*plugins.*JSON"):
        load_settings()


def test_settings_are_frozen() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.http.port = 1


@pytest.mark.parametrize(("value", "selects"), [("true", True), ("TRUE", True), ("1", False), ("", False)])
def test_ci(value: str, selects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ci_selects_fake({"CI": value}) is selects
    monkeypatch.setenv("CI", value)
    assert ci_selects_fake() is selects
    assert not ci_selects_fake({})
