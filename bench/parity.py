"""The reference's recorded requests, drawn again through the runner, and how far the pictures differ.

    python bench/parity.py [--manifest FILE] [--only REGEX] [--json FILE] [--cache DIR]

Needs the recordings (``../shared/recorded`` beside the repository) and, once, 5 GB of disk for the
random-weight checkpoint, which it makes with the recordings' own script and keeps in the cache folder. Each
request runs by itself: a request's picture depends on nothing that ran before it.
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT.parent / "shared" / "recorded"
MODEL = "sd15-random"
IGNORED_KEYS = {"Version", "Model hash"}
"""Version is each server's own; the hash of a folder is not that of the single file it was recorded with."""


@dataclass(frozen=True, slots=True)
class Row:
    """One request.

    :ivar equal: share of equal channel values over all its pictures. :ivar mean: mean absolute difference and
        :ivar max: the largest, of 255.
    :ivar differing: infotext keys that differ.
    """

    equal: float
    mean: float
    max: int
    infotext_equal: bool
    differing: tuple[str, ...]
    seconds: float


def main() -> int:
    """1 where a request is further off than the page allows."""
    arguments = _arguments()
    if not arguments.manifest.is_file():
        raise SystemExit(f"parity: there are no recordings at {arguments.manifest}; --manifest names others")
    manifest = json.loads(arguments.manifest.read_text(encoding="utf-8"))
    entries = manifest if isinstance(manifest, list) else manifest["requests"]
    wanted = [entry for entry in entries if re.search(arguments.only, entry["id"])]
    folder = arguments.manifest.parent
    models = make_checkpoint(arguments.cache)
    rows = _kept(arguments.json) if arguments.resume else {}
    with tempfile.TemporaryDirectory() as data_dir, _Replay(models, Path(data_dir), folder) as replay:
        missing = [entry for entry in wanted if entry["id"] not in rows]
        for entry in track(missing, "drawing", console=Console(stderr=True)):
            rows[entry["id"]] = replay.row(entry)
            if arguments.json:
                _keep(rows, arguments.json)
    _print(rows)
    if arguments.markdown:
        arguments.markdown.write_text(page(rows), encoding="utf-8")
    return 0 if _good(rows) == len(rows) else 1


def _keep(rows: dict[str, Row], path: Path) -> None:
    """After each request, so that a run that is cut short can go on with ``--resume``."""
    table = {name: asdict(row) for name, row in rows.items()}
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _kept(path: Path | None) -> dict[str, Row]:
    if path is None or not path.is_file():
        return {}
    table = json.loads(path.read_text(encoding="utf-8"))
    return {name: Row(**{**row, "differing": tuple(row["differing"])}) for name, row in table.items()}


def page(rows: dict[str, Row]) -> str:
    """The table as a page of the docs."""
    lines = [
        "# Pictures against the reference's",
        "",
        "Written by `python bench/parity.py --markdown docs/reference/parity.md`. Each row is a request",
        "that was recorded from stable-diffusion-webui 1.10.1 on a random-weight SD1.5 checkpoint (CPU,",
        "fp32, one thread), drawn again by Serena through its HTTP door and the runner. *equal* is the share",
        "of equal channel values, *mean* and *max* the absolute difference, of 255. One and the same code",
        "differs by max 1 and mean 0.02 when only its number of threads changes. Infotexts are compared key",
        "by key, Version and Model hash aside: the checkpoint is read from a diffusers folder, which has",
        "another hash than the single file.",
        "",
        f"{_good(rows)} of {len(rows)} requests are within max 2 and mean 0.1 and have an equal infotext.",
        "",
        "| request | equal | mean | max | infotext |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {name} | {row.equal:.4%} | {row.mean:.4f} | {row.max} | {_text(row)} |"
        for name, row in rows.items()
    ]
    return "\n".join(lines) + "\n"


def _good(rows: dict[str, Row]) -> int:
    return sum(row.max <= 2 and row.mean <= 0.1 and row.infotext_equal for row in rows.values())


def _text(row: Row) -> str:
    return "equal" if row.infotext_equal else ", ".join(row.differing)


def make_checkpoint(cache: Path) -> Path:
    """The models folder with the random checkpoint, made on first use."""
    if not (cache / MODEL / "model_index.json").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, str(RECORDED / "make_random_sd15.py"), str(cache)], check=True)
    return cache


class _Replay:
    """Draws recorded requests through the application's HTTP door, in-process."""

    def __init__(self, models: Path, data_dir: Path, pictures: Path) -> None:
        from adapters.bootstrap import bootstrap
        from adapters.settings import load_settings

        _write_styles(data_dir)
        settings = load_settings(
            data_dir=data_dir,
            backend={"name": "torch", "device": "cpu", "dtype": "float32", "threads": 1},
            models={"dir": models, "builtin": False, "default": MODEL},
        )
        self._app = bootstrap(settings)
        self._pictures = pictures

    def __enter__(self) -> _Replay:
        from starlette.testclient import TestClient

        from adapters.http.app import create_app

        self._app.start()
        self._client = TestClient(create_app(self._app), base_url="http://127.0.0.1:7860")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._app.close()

    def row(self, entry: dict[str, Any]) -> Row:
        began = time.monotonic()
        answer = self._client.post(entry["endpoint"], json=self._with_files(entry["request"]))
        if answer.status_code != 200:
            raise SystemExit(f"{entry['id']}: {answer.status_code} {answer.text[:500]}")
        body = answer.json()
        drawn = [_pixels(base64.b64decode(image)) for image in body["images"]]
        expected = [_pixels((self._pictures / image["file"]).read_bytes()) for image in entry["images"]]
        texts = json.loads(body["info"])["infotexts"]
        differing = _differing(texts[0], entry["infotext"])
        return _compared(drawn, expected, differing, time.monotonic() - began)

    def _with_files(self, value: Any) -> Any:
        """``"<name.png>"`` stands for that file as base64."""
        if isinstance(value, dict):
            plain = {key: self._with_files(item) for key, item in value.items()}
            if isinstance(plain.get("init_images"), str):
                plain["init_images"] = [plain["init_images"]]
            return plain
        if isinstance(value, list):
            return [self._with_files(item) for item in value]
        if isinstance(value, str) and re.fullmatch(r"<[\w.-]+\.png>", value):
            return base64.b64encode((self._pictures / value[1:-1]).read_bytes()).decode()
        return value


def _write_styles(data_dir: Path) -> None:
    """The styles that were in force when the reference was recorded."""
    recorded = json.loads((RECORDED / "get" / "prompt-styles-with-file.json").read_text(encoding="utf-8"))
    with (data_dir / "styles.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["name", "prompt", "negative_prompt"])
        writer.writeheader()
        writer.writerows(recorded)


def _pixels(data: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(data)), dtype=np.int16)


def _compared(
    drawn: list[NDArray[np.int16]],
    expected: list[NDArray[np.int16]],
    differing: tuple[str, ...],
    seconds: float,
) -> Row:
    shapes = [array.shape for array in drawn], [array.shape for array in expected]
    if shapes[0] != shapes[1]:
        return Row(0.0, 255.0, 255, False, (f"shapes {shapes[0]} not {shapes[1]}", *differing), seconds)
    gaps = np.concatenate([np.abs(a - b).ravel() for a, b in zip(drawn, expected, strict=True)])
    return Row(
        equal=float((gaps == 0).mean()),
        mean=float(gaps.mean()),
        max=int(gaps.max()),
        infotext_equal=not differing,
        differing=differing,
        seconds=seconds,
    )


def _differing(ours: str, theirs: str) -> tuple[str, ...]:
    """Keys whose values differ or that only one has, and ``order`` where the rest stands in another order."""
    from core.domain import infotext

    mine, other = infotext.read(ours), infotext.read(theirs)
    left = [item for item in mine.params if item[0] not in IGNORED_KEYS]
    right = [item for item in other.params if item[0] not in IGNORED_KEYS]
    keys = {key for key, _ in set(left) ^ set(right)}
    if mine.prompt != other.prompt:
        keys.add("prompt")
    if mine.negative_prompt != other.negative_prompt:
        keys.add("negative prompt")
    if not keys and left != right:
        keys.add("order")
    return tuple(sorted(keys))


def _print(rows: dict[str, Row]) -> None:
    table = Table(title="Serena against the recorded reference")
    for column in ("request", "equal", "mean", "max", "infotext", "seconds"):
        table.add_column(column, justify="left" if column in ("request", "infotext") else "right")
    for name, row in rows.items():
        table.add_row(
            name, f"{row.equal:.4%}", f"{row.mean:.4f}", str(row.max), _text(row), f"{row.seconds:.1f}"
        )
    console = Console(width=120)
    console.print(table)
    console.print(f"{_good(rows)} of {len(rows)} within max 2, mean 0.1 of 255 and with equal infotext")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, default=RECORDED / "pictures" / "manifest.json")
    parser.add_argument("--only", default="", help="draw the requests whose id matches this")
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    parser.add_argument("--resume", action="store_true", help="keep what the file of --json has already")
    parser.add_argument("--markdown", type=Path, help="also write the table to this page")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "serena-parity")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
