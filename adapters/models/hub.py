"""What a model hub tells of a repository, and how its files come here; only where a setting allows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from core.domain.errors import ModelError

Told: TypeAlias = Callable[[int], None]
"""Hears how many bytes more have come."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository. :ivar sha256: None where the hub does not tell it."""

    name: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository at one commit."""

    repo: str
    commit: str
    files: Sequence[HubFile]


class Hub(Protocol):
    """A model hub. Its methods raise ``ModelError``."""

    def look(self, repo: str, revision: str | None) -> Listing: ...

    def fetch(self, listing: Listing, name: str, into: Path, told: Told) -> None:
        """Write the file to ``into / name``."""
        ...


class LibraryHub:
    """The hub that ``huggingface_hub`` speaks to, with its own settings and credentials."""

    def look(self, repo: str, revision: str | None) -> Listing:
        library = _library()
        try:
            info = library.HfApi().model_info(repo, revision=revision, files_metadata=True)
        except Exception as error:  # whatever the library raises: no network, no such repository, no leave
            raise _refused(repo, error) from error
        files = [HubFile(one.rfilename, int(one.size or 0), _sha256(one.lfs)) for one in info.siblings or ()]
        return Listing(repo, str(info.sha), files)

    def fetch(self, listing: Listing, name: str, into: Path, told: Told) -> None:
        library = _library()
        try:
            library.hf_hub_download(
                listing.repo,
                name,
                revision=listing.commit,
                local_dir=into,
                tqdm_class=_telling(library, told),
            )
        except Exception as error:
            raise _refused(f"{listing.repo}/{name}", error) from error


def _library() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.utils
    except ModuleNotFoundError:
        raise ModelError("pulling needs the package huggingface_hub: pip install 'serena[torch]'") from None
    return huggingface_hub


def _telling(library: Any, told: Told) -> type:
    """The library's bar, which draws nothing and tells ours."""
    bar: Any = library.utils.tqdm

    def begin(self: Any, *given: Any, **more: Any) -> None:
        bar.__init__(self, *given, **{**more, "disable": True})
        told(int(more.get("initial") or 0))

    def update(self: Any, n: float | None = 1) -> None:
        told(int(n or 0))

    return type("Telling", (bar,), {"__init__": begin, "update": update})


def _refused(what: str, error: Exception) -> ModelError:
    return ModelError(f"{what} cannot be fetched: {' '.join(str(error).split())[:300]}")


def _sha256(lfs: Mapping[str, Any] | None) -> str | None:
    return None if lfs is None else str(lfs["sha256"])
