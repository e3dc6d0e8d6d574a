"""Which plugin each thread is in, read from the memory that says so."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from core.domain.errors import PluginError
from core.domain.request import GenerationRequest
from core.domain.scripts import Script
from core.drafts import Draw, RequestDraft, ScriptResult
from plugins.calling import HookRules
from plugins.hooks import PluggyRunHooks
from plugins.hookspecs import hookimpl
from plugins.manager import load_plugins
from plugins.marking import CALLS, NOWHERE, SIZE, THREADS, Call, CallMarks, clear_marks, marked, read_marks
from plugins.scripts import ScriptRegister
from tests.unit.core.workshop import Workshop, request

PATIENCE = 20.0


@pytest.fixture
def memory() -> mmap.mmap:
    return mmap.mmap(-1, SIZE)


@pytest.fixture
def marks(memory: mmap.mmap) -> CallMarks:
    return CallMarks(memory)


def test_a_call_is_marked_while_it_lasts(memory: mmap.mmap, marks: CallMarks) -> None:
    def fail() -> None:
        raise ValueError(read_marks(memory))

    def outer() -> tuple[Call, ...]:
        with pytest.raises(ValueError, match="'inner', 'serena_image'"):
            marked(marks, "inner", "serena_image", fail)
        return read_marks(memory)

    assert marked(marks, "outer", "serena_prepare", outer) == (("outer", "serena_prepare"),)
    assert read_marks(memory) == ()
    assert marked(None, "outer", "serena_prepare", lambda: read_marks(memory)) == ()


def test_what_a_dead_process_has_marked_is_cleared(memory: mmap.mmap, marks: CallMarks) -> None:
    marks.put(marks.number("sepia", "serena_image"))
    clear_marks(memory)
    assert read_marks(memory) == ()


class Insiders:
    """Threads that are in a plugin until they may go."""

    def __init__(self, marks: CallMarks) -> None:
        self._marks = marks
        self._leave = threading.Event()
        self._threads: list[threading.Thread] = []

    def add(self, plugin: str) -> None:
        inside = threading.Event()

        def stay() -> None:
            inside.set()
            self._leave.wait(PATIENCE)

        thread = threading.Thread(target=marked, args=(self._marks, plugin, "serena_image", stay))
        self._threads.append(thread)
        thread.start()
        assert inside.wait(PATIENCE)

    def leave(self) -> None:
        self._leave.set()
        for thread in self._threads:
            thread.join(PATIENCE)


def test_each_thread_has_its_own_mark_and_leaves_room_when_it_ends(
    memory: mmap.mmap, marks: CallMarks
) -> None:
    for _ in range(2):
        insiders = Insiders(marks)
        for number in range(THREADS + 1):  # beside this one
            insiders.add(f"p{number:03}")
        assert read_marks(memory) == tuple((f"p{n:03}", "serena_image") for n in range(THREADS - 1))
        insiders.leave()
        assert read_marks(memory) == ()


def test_more_calls_than_can_be_told_apart_are_not_marked(memory: mmap.mmap, marks: CallMarks) -> None:
    numbers = [marks.number("p", f"h{number}") for number in range(CALLS + 1)]
    assert numbers == [*range(1, CALLS + 1), NOWHERE]
    assert marks.number("p", f"h{CALLS}") == NOWHERE
    assert marked(marks, "p", f"h{CALLS - 1}", lambda: read_marks(memory)) == (("p", f"h{CALLS - 1}"),)


def test_a_long_name_is_cut(memory: mmap.mmap, marks: CallMarks) -> None:
    [(plugin, hook)] = marked(marks, "ü" * 200, "serena_image", lambda: read_marks(memory))
    assert hook == "serena_image"
    assert plugin == "ü" * 121


Look = Callable[[str], None]


class Looking:
    """Looks what is marked, in hooks, around them, and in a script beside its passes."""

    def __init__(self, look: Look) -> None:
        self._look = look

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        self._look("offers")
        register.add(Script(name="Mine"), self._script)

    @hookimpl(wrapper=True)
    def serena_prepare(self) -> Iterator[None]:
        self._look("before")
        yield
        self._look("after")

    def _script(self, request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
        self._look("begins")
        draw.expect(2)
        images = [*draw(request), *draw.each([request])]
        draw.upscale(draw.open(draw.keep(images[0].image)), draw.upscalers[0], 1)
        self._look("ends in a random way" if draw.seed_is_random else "ends")
        return ScriptResult(images=images)


class Within:
    """What others surround, which is no plugin that is marked."""

    def __init__(self, look: Look) -> None:
        self._look = look

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self._look("within")


def test_who_waits_for_others_is_not_marked(memory: mmap.mmap, marks: CallMarks) -> None:
    seen: list[tuple[str, str]] = []

    def look(where: str) -> None:
        seen.append((where, " ".join(hook for plugin, hook in read_marks(memory) if plugin == "mine")))

    builtin = [("within", Within(look))]
    loaded = load_plugins(builtin, found=(), objects=[("mine", Looking(look))], marks=marks)
    rules = HookRules(trusted=loaded.builtin, marks=marks)
    Workshop(hooks=PluggyRunHooks(loaded, rules)).result(request(script_name="mine"))
    assert seen == [
        ("offers", "serena_register_scripts"),
        ("begins", "its script"),
        *[("before", "serena_prepare"), ("within", ""), ("after", "serena_prepare")] * 2,
        ("ends", "its script"),
    ]
    assert read_marks(memory) == ()


def test_a_script_that_fails_is_not_marked_any_more(memory: mmap.mmap, marks: CallMarks) -> None:
    class Fails:
        @hookimpl
        def serena_register_scripts(self, register: ScriptRegister) -> None:
            register.add(Script(name="Mine"), self._script)

        def _script(self, request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
            raise ValueError(read_marks(memory))

    loaded = load_plugins(found=(), objects=[("mine", Fails())])
    shop = Workshop(hooks=PluggyRunHooks(loaded, HookRules(marks=marks)))
    with pytest.raises(PluginError, match="'mine', 'its script'"):
        shop.draw(request(script_name="mine"))
    assert read_marks(memory) == ()


IMPORTING = mmap.mmap(-1, SIZE)
SEEN: list[tuple[Call, ...]] = []


class Late:
    """A plugin that looks what is marked as it is made."""

    def __init__(self) -> None:
        SEEN.append(read_marks(IMPORTING))


def test_a_plugin_is_marked_while_it_is_imported() -> None:
    point = EntryPoint("late", f"{__name__}:Late", "serena")
    [report] = load_plugins(found=[point], marks=CallMarks(IMPORTING), seconds=PATIENCE).reports
    assert report.error is None
    assert SEEN == [(("late", "its import"),)]
    assert read_marks(IMPORTING) == ()
