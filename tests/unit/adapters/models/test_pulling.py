"""Checkpoints from a hub: what is fetched, where it goes, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from adapters.models.catalog_disk import BUILTIN_FOLDER, DiskModelCatalog
from adapters.models.hub import HubFile, LibraryHub, Listing, Told
from adapters.models.pulling import pull
from core.domain.errors import InvalidValue, ModelError
from tests.unit.adapters.models.test_single_files import SD1, write

COMMIT = "c" * 40


@dataclass
class FolderHub:
    """A hub with one repository, which is a folder on disk."""

    folder: Path
    revisions: list[str | None] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    named: tuple[HubFile, ...] = ()

    def look(self, repo: str, revision: str | None) -> Listing:
        self.revisions.append(revision)
        return Listing(repo, COMMIT, (*files_of(self.folder), *self.named))

    def fetch(self, listing: Listing, name: str, into: Path, told: Told) -> None:
        assert listing.commit == COMMIT
        self.fetched.append(name)
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / name, into / name)
        told((into / name).stat().st_size)


def files_of(folder: Path) -> list[HubFile]:
    return [
        HubFile(path.relative_to(folder).as_posix(), path.stat().st_size, sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def sha256(path: Path) -> str | None:
    """As a hub: known of the large files alone."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.suffix == ".safetensors" else None


def quiet(done: int, total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder of diffusers, with what lies in real ones beside it."""
    folder = shutil.copytree(BUILTIN_FOLDER, tmp_path / "repository")
    for name in ("unet/diffusion_pytorch_model.fp16.safetensors", "all.safetensors", "unet/old.bin"):
        (folder / name).write_bytes(b"no")
    (folder / "safety_checker").mkdir()
    for name in ("safety_checker/config.json", "unet/code.py", "README.md"):
        (folder / name).write_text("{}")
    return folder


def test_of_a_folder_come_configurations_tokenizers_and_one_variant(repository: Path, tmp_path: Path) -> None:
    hub, heard = FolderHub(repository), list[tuple[int, int]]()
    where = pull(hub, "org/name@v1.5", tmp_path / "models", lambda *far: heard.append(far))
    assert where == tmp_path / "models" / "org" / "name"
    assert hub.revisions == ["v1.5"]
    wanted = {
        path.relative_to(BUILTIN_FOLDER).as_posix() for path in BUILTIN_FOLDER.rglob("*") if path.is_file()
    }
    assert {name for name in hub.fetched if not name.endswith("README.md")} == {
        name for name in wanted if not name.endswith(".md")
    }
    assert heard[-1][0] == heard[-1][1] > 1000
    [model] = DiskModelCatalog(tmp_path / "models", builtin=False).all()
    assert model.identity.name == "org/name"
    with pytest.raises(ModelError, match="is there already"):
        pull(hub, "org/name", tmp_path / "models", quiet)


def test_a_single_file_goes_where_checkpoints_are(tmp_path: Path) -> None:
    write(tmp_path / "repository" / "one.safetensors", SD1)
    hub = FolderHub(tmp_path / "repository")
    where = pull(hub, "org/name", tmp_path / "models", quiet)
    assert hub.revisions == [None]
    assert where == tmp_path / "models" / "Stable-diffusion" / "org" / "name"
    [model] = DiskModelCatalog(tmp_path / "models", builtin=False).all()
    assert model.identity.name == "org/name/one.safetensors"


@pytest.mark.parametrize(
    "spec", ["name", "org/name/more", "org/name@", "../name", "org/na me", "org/name@../x"]
)
def test_a_name_that_is_none(tmp_path: Path, spec: str) -> None:
    with pytest.raises(InvalidValue, match=r"it must be like org/name or org/name@revision"):
        pull(FolderHub(tmp_path), spec, tmp_path / "models", quiet)


def refused(hub: FolderHub, tmp_path: Path) -> str:
    """Why, after which nothing is left."""
    with pytest.raises(ModelError) as caught:
        pull(hub, "org/name", tmp_path / "models", quiet)
    assert not [path for path in (tmp_path / "models").rglob("*") if path.is_file()]
    return str(caught.value)


def test_a_repository_of_pickles_or_of_several_checkpoints(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "old.ckpt").write_bytes(b"\x80")
    assert "neither a folder of diffusers nor one checkpoint" in refused(FolderHub(folder), tmp_path)
    for name in ("a.safetensors", "b.safetensors"):
        write(folder / name, SD1)
    assert "it has a.safetensors, b.safetensors" in refused(FolderHub(folder), tmp_path)


def test_names_that_lead_out_and_more_than_there_is_room_for(repository: Path, tmp_path: Path) -> None:
    out = FolderHub(repository, named=(HubFile("../../evil.json", 1),))
    assert "would lead out of its folder" in refused(out, tmp_path)
    large = FolderHub(repository, named=(HubFile("vae/large.json", 1 << 60),))
    assert "has room for" in refused(large, tmp_path)


def test_what_came_broken_does_not_stay(repository: Path, tmp_path: Path) -> None:
    weights = "unet/diffusion_pytorch_model.safetensors"
    hub = FolderHub(repository, named=(HubFile("vae/more.safetensors", 1),))
    shutil.copy(repository / weights, repository / "vae" / "more.safetensors")
    (repository / "unet" / "config.json").write_text("{")
    assert "config.json is broken" in refused(FolderHub(repository), tmp_path)

    class Liar(FolderHub):
        def fetch(self, listing: Listing, name: str, into: Path, told: Told) -> None:
            super().fetch(listing, name, into, told)
            (into / name).write_bytes(b"other")

    assert "came with other bytes" in refused(Liar(repository), tmp_path)
    assert hub.fetched == []


class Handler(BaseHTTPRequestHandler):
    """A hub's answers for the repository org/name."""

    folder: Path

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        name = path.partition(f"/org/name/resolve/{COMMIT}/")[2]
        if name:
            self.send(200, (self.folder / name).read_bytes(), with_body)
        elif path.startswith("/api/models/org/name"):
            siblings = [{"rfilename": one.name, "size": one.size} for one in files_of(self.folder)]
            told = {"id": "org/name", "sha": COMMIT, "siblings": siblings}
            self.send(200, json.dumps(told).encode(), with_body)
        else:
            self.send(404, b"{}", with_body)

    def send(self, status: int, body: bytes, with_body: bool) -> None:
        self.send_response(status)
        for key, value in {
            "Content-Length": str(len(body)),
            "ETag": hashlib.sha256(body).hexdigest(),
            "X-Repo-Commit": COMMIT,
        }.items():
            self.send_header(key, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """The address of a hub whose repository is a single file."""
    write(tmp_path / "served" / "one.safetensors", SD1)
    handler = type("Served", (Handler,), {"folder": tmp_path / "served"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_library_of_the_hub(endpoint: str, tmp_path: Path) -> None:
    environment = {
        **os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0",
        "SERENA_HUB__ALLOW": "true",
    }  # fmt: skip

    command = [sys.executable, "-m", "serena", "models", "pull", "org/name", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    where = tmp_path / "models" / "Stable-diffusion" / "org" / "name"
    assert done.stdout.strip() == str(where)
    assert [path.name for path in where.iterdir()] == ["one.safetensors"]
    assert (where / "one.safetensors").read_bytes() == (tmp_path / "served" / "one.safetensors").read_bytes()


def test_what_the_library_refuses_is_a_sentence(tmp_path: Path) -> None:
    # Names that it refuses before it asks anybody.
    with pytest.raises(ModelError, match=r"^org/na--me cannot be fetched: "):
        LibraryHub().look("org/na--me", None)
    with pytest.raises(ModelError, match=r"^org/na--me/a\.json cannot be fetched: "):
        LibraryHub().fetch(Listing("org/na--me", COMMIT, ()), "a.json", tmp_path, len)  # type: ignore[arg-type]
