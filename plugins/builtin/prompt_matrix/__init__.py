"""``a cat|red|at night``: every combination of the parts, on one sheet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.domain.errors import InvalidValue
from core.domain.request import GenerationRequest
from core.domain.resources import ScriptArg
from core.domain.scripts import Script
from core.drafts import Draw, DrawnImage, ScriptResult, Sheet
from plugins.builtin.sheets import Title, make_sheet
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister

MOST_PARTS = 16
_BARS_AND_BRACES = re.compile("([{|}])")
SCRIPT = Script(
    name="Prompt matrix",
    fields=(
        ScriptArg(name="put_at_start", label="Put variable parts at start of prompt", value=False),
        ScriptArg(name="different_seeds", label="Use different seed for each picture", value=False),
        ScriptArg(
            name="prompt_type", label="Select prompt", value="positive", choices=("positive", "negative")
        ),
        ScriptArg(
            name="variations_delimiter",
            label="Select joining char",
            value="comma",
            choices=("comma", "space"),
        ),
        ScriptArg(name="margin_size", label="Grid margins (px)", value=0, minimum=0, maximum=500, step=2),
    ),
)


class PromptMatrixPlugin:
    """Offers the script."""

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        register.add(SCRIPT, run)


def run(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
    field = "prompt" if args["prompt_type"] == "positive" else "negative_prompt"
    main, *parts = [part.strip().strip(",") for part in _parts(getattr(request, field))]
    if len(parts) > MOST_PARTS:
        raise InvalidValue("parts of the prompt matrix", len(parts), f"it may have {MOST_PARTS} at most")
    count = 2 ** len(parts)
    single = replace(request, batch_size=1, n_iter=1)
    draw.expect(count, count)
    requests: list[GenerationRequest] = []
    for number in range(count):
        chosen = [part for bit, part in enumerate(parts) if number >> bit & 1]
        text = _joined(main, chosen, args)
        seed = request.seed + (number if args["different_seeds"] else 0)
        changes: dict[str, Any] = {field: text, "seed": seed}
        requests.append(replace(single, **changes))
    images = list(draw.each(requests, at_once=request.batch_size))
    return ScriptResult(images=images, sheets=_sheets(images, parts, args["margin_size"]))


def _parts(text: str) -> list[str]:
    """What stands between the bars. Those in ``{a|b}`` are the wildcards'."""
    found, depth = [""], 0
    for piece in _BARS_AND_BRACES.split(text):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        if depth < 0:
            break
        if piece == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += piece
    return found if depth == 0 else text.split("|")


def _joined(main: str, chosen: list[str], args: Mapping[str, Any]) -> str:
    delimiter = ", " if args["variations_delimiter"] == "comma" else " "
    parts = [*chosen, main] if args["put_at_start"] else [main, *chosen]
    return delimiter.join(parts)


def _sheets(images: list[DrawnImage], parts: list[str], margin: int) -> list[Sheet]:
    """The first parts vary from column to column, the others from row to row."""
    if len(images) != 2 ** len(parts):  # one was skipped
        return []
    rows = 2 ** (len(parts) // 2)
    columns = 2 ** len(parts) // rows
    split = len(parts) - len(parts) // 2
    image = make_sheet(
        [one.image for one in images],
        columns,
        across=[_titles(parts[:split], number) for number in range(columns)],
        down=[_titles(parts[split:], number) for number in range(rows)],
        margin=margin,
    )
    return [Sheet(image=image, like=images[0])]


def _titles(parts: list[str], number: int) -> list[Title]:
    return [Title(part, pale=not number >> bit & 1) for bit, part in enumerate(parts)]
