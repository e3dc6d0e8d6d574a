"""The export script says what it cannot find. What it writes is tested by drawing with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.dev.export_onnx import main


def test_a_model_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cats", "--models-dir", str(tmp_path)])
    assert ended.value.code == 1
    assert "serena-demo" in capsys.readouterr().err
