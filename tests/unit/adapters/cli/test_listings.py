from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.bootstrap import LocalHost
from adapters.settings import load_settings
from core.domain.errors import ModelError, SettingsError, StorageError
from plugins.counting import HookCount
from tests.quality.test_api_runner_contract import listening
from tests.unit.adapters.cli.conftest import Serena
from tests.unit.adapters.cli.fakes import MODEL, REPORTS, FakeHost, with_errors
from tests.unit.adapters.http.fakes import FakeApplication


def test_models(serena: Serena, host: FakeHost) -> None:
    answer = serena("models")
    assert answer.code == 0
    assert MODEL.identity.title in answer.out
    assert host.events == ["close"]


def test_models_as_json(serena: Serena) -> None:
    (row,) = json.loads(serena("models", "--json").out)
    assert (row["title"], row["hash"], row["current"]) == ("tiny [ababababab]", "ababababab", True)


def test_models_can_be_asked_for_by_verb(serena: Serena) -> None:
    assert serena("models", "list").out == serena("models").out


def test_one_model(serena: Serena) -> None:
    out = serena("models", "show", "tiny").out
    assert "sha256" in out
    shown = json.loads(serena("models", "show", "tiny", "--json").out)
    assert (shown["hash"], shown["layout"], shown["precision"]) == ("ababababab", "folder", ["F16"])


def test_a_look_at_files(serena: Serena) -> None:
    good = serena("models", "check", "a.safetensors")
    assert good.code == 0
    assert "v_prediction (assumed: nothing says so)" in good.out
    assert "problem     none" in good.out
    both = serena("models", "check", "a.safetensors", "bad", "--json")
    assert both.code == 1
    assert [report["problem"] for report in json.loads(both.out)] == [None, "it is a LoRA"]


def test_a_conversion(serena: Serena, host: FakeHost) -> None:
    answer = serena("models", "convert", "a", "b.safetensors", "--precision", "bf16", "--force")
    assert (answer.code, answer.out) == (0, "b.safetensors\n")
    assert host.events == ["a b.safetensors bf16 True"]
    assert answer.err.splitlines() == ["converting a: 50 of 100 MiB", "converting a: 100 of 100 MiB"]
    assert serena("models", "convert", "a", "b", "--precision", "int4").code == 2


def test_a_pull(serena: Serena, tmp_path: Path) -> None:
    answer = serena("models", "pull", "org/name", "--data-dir", str(tmp_path))
    assert answer.out.strip() == str(tmp_path / "models" / "org" / "name")


def test_nothing_is_pulled_unless_it_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SERENA_HUB__ALLOW=true serena models pull org/name"):
        LocalHost().pull_model(load_settings(data_dir=tmp_path), "org/name", lambda *far: None)


def test_what_cannot_be_used_is_not_converted(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no"):
        LocalHost().convert_model(tmp_path / "a", tmp_path / "b", None, lambda *far: None, force=False)


def test_plugins_shows_installed_ones_and_why_one_is_not_in_use(serena: Serena) -> None:
    out = serena("plugins").out
    assert "sepia" in out
    assert "ImportError: no" in out
    assert "builtin_one" not in out


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        ((), ["sepia", "broken"]),
        (("--all",), ["builtin_one", "sepia", "broken"]),
        (("--hook", "serena_image"), ["builtin_one"]),
        (("--hook", "serena_saved"), []),
    ],
)
def test_which_plugins(serena: Serena, argv: tuple[str, ...], names: list[str]) -> None:
    assert [row["name"] for row in json.loads(serena("plugins", "--json", *argv).out)] == names


def test_a_hook_that_nobody_implements(serena: Serena) -> None:
    assert serena("plugins", "--hook", "serena_saved").out == "no plugin implements serena_saved\n"


def test_plugins_of_a_server_and_how_each_has_failed_there(serena: Serena) -> None:
    there = FakeApplication()
    there.plugins += REPORTS
    there.hook_counts += [
        HookCount(plugin="sepia", hook="serena_image", calls=9, seconds=1.0, failures=0),
        HookCount(plugin="sepia", hook="serena_prepare", calls=5, seconds=1.0, failures=3, late=1),
        HookCount(plugin="sepia", hook="serena_saved", calls=5, seconds=1.0, failures=2),
    ]
    with listening(there.application()) as url:
        told = serena("plugins", "--server", url).out
        row, _ = json.loads(serena("plugins", "--server", url, "--json").out)
    assert "serena_prepare 3 (1 too late), serena_saved 2" in told
    assert "ImportError: no" in told
    assert "builtin_one" not in told
    assert [one["failures"] for one in row["called"]] == [0, 3, 2]


def test_backends(serena: Serena) -> None:
    out = serena("backends").out
    assert "torch" in out
    assert "pip install 'serena[torch]'" in out
    assert json.loads(serena("backends", "--json").out)[0]["available"] is False


def test_doctor_is_content(serena: Serena) -> None:
    answer = serena("doctor")
    assert answer.code == 0
    assert "python" in answer.out


def test_doctor_ends_with_one_if_something_is_wrong(serena: Serena, host: FakeHost) -> None:
    answer = serena("doctor", "--json", on=with_errors(host))
    assert answer.code == 1
    assert json.loads(answer.out)[1]["remedy"] == "make stubs"


def test_version(serena: Serena) -> None:
    assert serena("version").out.startswith("serena ")
    assert serena("--version").out == serena("version").out
    versions = json.loads(serena("version", "--json").out)
    assert {"serena", "python", "platform", "torch"} <= set(versions)


def test_serve_passes_its_flags(serena: Serena, host: FakeHost, tmp_path: Path) -> None:
    assert serena("serve", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path)).code == 0
    (settings,) = host.seen
    assert (settings.http.host, settings.http.port, settings.data_dir) == ("0.0.0.0", 0, tmp_path)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (SettingsError("wrong port"), 2, "serena: wrong port\n"),
        (StorageError("disk\nfull"), 1, "serena: disk full\n"),
        (PermissionError(13, "Permission denied", "/data"), 1, "serena: /data: Permission denied\n"),
        (OSError(98, "Address already in use"), 1, "serena: Address already in use\n"),
    ],
)
def test_errors_are_one_sentence(serena: Serena, error: Exception, code: int, sentence: str) -> None:
    answer = serena("serve", on=FakeHost(serve_error=error))
    assert (answer.code, answer.err) == (code, sentence)


def test_a_wrong_setting_ends_with_two(serena: Serena) -> None:
    answer = serena("serve", "--port", "99999")
    assert answer.code == 2
    assert "http.port" in answer.err


def test_without_arguments_it_shows_help(serena: Serena) -> None:
    answer = serena()
    assert "txt2img" in answer.out + answer.err


def test_a_new_plugin(serena: Serena, tmp_path: Path) -> None:
    answer = serena("plugins", "new", "sepia", "--into", str(tmp_path))
    assert answer.code == 0
    assert "python -m pytest" in answer.out
    assert (tmp_path / "serena-sepia" / "serena_sepia.py").is_file()
    assert serena("plugins", "new", "Sepia!", "--into", str(tmp_path)).code == 2
