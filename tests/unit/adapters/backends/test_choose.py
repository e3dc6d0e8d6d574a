"""Which backend draws."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from adapters.backends.choose import GROUP, backend_entry_points, choose_backend, summarize
from adapters.backends.fake import FAKE_MODEL
from adapters.backends.fake import spec as fake_spec
from adapters.backends.spec import BackendSpec
from adapters.settings import Settings
from core.domain.errors import UnknownBackend
from core.ports.driven import ImageBackend


def _never(settings: Settings) -> ImageBackend:
    raise AssertionError("a backend that was not chosen is not made")


usable = BackendSpec("torch", _never, lambda: None)
unusable = BackendSpec("torch", _never, lambda: "torch is not installed", extra="torch")
plain_unusable = BackendSpec("odd", _never, lambda: "no such device")
no_spec = "a text"

HERE = __name__
FAKE = EntryPoint("fake", "adapters.backends.fake:spec", GROUP)


class Holding(EntryPoint):
    """An entry point to an object at hand."""

    def load(self) -> Any:
        if self.value == "broken":
            raise ImportError("libcuda is gone")
        return globals()[self.value]


def point(value: str, name: str = "torch") -> EntryPoint:
    return Holding(name, value, GROUP)


def test_by_name() -> None:
    assert choose_backend("fake", [point("usable"), FAKE]) is fake_spec
    assert choose_backend("torch", [FAKE, point("usable")]) is usable
    assert fake_spec.own_models == (FAKE_MODEL,)


def test_an_unknown_name_lists_the_known_ones_and_the_extra() -> None:
    with pytest.raises(
        UnknownBackend, match=r"'tpu' is not installed; there are fake, torch\. .*serena\[torch\]"
    ):
        choose_backend("tpu", [point("usable"), FAKE])
    with pytest.raises(UnknownBackend, match="there are none"):
        choose_backend("tpu", [])


def test_what_lacks_its_libraries_says_what_to_install() -> None:
    with pytest.raises(
        UnknownBackend, match=r"torch is not installed; install it with: pip install 'serena\[torch\]'"
    ):
        choose_backend("torch", [point("unusable")])
    with pytest.raises(UnknownBackend, match=r"cannot be used: no such device$"):
        choose_backend("odd", [point("plain_unusable", "odd")])


@pytest.mark.parametrize(
    ("environ", "points", "chosen"),
    [
        ({}, [FAKE, point("usable")], "torch"),
        ({}, [FAKE, point("unusable")], "fake"),
        ({}, [FAKE], "fake"),
        ({"CI": "true"}, [FAKE, point("usable")], "fake"),
        ({"CI": "True"}, [FAKE, point("usable")], "fake"),
        ({"CI": "false"}, [FAKE, point("usable")], "torch"),
    ],
)
def test_auto(environ: dict[str, str], points: list[EntryPoint], chosen: str) -> None:
    assert choose_backend("auto", points, environ).name == chosen


def test_ci_is_told_in_the_log_and_yields_to_a_name(caplog: pytest.LogCaptureFixture) -> None:
    choose_backend("auto", [FAKE], {"CI": "true"})
    assert "no real pictures" in caplog.text
    assert choose_backend("torch", [point("usable")], {"CI": "true"}) is usable


def test_auto_with_nothing_usable_says_so() -> None:
    with pytest.raises(UnknownBackend, match="'fake' is not installed; there are torch"):
        choose_backend("auto", [point("unusable")], {})


def test_two_packages_cannot_bring_the_same_name() -> None:
    with pytest.raises(UnknownBackend, match="two packages bring a backend 'torch'"):
        choose_backend("fake", [point("usable"), point("unusable"), FAKE])
    assert choose_backend("fake", [FAKE, FAKE]) is fake_spec  # one package, found twice


def test_what_is_no_backend_is_told() -> None:
    with pytest.raises(UnknownBackend, match="is no BackendSpec"):
        choose_backend("torch", [point("no_spec")])
    with pytest.raises(UnknownBackend, match="cannot be imported: ImportError: libcuda is gone"):
        choose_backend("torch", [point("broken")])


def test_a_summary_of_all() -> None:
    broken, fake, torch = summarize([point("unusable"), FAKE, point("broken", "broken")])
    assert (fake.name, fake.available, fake.reason) == ("fake", True, "")
    assert (torch.available, torch.reason) == (False, "torch is not installed")
    assert not broken.available
    assert "libcuda" in broken.reason


def test_those_that_are_installed() -> None:
    assert {found.name for found in backend_entry_points()} >= {"fake", "torch"}
    assert all(found.distribution for found in summarize(backend_entry_points()))
