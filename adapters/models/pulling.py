"""``serena models pull``: a checkpoint from a hub, by name and revision. Weights come as safetensors, never a
pickle, and nothing that could be run."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from adapters.models.check import INDEX, check_diffusers_folder
from adapters.models.hub import Hub, HubFile, Listing
from adapters.models.single_files import recognise_file
from adapters.models.weights import WEIGHTS
from core.domain.errors import InvalidValue, ModelError

_SPEC = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[\w][\w./-]*))?")
_PARTS = ("unet", "transformer", "vae", "text_encoder", "tokenizer", "scheduler")
_TEXTS = (".json", ".txt", ".model")
_PIECES = WEIGHTS + ".index.json"
_PIECE = re.compile(r"-\d+-of-\d+$")


def pull(hub: Hub, spec: str, models: Path, told: Callable[[int, int], None]) -> Path:
    """Fetch ``org/name`` or ``org/name@revision``: a diffusers folder to ``models/org/name``, a single file
    to ``models/Stable-diffusion/org/name``. All of it is there at the end, or nothing. Gives where.

    :param told: hears of bytes that have come and of all bytes.

    Raises ``InvalidValue`` for a name that is none, else ``ModelError``.
    """
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise InvalidValue("repository", spec, "it must be like org/name or org/name@revision")
    listing = hub.look(found["repo"], found["revision"])
    wanted, base = _chosen(listing, models)
    target = base.joinpath(*listing.repo.split("/"))
    if target.exists():
        raise ModelError(f"{target} is there already; remove it to pull it anew")
    total, done = sum(file.size for file in wanted), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target.parent).free
    if total > free:
        raise ModelError(f"{spec} has {total >> 20} MiB, and {target.parent} has room for {free >> 20}")

    def more(count: int) -> None:
        nonlocal done
        done += count
        told(min(done, total), total)

    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        for file in wanted:
            hub.fetch(listing, file.name, beside, more)
            _check_whole(beside / file.name, file)
        shutil.rmtree(beside / ".cache", ignore_errors=True)  # where the library notes what it fetched
        _check_usable(beside)
        os.replace(beside, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def _chosen(listing: Listing, models: Path) -> tuple[list[HubFile], Path]:
    for file in listing.files:
        path = PurePosixPath(file.name)
        if path.is_absolute() or ".." in path.parts or "\\" in file.name:
            raise ModelError(
                f"{listing.repo} has a file named {file.name!r}, which would lead out of its folder"
            )
    if any(file.name == INDEX for file in listing.files):
        return list(_of_folder(listing)), models
    whole = [file for file in listing.files if file.name.endswith(WEIGHTS) and "/" not in file.name]
    if len(whole) != 1:
        names = ", ".join(file.name for file in whole) or "none"
        raise ModelError(
            f"{listing.repo} is neither a folder of diffusers nor one checkpoint in a {WEIGHTS} file (it has "
            f"{names}); fetch the file that you want by hand"
        )
    return whole, models / "Stable-diffusion"


def _of_folder(listing: Listing) -> Iterator[HubFile]:
    """Configurations and tokenizers, and of each part the weights of one variant."""
    parts: dict[str, list[HubFile]] = {}
    for file in listing.files:
        part, _, rest = file.name.rpartition("/")
        if file.name == INDEX:
            yield file
        elif part.startswith(_PARTS) and "/" not in part:
            if file.name.endswith(WEIGHTS) or file.name.endswith(_PIECES):
                parts.setdefault(part, []).append(file)
            elif rest.endswith(_TEXTS):
                yield file
    for held in parts.values():
        stem = min(map(_stem, held), key=lambda name: (len(name), name))
        yield from (file for file in held if _stem(file) == stem)


def _stem(file: HubFile) -> str:
    return _PIECE.sub("", file.name.removesuffix(_PIECES).removesuffix(WEIGHTS))


def _check_whole(path: Path, file: HubFile) -> None:
    if file.sha256 is None:
        return
    with open(path, "rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != file.sha256:
        raise ModelError(f"{file.name} came with other bytes than its repository says; pull it again")


def _check_usable(folder: Path) -> None:
    if (folder / INDEX).is_file():
        check_diffusers_folder(folder, folder)
        return
    [path] = folder.glob(f"*{WEIGHTS}")
    recognise_file(path, folder)
