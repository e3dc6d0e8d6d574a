"""The plugins as the own API tells of them."""

from __future__ import annotations

from core.domain.resources import ScriptInfo
from plugins.counting import HookCount
from plugins.report import PluginReport, PluginSetting
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication

PLUGINS = "/api/v1/plugins"
LADDER = [ScriptInfo(name="ladder", always_on=False, img2img=img2img) for img2img in (False, True)]


def test_what_each_is_and_how_it_failed(client: Client, fake: FakeApplication) -> None:
    fake.plugins += [
        PluginReport(
            name="sepia",
            distribution="serena-sepia",
            version="2",
            builtin=False,
            hooks=("serena_prepare",),
            scripts=tuple(LADDER),
            settings=(PluginSetting(name="tone", option="sepia_tone", default=1),),
        ),
        PluginReport(name="lora", distribution="serena", version="1", builtin=True),
    ]
    fake.hook_counts += [
        HookCount(plugin="sepia", hook="serena_prepare", calls=5, seconds=0.5, failures=3, late=1),
        HookCount(plugin="other", hook="serena_prepare", calls=1, seconds=0.5, failures=0),
    ]
    sepia, lora = client.get(PLUGINS).json()["plugins"]
    assert sepia == {
        "name": "sepia",
        "distribution": "serena-sepia",
        "version": "2",
        "builtin": False,
        "error": None,
        "warnings": [],
        "hooks": ["serena_prepare"],
        "scripts": ["ladder"],
        "settings": ["sepia_tone"],
        "called": [{"hook": "serena_prepare", "calls": 5, "seconds": 0.5, "failures": 3, "late": 1}],
    }
    assert (lora["builtin"], lora["called"]) == (True, [])


def test_where_the_server_keeps_its_files_is_not_told(client: Client, fake: FakeApplication) -> None:
    error = "cannot be imported: ImportError: no 'x' from 'y' (/secret/y.py); see http://a.b/c, '/secret/a b'"
    fake.plugins.append(
        PluginReport(
            name="x", distribution="x", version="1", builtin=False, error=error, warnings=("C:\\secret\\y",)
        )
    )
    answer = client.get(PLUGINS)
    [broken] = answer.json()["plugins"]
    assert broken["error"] == (
        "cannot be imported: ImportError: no 'x' from 'y' (a file of the server); see http://a.b/c, "
        "a file of the server"
    )
    assert broken["warnings"] == ["a file of the server"]
    assert "secret" not in answer.text
