"""Servers for clients: real processes, with the fake backend and a data folder as web UI users have it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.smoke.server import Server, serving, wait_until_ready

STYLES = 'name,prompt,negative_prompt\nwarm,"{prompt}, warm light",cold\n'
EMBEDDING_WIDTH = 768
TIMEOUT = 30.0


@dataclass(frozen=True)
class Door:
    """A server and a client of it. The client raises nothing: tests look at the status."""

    server: Server
    client: httpx.Client

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def data_dir(self) -> Path:
        return self.server.log.parent

    def log(self) -> str:
        return self.server.log.read_text("utf-8")

    def get(self, path: str, **more: Any) -> Any:
        answer = self.client.get(path, **more)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.client.post(path, json={} if body is None else body, **more)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()


@contextmanager
def open_door(data_dir: Path, settings: str = "", **headers: str) -> Iterator[Door]:
    """A server that is ready.

    :param settings: the text of ``serena.toml``, which the server finds in its working folder.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    fill(data_dir)
    (data_dir / "serena.toml").write_text(settings, encoding="utf-8")
    with (
        serving(data_dir) as server,
        httpx.Client(base_url=server.url, timeout=TIMEOUT, headers=headers, trust_env=False) as client,
    ):
        wait_until_ready(client)
        yield Door(server, client)


def fill(data_dir: Path) -> None:
    """A style, a LoRA and a textual inversion, where the web UI keeps them."""
    (data_dir / "styles.csv").write_text(STYLES, encoding="utf-8")
    metadata = {"ss_output_name": "ink-alias", "ss_base_model_version": "sd_v1"}
    weights = {"lora_unet_mid_block_attentions_0_proj_in.alpha": ()}
    write_safetensors(data_dir / "models" / "Lora" / "ink.safetensors", weights, metadata)
    vectors = {"emb_params": (2, EMBEDDING_WIDTH)}
    write_safetensors(data_dir / "embeddings" / "calm.safetensors", vectors, {})


def write_safetensors(path: Path, shapes: dict[str, tuple[int, ...]], metadata: dict[str, str]) -> None:
    """Zeros in float32."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * product(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


def product(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
