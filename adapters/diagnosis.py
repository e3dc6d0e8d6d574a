"""What ``serena doctor`` finds."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version

from adapters.application import BackendSummary, Finding
from adapters.backends.choose import backend_entry_points, choose_backend
from adapters.backends.torch.faces import EXTRA_ARCHITECTURES, missing_for_faces
from adapters.backends.torch.upscalers import import_problem
from adapters.models.catalog_disk import DiskModelCatalog
from adapters.models.face_files import FaceFiles
from adapters.models.upscaler_files import UpscalerFiles
from adapters.settings import Settings
from core.domain.errors import SerenaError
from plugins.report import PluginReport


def diagnose(
    settings: Settings, backends: Sequence[BackendSummary], plugins: Sequence[PluginReport]
) -> tuple[Finding, ...]:
    """One finding a line, in the order that a start depends on them."""
    return (
        Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        _torch(),
        *_backend(settings, backends),
        _data_folder(settings),
        *_models(settings),
        *_upscalers(settings),
        *_faces(settings),
        *_plugins(plugins),
    )


def _torch() -> Finding:
    try:
        found = version("torch")
    except PackageNotFoundError:
        return Finding(
            "torch", "warning", "not installed", "pip install 'serena[torch]' to draw real pictures"
        )
    return Finding("torch", "ok", f"{found}, device {_device()}")


def _device() -> str:
    """Imports torch: a doctor may take the time."""
    try:
        from adapters.backends.torch.devices import choose_device

        return str(choose_device("auto"))
    except Exception as error:
        return f"unknown ({type(error).__name__}: {error})"


def _backend(settings: Settings, backends: Sequence[BackendSummary]) -> Iterable[Finding]:
    for backend in backends:
        if not backend.available:
            remedy = f"install what it lacks, or leave it: {backend.distribution} brings it"
            yield Finding("backend", "warning", f"{backend.name}: {backend.reason}", remedy)
    try:
        spec = choose_backend(settings.backend.name, backend_entry_points())
    except SerenaError as error:
        yield Finding("backend", "error", str(error), "set SERENA_BACKEND__NAME to one that can be used")
    else:
        yield Finding("backend", "ok", f"{spec.name} draws (backend.name is {settings.backend.name})")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        remedy = "choose another with --data-dir, or make it writable"
        return Finding("data folder", "error", f"{folder}: {os.strerror(error.errno or 0)}", remedy)
    return Finding("data folder", "ok", str(folder))


def _models(settings: Settings) -> Iterable[Finding]:
    catalog = DiskModelCatalog(settings.models_dir, builtin=settings.models.builtin)
    models = catalog.all()
    titles = ", ".join(ref.identity.title for ref in models)
    if models:
        yield Finding("models", "ok", titles)
    else:
        yield Finding(
            "models", "error", "there are none", f"put a diffusers folder into {settings.models_dir}"
        )
    for problem in catalog.problems():
        yield Finding("models", "warning", f"{problem.name}: {problem.message}", "mend or remove it")


def _upscalers(settings: Settings) -> Iterable[Finding]:
    """Those with weights. The extra is looked at only where there are some: it takes seconds to import."""
    files = UpscalerFiles(settings.models_dir)
    names = ", ".join(upscaler.name for upscaler in files.all())
    problem = import_problem() if names else None
    if problem is not None:
        remedy = "pip install 'serena[upscale]', with torchvision from where torch came from"
        yield Finding("upscalers", "warning", f"{names}: {problem}", remedy)
    elif names:
        yield Finding("upscalers", "ok", names)
    for found in files.problems():
        yield Finding("upscalers", "warning", f"{found.name}: {found.message}", "mend or remove it")


def _faces(settings: Settings) -> Iterable[Finding]:
    """Face restorers that have weights, and files that are named like one and cannot be used."""
    files = FaceFiles(settings.models_dir)
    finder = "the cascades of OpenCV" if files.detector() is None else "YuNet"
    for name, path in files.weights().items():
        problem = missing_for_faces(name) or import_problem()
        if problem is None:
            yield Finding("faces", "ok", f"{name} ({path.name}); faces are found by {finder}")
        else:
            remedy = "pip install 'serena[upscale]', with torchvision from where torch came from"
            if EXTRA_ARCHITECTURES in problem:
                remedy = f"pip install {EXTRA_ARCHITECTURES}, if its licence allows what you do"
            yield Finding("faces", "warning", f"{name}: {problem}", remedy)
    for found in files.problems():
        yield Finding("faces", "warning", f"{found.name}: {found.message}", "mend or remove it")


def _plugins(plugins: Sequence[PluginReport]) -> Iterable[Finding]:
    if not plugins:
        yield Finding("plugins", "ok", "none installed")
    for report in plugins:
        if report.error is None:
            yield Finding("plugins", "ok", f"{report.name} {report.version} ({', '.join(report.hooks)})")
        else:
            remedy = f"update {report.distribution or report.name}, or block it: SERENA_PLUGINS__BLOCK"
            yield Finding("plugins", "warning", f"{report.name}: {report.error}", remedy)
