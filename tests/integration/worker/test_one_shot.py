"""A command asks once: it waits for what the child has to say."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from adapters.bootstrap import bootstrap
from adapters.cli.app import create_cli
from adapters.cli.errors import run
from adapters.settings import load_settings
from tests.quality.apart import INSTALLED
from tests.quality.test_cli_runner_contract import OneApplication


def test_a_command_may_set_what_only_a_plugin_of_the_child_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(INSTALLED)
    settings = load_settings(data_dir=tmp_path, backend={"name": "fake"}, worker={"kind": "process"})
    sizes = ("--width", "64", "--height", "64", "--steps", "1")
    with closing(bootstrap(settings)) as app:
        cli = create_cli(OneApplication(app))
        code = run(cli, ["txt2img", "a cat", *sizes, "--json", "--option", "fatal_colour=blue"])
        drawn = capsys.readouterr()
        assert code == 0, drawn.err
        wrong = run(cli, ["txt2img", "a cat", *sizes, "--option", "fatal_colour=B"])
        refused = capsys.readouterr()
    [image] = json.loads(drawn.out)["images"]
    assert "Colour: blue" in image["infotext"]
    assert (wrong, "option fatal_colour is 'B'; string should match" in refused.err) == (2, True)
