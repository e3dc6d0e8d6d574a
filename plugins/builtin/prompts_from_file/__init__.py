"""Draws each line of a text: a prompt, or options as on a command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.domain.errors import InvalidValue
from core.domain.request import GenerationRequest
from core.domain.resources import ScriptArg
from core.domain.scripts import Script
from core.drafts import Draw, DrawnImage, ScriptResult
from plugins.builtin.prompts_from_file.lines import Line, read_lines
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister

SCRIPT = Script(
    name="Prompts from file or textbox",
    fields=(
        ScriptArg(name="iterate_seed", label="Iterate seed every line", value=False),
        ScriptArg(name="same_random_seed", label="Use same random seed for all lines", value=False),
        ScriptArg(
            name="prompt_position", label="Insert prompts at the", value="start", choices=("start", "end")
        ),
        ScriptArg(name="prompt_txt", label="List of prompt inputs", value=""),
    ),
)


class PromptsFromFilePlugin:
    """Offers the script."""

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        register.add(SCRIPT, run)


def run(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
    lines = read_lines(args["prompt_txt"])
    if not lines:
        raise InvalidValue("prompt_txt", args["prompt_txt"], "it must have a line to draw")
    draw.expect(len(lines))
    images: list[DrawnImage] = []
    same = args["iterate_seed"] or args["same_random_seed"] or not draw.seed_is_random
    seed = request.seed
    for line in lines:
        base = replace(request, seed=seed if same else -1)
        one = _request(base, line, args["prompt_position"] == "start")
        images += draw(one, line.options)
        if args["iterate_seed"]:
            seed += one.batch_size * one.n_iter
    return ScriptResult(images=images)


def _request(request: GenerationRequest, line: Line, at_start: bool) -> GenerationRequest:
    """The request's own prompts stay, behind or before those of the line."""
    fields = dict(line.fields)
    for name in ("prompt", "negative_prompt"):
        own = getattr(request, name)
        if name in fields:
            parts = [fields[name], own] if at_start else [own, fields[name]]
            fields[name] = " ".join(part for part in parts if part)
    return replace(request, **fields)
