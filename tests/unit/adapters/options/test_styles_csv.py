from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.options.styles_csv import STYLES_FILE, CsvStyleLibrary
from adapters.options.styles_memory import MemoryStyleLibrary
from core.domain.errors import StorageError
from core.domain.job import StyleText


def test_no_file_is_no_styles(tmp_path: Path) -> None:
    assert CsvStyleLibrary(tmp_path).all() == ()


def test_styles_are_read_again_when_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / STYLES_FILE
    path.write_text(
        '\ufeffname,prompt,negative_prompt\n#no,x,y\nfoto,"{prompt}, 35mm",blurry\n', encoding="utf-8"
    )
    library = CsvStyleLibrary(tmp_path)
    assert library.all() == (StyleText("foto", "{prompt}, 35mm", "blurry"),)
    path.write_text("name,text\nold,ink\n")
    os.utime(path, ns=(1, 1))
    assert library.all() == (StyleText("old", "ink", ""),)
    path.unlink()
    assert library.all() == ()


def test_a_file_that_is_no_csv_is_told(tmp_path: Path) -> None:
    (tmp_path / STYLES_FILE).write_bytes(b"name,prompt\n\xff\xfe,x\n")
    with pytest.raises(StorageError, match="UTF-8"):
        CsvStyleLibrary(tmp_path).all()


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / STYLES_FILE).mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        CsvStyleLibrary(tmp_path).all()


def test_memory() -> None:
    style = StyleText("a", "b", "c")
    assert MemoryStyleLibrary([style]).all() == (style,)
