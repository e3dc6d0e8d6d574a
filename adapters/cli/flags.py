"""The flags of the drawing commands, each said once: a dataclass's fields become the options of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from adapters.cli.common import AsJson, Backend, DataDir, Server
from core.domain.request import GenerationRequest, InitParams, MaskedContent, ResizeMode

DEFAULT = GenerationRequest()
INIT = InitParams(images=())

F = TypeVar("F")


def _named(name: str, text: str, **more: Any) -> Any:
    return typer.Option(name, help=text, **more)


@dataclass(frozen=True, kw_only=True)
class DrawFlags:
    """What both drawing commands take. Names are those of the API."""

    prompt: Annotated[
        list[str], typer.Argument(help="What to draw, each a job of its own.", metavar="PROMPT...")
    ]
    negative: Annotated[str, _named("--negative", "What to keep out of the picture.")] = ""
    width: Annotated[int, _named("--width", "Pixels.")] = DEFAULT.width
    height: Annotated[int, _named("--height", "Pixels.")] = DEFAULT.height
    steps: Annotated[int, _named("--steps", "Sampling steps.")] = DEFAULT.steps
    seed: Annotated[int, _named("--seed", "Seed of the first picture; -1 takes a random one.")] = DEFAULT.seed
    subseed: Annotated[int, _named("--subseed", "Seed of the variation.")] = DEFAULT.subseed
    subseed_strength: Annotated[float, _named("--subseed-strength", "How much of the variation, 0 to 1.")] = (
        0.0
    )
    cfg_scale: Annotated[float, _named("--cfg-scale", "How closely to follow the prompt.")] = (
        DEFAULT.cfg_scale
    )
    sampler: Annotated[str, _named("--sampler", "Name of the sampler.")] = DEFAULT.sampler_name
    scheduler: Annotated[str | None, _named("--scheduler", "Name of the noise schedule.")] = None
    batch_size: Annotated[int, _named("--batch-size", "Pictures drawn at once.")] = DEFAULT.batch_size
    n_iter: Annotated[int, _named("--n-iter", "Batches, one after the other.")] = DEFAULT.n_iter
    tiling: Annotated[bool, _named("--tiling", "A picture that repeats without a seam.")] = False
    model: Annotated[str | None, _named("--model", "Title, name or hash of the checkpoint.")] = None
    styles: Annotated[list[str], _named("--styles", "Name of a style; may be repeated.")] = field(
        default_factory=list
    )
    option: Annotated[
        list[str], _named("--option", "An option for this job; may be repeated.", metavar="K=V")
    ] = field(default_factory=list)
    script: Annotated[str | None, _named("--script", "Name of a script that draws it.")] = None
    arg: Annotated[
        list[str], _named("--arg", "An argument of the script; may be repeated.", metavar="K=V")
    ] = field(default_factory=list)
    backend: Backend = None
    data_dir: DataDir = None
    server: Server = None
    no_save: Annotated[bool, _named("--no-save", "Write no file.")] = False
    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True)
class InitFlags(DrawFlags):
    """What img2img takes besides."""

    init: Annotated[
        list[Path], _named("--init", "The picture to start from; may be repeated.", metavar="FILE")
    ]
    mask: Annotated[Path | None, _named("--mask", "White is painted anew.", metavar="FILE")] = None
    denoising_strength: Annotated[
        float, _named("--denoising-strength", "0 keeps the picture, 1 forgets it.")
    ] = 0.75
    resize_mode: Annotated[
        int, _named("--resize-mode", "0 stretch, 1 crop, 2 fill, 3 stretch the latent.", min=0, max=3)
    ] = ResizeMode.STRETCH.value
    mask_blur: Annotated[int, _named("--mask-blur", "Pixels.")] = INIT.mask_blur_x
    inpainting_fill: Annotated[
        int,
        _named("--inpainting-fill", "Under the mask: 0 fill, 1 original, 2 noise, 3 nothing.", min=0, max=3),
    ] = MaskedContent.FILL.value
    inpaint_full_res: Annotated[
        bool, _named("--inpaint-full-res/--inpaint-whole", "Draw only around the mask.")
    ] = INIT.only_masked
    inpaint_full_res_padding: Annotated[
        int, _named("--inpaint-full-res-padding", "Pixels around the mask.")
    ] = INIT.only_masked_padding
    inpainting_mask_invert: Annotated[bool, _named("--inpainting-mask-invert", "Black is painted anew.")] = (
        False
    )


def takes(flags: type[F]) -> Callable[[Callable[[typer.Context, F], None]], Callable[..., None]]:
    """Make a function of ``flags`` a command with an option for each field."""

    def decorate(function: Callable[[typer.Context, F], None]) -> Callable[..., None]:
        def command(context: typer.Context, **values: Any) -> None:
            function(context, flags(**values))

        parameters = _parameters(flags)
        command.__name__ = function.__name__
        command.__doc__ = function.__doc__
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def _parameters(flags: type[Any]) -> list[inspect.Parameter]:
    kind = inspect.Parameter.KEYWORD_ONLY
    hints = get_type_hints(flags, include_extras=True)
    context = inspect.Parameter("context", kind, annotation=typer.Context)
    return [
        context,
        *(
            inspect.Parameter(f.name, kind, default=_default(f), annotation=hints[f.name])
            for f in fields(flags)
        ),
    ]


def _default(item: Field[Any]) -> Any:
    if item.default_factory is not MISSING:
        return item.default_factory()
    return inspect.Parameter.empty if item.default is MISSING else item.default
