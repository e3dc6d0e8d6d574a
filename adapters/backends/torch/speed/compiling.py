"""Compiled forms of networks: made behind passes that go on without them, and taken when they are ready."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import torch
from torch import nn

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.speed.regions import compile_here, compile_regions

log = logging.getLogger("serena.torch")

Compile: TypeAlias = Callable[[nn.Module], None]


def summary(error: Exception) -> str:
    """In one line, and without its traceback, which holds what the pass had made."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def form(rows: Rows) -> Hashable:
    """Rows of one form run the same code."""
    return tuple((name, tuple(x.shape), x.dtype) for name, x in rows.items())


class _Worker:
    """A thread that does one thing after the other.

    :param turn: held while it does one: what warms a network up calls it without the gate, and so never while
        another compiles.
    """

    def __init__(self, turn: threading.Lock) -> None:
        self._turn = turn
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="serena-compile", daemon=True)
        self._thread.start()

    def add(self, job: Callable[[], None]) -> None:
        self._work.put(job)

    def close(self) -> None:
        """What it does now is finished; nothing else is begun."""
        with suppress(Empty):
            while True:
                self._work.get_nowait()
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        compile_here()
        while (job := self._work.get()) is not None:
            with self._turn:
                job()


class Compiling:
    """The compiled twin of each network. It shares the weights, and serves the forms of rows that it has been
    warmed up for.

    :param by: makes the blocks of a network ready to be compiled.
    :param cache: folder in which compiled code outlives the process.
    """

    def __init__(self, by: Compile = compile_regions, cache: Path | None = None) -> None:
        if cache is not None:
            os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
        self._compile = by
        self._twins: WeakKeyDictionary[nn.Module, _Twin] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._worker: _Worker | None = None

    def ready(self, network: Any, make: Callable[[Any], Forward], kind: Hashable, rows: Rows) -> Any:
        """The network to run ``rows`` with: the twin, if it is ready for their form; None while it is not.

        :param make: gives the pass of a network. :param kind: which of its passes that is.
        """
        with self._lock:
            twin = self._twins.get(network)
            if twin is None:
                twin = self._twins[network] = self._twin_of(network)
            return twin.chosen(network, (kind, form(rows)), lambda: self._later(twin, make, kind, rows))

    def refuse(self, network: Any, kind: Hashable, rows: Rows, why: str) -> None:
        """The twin could not run those rows: from now on the network itself runs all of their form."""
        with self._lock:
            twin = self._twins.get(network)
            if twin is not None:
                twin.refuse((kind, form(rows)), why)

    def settle(self) -> None:
        """Wait until what has been asked for so far is compiled."""
        done = threading.Event()
        with self._lock:
            if self._worker is None:
                return
            self._worker.add(done.set)
        done.wait()

    def close(self) -> None:
        """What is being compiled is finished, nothing else is begun, and all is let go."""
        with self._lock:
            worker, self._worker = self._worker, None
            self._twins.clear()
        if worker is not None:
            worker.close()

    def _twin_of(self, network: nn.Module) -> _Twin:
        copy = sharing_copy(network)
        for layer in copy.modules():
            # The way to tile pictures asks the thread, which compiled code cannot: who tiles has no twin.
            layer.__dict__.pop("_conv_forward", None)
        twin = _Twin(copy)
        try:
            self._compile(copy)
        except Exception as error:
            twin.give_up(error)
        return twin

    def _later(self, twin: _Twin, make: Callable[[Any], Forward], kind: Hashable, rows: Rows) -> None:
        own = {name: x.clone() for name, x in rows.items()}
        if self._worker is None:
            self._worker = _Worker(self._turn)
        self._worker.add(lambda: twin.warm_up(make, (kind, form(own)), own))


class _Twin:
    """One compiled network and the forms of rows that it was asked for."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._ready: set[Hashable] = set()
        self._asked: set[Hashable] = set()
        self._refused: set[Hashable] = set()
        self._failed = False

    def chosen(self, plain: Any, what: Hashable, warm_up: Callable[[], None]) -> Any:
        if self._failed or what in self._refused:
            return plain
        if what in self._ready:
            return self._network
        if what not in self._asked:
            self._asked.add(what)
            warm_up()
        return None

    def refuse(self, what: Hashable, why: str) -> None:
        if what not in self._refused:
            self._refused.add(what)
            log.warning("a compiled pass failed, so passes of its form run as they are: %s", why)

    def warm_up(self, make: Callable[[Any], Forward], what: Hashable, rows: Rows) -> None:
        try:
            with torch.inference_mode():
                make(self._network)(rows)
        except Exception as error:
            self.give_up(error)
            return
        self._ready.add(what)

    def give_up(self, error: Exception) -> None:
        """Whatever the compiler does not like: the plain network draws the same."""
        self._failed = True
        log.warning("compiling failed, so the network runs as it is: %s", summary(error))
