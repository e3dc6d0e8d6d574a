"""A look at one checkpoint: what it is, and whether it can be used. Only headers are read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from adapters.models.check import check_diffusers_folder, describe_folder
from adapters.models.hashing import files_of
from adapters.models.safetensors_header import read_header
from adapters.models.single_files import describe_checkpoint, recognise_file
from adapters.models.weights import WEIGHTS
from core.domain.errors import ModelError
from core.domain.families import TITLES, CheckpointKind
from core.domain.model_report import ModelReport


def report_on(path: Path) -> ModelReport:
    """Never raises for what lies there: what is wrong is in ``problem``."""
    report = ModelReport(path=str(path))
    if not path.exists():
        return replace(report, problem=f"there is no {path}")
    try:
        counted = _counted(report, path)
    except (ModelError, OSError) as error:
        return replace(report, problem=str(error))
    try:
        return _of_folder(counted, path) if path.is_dir() else _of_file(counted, path)
    except ModelError as error:
        return replace(counted, problem=str(error))


def _counted(report: ModelReport, path: Path) -> ModelReport:
    formats: Counter[str] = Counter()
    size = 0
    for file in files_of(path):
        size += file.stat().st_size
        if file.suffix.lower() == WEIGHTS:
            formats.update(str(entry["dtype"]) for entry in read_header(file).values())
    return replace(
        report,
        layout="folder" if path.is_dir() else "single file",
        precision=tuple(name for name, _ in formats.most_common()),
        tensors=formats.total(),
        bytes=size,
    )


def _of_folder(report: ModelReport, path: Path) -> ModelReport:
    check_diffusers_folder(path, path)
    return _of_kind(report, describe_folder(path))


def _of_file(report: ModelReport, path: Path) -> ModelReport:
    """Of one that lacks a part it is still told what it is."""
    known = _of_kind(report, recognise_file(path, path.parent))
    try:
        describe_checkpoint(path, path.parent)
    except ModelError as error:
        return replace(known, problem=str(error))
    return known


def _of_kind(report: ModelReport, kind: CheckpointKind) -> ModelReport:
    return replace(
        report,
        family=TITLES[kind.family],
        prediction=kind.prediction,
        assumed=kind.assumed,
        channels=kind.channels,
        missing=kind.missing,
    )
