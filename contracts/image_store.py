"""What every ``ImageStore`` must do. Subclass in a test module and say how one is made and read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain.errors import StorageError
from core.ports.driven import ImageStore

HOSTILE = [
    *(
        "",
        ".",
        "..",
        "../x",
        "../../x",
        "/etc",
        "a/b",
        "a\\b",
        "\\\\host\\x",
        "C:",
        "C:x",
        "x:stream",
        "a\0b",
    ),
    *("a\nb", "x.", "x ", "a*", "a?", '"', "<a>", "|"),
]
FOLDER = ("outputs", "2026-01-02")


class ImageStoreContract(ABC):
    """Numbers, whole files, and one root."""

    @abstractmethod
    def make(self) -> ImageStore:
        """A new, empty store."""

    @abstractmethod
    def files(self, store: ImageStore) -> Mapping[str, bytes]:
        """Everything in the store, by path below its root with ``/``; nothing that lies elsewhere."""

    def test_a_picture_is_numbered(self) -> None:
        store = self.make()
        stored = store.save(FOLDER, "42", "png", b"abc")
        assert stored.number == 0
        assert PurePosixPath(stored.path.replace("\\", "/")).name == "00000-42.png"
        assert self.files(store) == {"outputs/2026-01-02/00000-42.png": b"abc"}

    def test_numbers_count_up_in_each_folder(self) -> None:
        store = self.make()
        numbers = [store.save(FOLDER, "1", kind, b"x").number for kind in ("png", "jpg", "webp")]
        assert numbers == [0, 1, 2]
        assert store.save(("other",), "1", "png", b"x").number == 0
        assert store.save((), "1", "png", b"x").number == 0

    def test_an_empty_stem_leaves_the_number(self) -> None:
        store = self.make()
        store.save((), "", "png", b"x")
        store.save((), "", "png", b"x")
        assert set(self.files(store)) == {"00000.png", "00001.png"}

    def test_without_a_number_nothing_is_overwritten(self) -> None:
        store = self.make()
        stored = [store.save((), "cat", "png", data, number=False) for data in (b"1", b"2", b"3")]
        assert [one.number for one in stored] == [None, None, None]
        assert self.files(store) == {"cat.png": b"1", "cat-1.png": b"2", "cat-2.png": b"3"}

    def test_a_file_that_was_written_before_is_found_by_its_bytes(self) -> None:
        store = self.make()
        for data in (b"1", b"2"):
            store.save(FOLDER, "cat", "png", data)
        again = store.save(FOLDER, "cat", "png", b"1", once=True)
        assert (again.path, again.number) == ("outputs/2026-01-02/00000-cat.png", 0)
        assert store.save(FOLDER, "cat", "png", b"3", once=True).number == 2
        assert store.save(FOLDER, "dog", "png", b"1", once=True).number == 3
        assert store.save(FOLDER, "cat", "jpg", b"1", once=True).number == 4
        assert store.save(FOLDER, "cat", "png", b"1").number == 5

    def test_a_grid_that_was_written_before_is_found(self) -> None:
        store = self.make()
        first = store.save((), "", "png", b"1", basename="grid")
        assert store.save((), "", "png", b"1", basename="grid", once=True) == first
        assert store.save((), "", "png", b"1", once=True).path == "00000.png"

    def test_a_file_without_a_number_is_found_too(self) -> None:
        store = self.make()
        for data in (b"1", b"2"):
            store.save((), "cat", "png", data, number=False)
        store.save((), "cat-x", "png", b"3", number=False)
        assert store.save((), "cat", "png", b"2", number=False, once=True).path == "cat-1.png"
        assert store.save((), "cat", "png", b"3", number=False, once=True).path == "cat-2.png"

    @pytest.mark.parametrize("hostile", HOSTILE)
    def test_a_check_finds_names_that_cannot_be(self, hostile: str) -> None:
        store = self.make()
        with pytest.raises(StorageError):
            store.check((hostile,), "cat", "png", 1)
        with pytest.raises(StorageError):
            store.check((), "cat", hostile, 1)
        if hostile:
            with pytest.raises(StorageError):
                store.check((), hostile, "png", 1)

    def test_a_check_of_what_can_be_writes_no_file(self) -> None:
        store = self.make()
        for stem in ("cat", ""):
            store.check(FOLDER, stem, "png", 1)
        assert self.files(store) == {}

    def test_a_file_without_a_number_takes_the_place_of_another_when_told(self) -> None:
        store = self.make()
        stored = [store.save(FOLDER, "cat", "png", data, number=False, replace=True) for data in (b"1", b"2")]
        assert [(one.path, one.number) for one in stored] == [("outputs/2026-01-02/cat.png", None)] * 2
        numbered = [store.save(FOLDER, "cat", "png", b"3", replace=True).number for _ in range(2)]
        assert numbered == [0, 1]
        assert self.files(store)["outputs/2026-01-02/cat.png"] == b"2"
        assert len(self.files(store)) == 3

    def test_threads_get_distinct_numbers(self) -> None:
        store = self.make()
        with ThreadPoolExecutor(20) as pool:
            stored = list(pool.map(lambda i: store.save(FOLDER, "s", "png", bytes([i]) * 1000), range(20)))
        assert sorted(one.number or 0 for one in stored) == list(range(20))
        assert sorted(self.files(store).values()) == [bytes([i]) * 1000 for i in range(20)]

    def test_threads_never_overwrite(self) -> None:
        store = self.make()
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda i: store.save(FOLDER, "s", "png", bytes([i]), number=False), range(20)))
        assert sorted(self.files(store).values()) == [bytes([i]) for i in range(20)]

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_name_is_refused(self, name: str) -> None:
        store = self.make()
        with pytest.raises(StorageError):
            store.save((name,), "x", "png", b"abc")
        with pytest.raises(StorageError):
            store.save((), name, "png", b"abc", number=False)
        with pytest.raises(StorageError):
            store.save((), "x", name, b"abc")
        assert self.files(store) == {}

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        folder=st.lists(st.text(max_size=300), max_size=3), stem=st.text(max_size=300), number=st.booleans()
    )
    def test_no_name_leaves_the_root(self, folder: list[str], stem: str, number: bool) -> None:
        store = self.make()
        before = set(self.files(store))
        try:
            store.save(folder, stem, "png", b"abc", number=number)
        except StorageError:
            assert set(self.files(store)) == before
        else:
            (path,) = set(self.files(store)) - before
            assert len(path.split("/")) == len(folder) + 1
