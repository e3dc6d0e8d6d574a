"""One picture for each combination of the values of up to three axes, on a sheet with a legend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.domain.errors import InvalidValue
from core.domain.request import GenerationRequest
from core.domain.resources import ScriptArg
from core.domain.scripts import Script
from core.drafts import Draw, DrawnImage, ScriptResult, Sheet
from plugins.builtin.sheets import Title, make_sheet
from plugins.builtin.xyz_plot.axes import IMG2IMG, NOTHING, TXT2IMG, Apply, Cell, axis_of
from plugins.builtin.xyz_plot.values import MOST, split
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister

NAME = "X/Y/Z plot"
LETTERS = ("x", "y", "z")


def _fields(axes: tuple[str, ...]) -> tuple[ScriptArg, ...]:
    found: list[ScriptArg] = []
    for letter, default in zip(LETTERS, ("Seed", NOTHING, NOTHING), strict=True):
        label = letter.upper()
        found += (
            ScriptArg(name=f"{letter}_type", label=f"{label} type", value=default, choices=axes),
            ScriptArg(name=f"{letter}_values", label=f"{label} values", value=""),
            ScriptArg(name=f"{letter}_values_dropdown", label=f"{label} values", choices=()),
        )
    flags = {
        "draw_legend": ("Draw legend", True),
        "include_lone_images": ("Include Sub Images", False),
        "include_sub_grids": ("Include Sub Grids", False),
        "no_fixed_seeds": ("Keep -1 for seeds", False),
        "vary_seeds_x": ("Vary seeds for X", False),
        "vary_seeds_y": ("Vary seeds for Y", False),
        "vary_seeds_z": ("Vary seeds for Z", False),
    }
    found += (ScriptArg(name=name, label=label, value=value) for name, (label, value) in flags.items())
    margin = ScriptArg(name="margin_size", label="Grid margins (px)", value=0, minimum=0, maximum=500, step=2)
    csv_mode = ScriptArg(name="csv_mode", label="Use text inputs instead of dropdowns", value=False)
    return (*found, margin, csv_mode)


SCRIPTS = (
    Script(name=NAME, img2img=False, fields=_fields(TXT2IMG)),
    Script(name=NAME, txt2img=False, fields=_fields(IMG2IMG)),
)


class XyzPlotPlugin:
    """Offers the script, with other axes on each endpoint."""

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        for script in SCRIPTS:
            register.add(script, run)


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis with its values, the texts of the legend, and how a value is put into a cell."""

    name: str
    values: list[Any]
    apply: Apply

    @property
    def titles(self) -> list[list[Title]]:
        if self.name == NOTHING:
            return []
        return [[Title(f"{self.name}: {_shown(value)}")] for value in self.values]


def run(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
    axes = [_axis(letter, args) for letter in LETTERS]
    x, y, z = axes
    draw.expect(len(x.values) * len(y.values) * len(z.values))
    images: list[DrawnImage] = []
    cells: list[DrawnImage] = []
    for cell in _cells(request, axes, args, draw):
        drawn = draw(cell.request, cell.options)
        images += drawn
        cells += drawn[:1]
    if len(cells) != len(x.values) * len(y.values) * len(z.values):  # one was skipped
        return ScriptResult(images=images)
    sheets = _sheets(cells, axes, args)
    if not args["include_sub_grids"]:
        sheets = sheets[:1]
    return ScriptResult(images=images if args["include_lone_images"] else [], sheets=sheets)


def _axis(letter: str, args: Mapping[str, Any]) -> _Axis:
    name = args[f"{letter}_type"]
    if name == NOTHING:
        return _Axis(NOTHING, [None], lambda cell, value: cell)
    axis = axis_of(name)
    listed = args[f"{letter}_values_dropdown"]
    if isinstance(listed, list | tuple) and listed and not args["csv_mode"]:
        texts = [str(value) for value in listed]
    else:
        texts = split(args[f"{letter}_values"])
    if not 1 <= len(texts) <= MOST:
        raise InvalidValue(f"{letter}_values", args[f"{letter}_values"], f"it must have 1 to {MOST} values")
    return _Axis(name, axis.read(name, texts), axis.apply)


def _cells(
    request: GenerationRequest, axes: list[_Axis], args: Mapping[str, Any], draw: Draw
) -> Iterator[Cell]:
    """Row by row, the sheets of the third axis one after the other."""
    x, y, z = axes
    seed = -1 if args["no_fixed_seeds"] and draw.seed_is_random else request.seed
    for z_at, z_value in enumerate(z.values):
        for y_at, y_value in enumerate(y.values):
            for x_at, x_value in enumerate(x.values):
                added = _added((x_at, y_at, z_at), (len(x.values), len(y.values)), args)
                cell = Cell(replace(request, seed=seed if seed == -1 else seed + added), {})
                # Words are searched for in the prompt as it was sent, so the prompt's axes come first.
                for axis, value in sorted(
                    ((x, x_value), (y, y_value), (z, z_value)), key=lambda pair: "Prompt" not in pair[0].name
                ):
                    cell = axis.apply(cell, value)
                yield cell


def _added(at: tuple[int, int, int], sizes: tuple[int, int], args: Mapping[str, Any]) -> int:
    """How far a cell's seed is from that of the request."""
    factor, added = 1, 0
    for letter, place, size in zip(LETTERS, at, (*sizes, 1), strict=True):
        if args[f"vary_seeds_{letter}"]:
            added += place * factor
            factor *= size
    return added


def _sheets(cells: list[DrawnImage], axes: list[_Axis], args: Mapping[str, Any]) -> list[Sheet]:
    """The whole, then, with a third axis, the sheet of each of its values."""
    x, y, z = axes
    legend, margin = args["draw_legend"], args["margin_size"]
    size = len(x.values) * len(y.values)
    params = _params(axes, args)
    parts = [
        Sheet(
            image=make_sheet(
                [cell.image for cell in cells[start : start + size]],
                len(x.values),
                across=x.titles if legend else (),
                down=y.titles if legend else (),
                margin=margin,
            ),
            like=cells[start],
            infotext_params=params,
        )
        for start in range(0, len(cells), size)
    ]
    if len(parts) == 1:
        return parts
    whole = make_sheet([part.image for part in parts], 1, down=z.titles if legend else (), margin=margin)
    return [Sheet(image=whole, like=cells[0], infotext_params=params), *parts]


def _params(axes: list[_Axis], args: Mapping[str, Any]) -> dict[str, Any]:
    """What the infotext of a sheet says of the plot."""
    found: dict[str, Any] = {"Script": NAME}
    for letter, axis in zip(LETTERS, axes, strict=True):
        if axis.name != NOTHING:
            found[f"{letter.upper()} Type"] = axis.name
            found[f"{letter.upper()} Values"] = args[f"{letter}_values"] or ", ".join(
                map(_shown, axis.values)
            )
    return found


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
