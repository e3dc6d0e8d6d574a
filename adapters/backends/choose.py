"""Which backend draws: one setting. Names are read from entry points; only the chosen one is imported."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from adapters.application import BackendSummary
from adapters.backends.spec import BackendSpec
from adapters.settings import ci_selects_fake
from core.domain.errors import UnknownBackend

GROUP = "serena.backends"
AUTO = "auto"
AUTO_ORDER = ("torch", "fake")
log = logging.getLogger("serena.backends")


def backend_entry_points() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def choose_backend(
    name: str, points: Iterable[EntryPoint], environ: dict[str, str] | None = None
) -> BackendSpec:
    """The backend of that name; for ``auto`` fake in CI, else the first usable of torch and fake.

    Raises :class:`UnknownBackend`: the sentence lists what there is, or says what to install.
    """
    known = _by_name(points)
    if name != AUTO:
        return _usable(name, known)
    if ci_selects_fake(environ):
        log.warning(
            "CI=true and no backend is configured: the fake backend draws; its pictures are no real pictures"
        )
        return _usable("fake", known)
    spec = next((spec for spec in _candidates(known) if spec.unavailable() is None), None)
    return _usable(AUTO_ORDER[-1], known) if spec is None else spec


def _candidates(known: dict[str, EntryPoint]) -> Iterable[BackendSpec]:
    for name in AUTO_ORDER:
        if name in known:
            yield _load(known[name])


def _usable(name: str, known: dict[str, EntryPoint]) -> BackendSpec:
    if name not in known:
        raise UnknownBackend(
            f"backend {name!r} is not installed; there are {', '.join(sorted(known)) or 'none'}. "
            "A plugin package may bring others; torch comes with: pip install 'serena[torch]'"
        )
    spec = _load(known[name])
    reason = spec.unavailable()
    if reason is not None:
        hint = f"; install it with: pip install 'serena[{spec.extra}]'" if spec.extra else ""
        raise UnknownBackend(f"backend {name!r} cannot be used: {reason}{hint}")
    return spec


def _load(point: EntryPoint) -> BackendSpec:
    try:
        spec = point.load()
    except Exception as error:
        raise UnknownBackend(
            f"backend {point.name!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(spec, BackendSpec):
        raise UnknownBackend(f"backend {point.name!r}: its entry point {point.value} is no BackendSpec")
    return spec


def _by_name(points: Iterable[EntryPoint]) -> dict[str, EntryPoint]:
    known: dict[str, EntryPoint] = {}
    for point in points:
        other = known.get(point.name)
        if other is not None and other.value != point.value:
            raise UnknownBackend(
                f"two packages bring a backend {point.name!r}: {other.value} and {point.value}"
            )
        known[point.name] = point
    return known


def summarize(points: Iterable[EntryPoint]) -> tuple[BackendSummary, ...]:
    """Every backend that is installed, and whether it can be used. Imports none of their libraries."""
    return tuple(_summary(point) for point in sorted(points, key=lambda point: point.name))


def _summary(point: EntryPoint) -> BackendSummary:
    distribution = point.dist.name if point.dist else ""
    try:
        reason = _load(point).unavailable()
    except UnknownBackend as error:
        reason = str(error)
    return BackendSummary(point.name, distribution, reason is None, reason or "")
