"""``serena models convert`` and ``serena models pull``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.common import DataDir, host_of, settings_from
from adapters.cli.file_progress import file_progress


class Precision(StrEnum):
    """Number formats of weights."""

    FP16 = "fp16"
    BF16 = "bf16"
    FP32 = "fp32"


Source = Annotated[
    Path, typer.Argument(help="A file, or a folder in the layout of diffusers.", metavar="SRC")
]
Target = Annotated[
    Path, typer.Argument(help="Where to: NAME.safetensors makes a single file, else a folder.", metavar="DST")
]
Repository = Annotated[
    str, typer.Argument(help="A repository of the hub: org/name, or org/name@revision.", metavar="REPO[@REV]")
]


def convert(
    context: typer.Context,
    source: Source,
    target: Target,
    precision: Annotated[
        Precision | None, typer.Option("--precision", help="Number format of the weights; default: as it is.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there already.")] = False,
) -> None:
    """Write a checkpoint in another layout or number format."""
    with file_progress(f"converting {source.name}") as told:
        host_of(context).convert_model(source, target, precision, told, force=force)
    typer.echo(str(target))


def pull(context: typer.Context, repository: Repository, data_dir: DataDir = None) -> None:
    """Fetch a checkpoint from the hub into the models folder; only with SERENA_HUB__ALLOW=true."""
    settings = settings_from(data_dir)
    with file_progress(f"pulling {repository}") as told:
        path = host_of(context).pull_model(settings, repository, told)
    typer.echo(str(path))
