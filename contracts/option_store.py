"""What every ``OptionStore`` must do. Subclass in a test module and say how one is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.domain.options import OptionValue
from core.ports.driven import OptionStore


class OptionStoreContract(ABC):
    """What was saved last is what is loaded."""

    @abstractmethod
    def make(self) -> OptionStore:
        """A new, empty store."""

    def test_a_new_store_is_empty(self) -> None:
        assert dict(self.make().load()) == {}

    @pytest.mark.parametrize("value", [None, True, 1, 1.5, "", "ü\n\U0001f600", ["a", "b"]])
    def test_a_value_comes_back(self, value: OptionValue) -> None:
        store = self.make()
        store.save({"key": value})
        assert dict(store.load()) == {"key": value}

    def test_the_last_save_counts(self) -> None:
        store = self.make()
        store.save({"a": 1, "b": 2})
        store.save({"b": 3})
        assert dict(store.load()) == {"b": 3}

    def test_what_was_loaded_is_a_copy(self) -> None:
        store = self.make()
        changed: dict[str, OptionValue] = {"a": 1}
        store.save(changed)
        changed["a"] = 2
        assert dict(store.load()) == {"a": 1}

    def test_saves_at_once_leave_one_of_them(self) -> None:
        store = self.make()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: store.save({"a": i, "b": i}), range(50)))
        loaded = store.load()
        assert loaded["a"] == loaded["b"]
