"""From flags to requests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.cli.flags import DrawFlags, InitFlags
from core.domain.errors import InvalidImage, InvalidValue, UnknownScript
from core.domain.image import BlobRef
from core.domain.options import MODEL_OPTION, OptionSpec
from core.domain.request import GenerationRequest, InitParams, Kind, MaskedContent, ResizeMode
from core.domain.resources import ScriptArg, ScriptInfo
from core.domain.scripts import bind, find_script

if TYPE_CHECKING:
    from adapters.application import Application

INCOMPLETE_OPTION = "save_incomplete_images"


def requests_from(flags: DrawFlags, application: Application) -> list[GenerationRequest]:
    """One request a prompt. Puts the pictures of img2img into the blob store."""
    kind_fields = _init_fields(flags, application) if isinstance(flags, InitFlags) else {}
    overrides = overrides_from(flags, application.options.specs())
    kind = Kind.IMG2IMG if isinstance(flags, InitFlags) else Kind.TXT2IMG
    common = {
        **common_fields(flags),
        **kind_fields,
        **_script_fields(flags, kind, application.resources.scripts()),
        "styles": tuple(flags.styles),
        "save_images": not flags.no_save,
        "override_settings": overrides,
    }
    return [GenerationRequest(prompt=prompt, **common) for prompt in flags.prompt]


def _script_fields(flags: DrawFlags, kind: Kind, scripts: Sequence[ScriptInfo]) -> dict[str, Any]:
    if flags.script is None:
        if flags.arg:
            raise InvalidValue("--arg", flags.arg[0], "it goes with --script")
        return {}
    script = find_script(flags.script, kind, scripts)
    if script is None or script.always_on:
        raise UnknownScript(flags.script)
    args = bind(script.name, script.args, script_arguments(flags, script.args))
    return {"script_name": flags.script, "script_args": tuple(args.values())}


def script_arguments(flags: DrawFlags, fields: Sequence[ScriptArg] = ()) -> dict[str, Any]:
    """What ``--arg`` says, by name. A text field takes its value as it stands; a list may be written
    ``left,up``."""
    texts = {field.name for field in fields if isinstance(field.value, str)}
    lists = {field.name for field in fields if isinstance(field.value, list | tuple)}
    found: dict[str, Any] = {}
    for text in flags.arg:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidValue("--arg", text, "it must be NAME=VALUE")
        name = name.strip()
        found[name] = value if name in texts else _json_or_text(value)
        if name in lists and isinstance(found[name], str):
            found[name] = [part.strip() for part in value.split(",") if part.strip()]
    return found


def overrides_from(flags: DrawFlags, specs: Iterable[OptionSpec]) -> dict[str, Any]:
    """The options of these jobs."""
    # Ctrl-C keeps what there is: on the command line nothing else would show it.
    overrides = {INCOMPLETE_OPTION: True, **parse_options(flags.option, specs)}
    return overrides if flags.model is None else {**overrides, MODEL_OPTION: flags.model}


def common_fields(flags: DrawFlags) -> dict[str, Any]:
    """What has the same name in the domain and over HTTP."""
    return {
        "negative_prompt": flags.negative,
        "seed": flags.seed,
        "subseed": flags.subseed,
        "subseed_strength": flags.subseed_strength,
        "sampler_name": flags.sampler,
        "scheduler": flags.scheduler,
        "batch_size": flags.batch_size,
        "n_iter": flags.n_iter,
        "steps": flags.steps,
        "cfg_scale": flags.cfg_scale,
        "width": flags.width,
        "height": flags.height,
        # None leaves it to the option of that name, which a flag that was not given should.
        "tiling": flags.tiling or None,
    }


def _init_fields(flags: InitFlags, application: Application) -> dict[str, Any]:
    init = InitParams(
        images=tuple(_put(path, application) for path in flags.init),
        mask=_put(flags.mask, application) if flags.mask else None,
        resize_mode=ResizeMode(flags.resize_mode),
        mask_blur_x=flags.mask_blur,
        mask_blur_y=flags.mask_blur,
        mask_invert=flags.inpainting_mask_invert,
        masked_content=MaskedContent(flags.inpainting_fill),
        only_masked=flags.inpaint_full_res,
        only_masked_padding=flags.inpaint_full_res_padding,
    )
    return {"kind": Kind.IMG2IMG, "init": init, "denoising_strength": flags.denoising_strength}


def _put(path: Path, application: Application) -> BlobRef:
    try:
        return application.images.put_image(path.read_bytes())
    except OSError as error:
        raise InvalidImage(f"cannot read {path}: {error.strerror}") from None
    except InvalidImage as error:
        raise InvalidImage(f"{path}: {error}") from None


def parse_options(pairs: Iterable[str], specs: Iterable[OptionSpec]) -> dict[str, Any]:
    """``name=value`` texts as option values. Whether name and value are right is said at acceptance."""
    known = {spec.name: spec for spec in specs}
    return dict(_pair(text, known) for text in pairs)


def _pair(text: str, known: Mapping[str, OptionSpec]) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidValue("--option", text, "it must be NAME=VALUE")
    name = name.strip()
    spec = known.get(name)
    # A text option takes its value as it stands: "123" is a name there, no number.
    if spec is not None and isinstance(spec.default, str | None):
        return name, value
    return name, _json_or_text(value)


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
