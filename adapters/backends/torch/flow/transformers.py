"""The transformers as the denoiser calls them: latents in, the way from the picture to the noise out.

All read patches of 2 x 2 latent cells; an odd side is filled up with its own last cell, and cut again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from adapters.backends.torch.engine.batcher import Member
from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.hook_drafts import TorchResiduals
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.takeover import Network, Place
from core.domain.errors import InvalidValue
from core.domain.flow_families import FLUX, KLEIN, QWEN_IMAGE, SCHNELL, SD3, Z_IMAGE

PATCH = 2
TIMES = 1000.0
CELL = 8
_QWEN_PLACES = 4096
_GROUP = 32


def transformer_network(model: LoadedModel, member: Member, merging: float) -> Network:
    """The transformer, asked through ``member``: runs in flight share its passes. Raises ``InvalidValue`` for
    what only UNets do."""
    if merging > 0:
        raise InvalidValue("token_merging_ratio", merging, "only UNets merge tokens; 0 draws without")
    transformer, ask = model.unet, _ASK[model.family.name]

    def forward(rows: Rows) -> Tensor:
        answer = ask(transformer, rows)
        return answer.float()

    def evaluate(
        x: Tensor,
        t: float,
        context: Tensor,
        vector: Tensor | None = None,
        residuals: TorchResiduals | None = None,
        place: Place | None = None,
    ) -> Tensor:
        if residuals is not None:
            raise InvalidValue("residuals", "given", "a transformer takes none; they are for UNets")
        height, width = x.shape[2:]
        x = functional.pad(x, (0, width % PATCH, 0, height % PATCH), mode="replicate")
        rows = {
            "x": x.to(model.dtype),
            "times": torch.full((x.shape[0],), t, dtype=torch.float32, device=x.device),
            "context": context.to(model.dtype),
        }
        if vector is not None:
            told = vector.shape[1] - model.family.sizes.count
            rows |= {"pooled": vector[:, :told].to(model.dtype), "guidance": vector[:, told:]}
        answer = member.ask(Question(id(transformer), forward, rows))
        return answer[:, :, :height, :width]

    return evaluate


def packed(x: Tensor) -> Tensor:
    """(rows, patches, 4 channels)."""
    rows, channels, height, width = x.shape
    cells = x.reshape(rows, channels, height // PATCH, PATCH, width // PATCH, PATCH)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(rows, -1, channels * PATCH * PATCH)


def unpacked(patches: Tensor, height: int, width: int) -> Tensor:
    """What :func:`packed` packed."""
    rows, _, numbers = patches.shape
    cells = patches.reshape(rows, height // PATCH, width // PATCH, numbers // PATCH**2, PATCH, PATCH)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(rows, -1, height, width)


def _sd3(transformer: Any, rows: Rows) -> Tensor:
    x, most = rows["x"], transformer.config.pos_embed_max_size
    _check_sides(x, (most, most))
    answer: Tensor = transformer(
        hidden_states=x,
        timestep=rows["times"],
        encoder_hidden_states=rows["context"],
        pooled_projections=rows["pooled"],
        return_dict=False,
    )[0]
    return answer


def _check_sides(x: Tensor, most: Sequence[int]) -> None:
    """``most``: patches of a column and of a row."""
    for name, side, patches in zip(("height", "width"), x.shape[2:], most, strict=True):
        limit = patches * PATCH * CELL
        if side * CELL > limit:
            raise InvalidValue(name, side * CELL, f"this model draws at most {limit} pixels along that side")


def _check_text(context: Tensor, most: int) -> None:
    tokens = context.shape[1]
    if tokens > most:
        expected = f"this model takes at most {most} with the words around it, for a picture of this size"
        raise InvalidValue("prompt", f"{tokens} tokens", expected)


def _flux(transformer: Any, rows: Rows) -> Tensor:
    x, context = rows["x"], rows["context"]
    height, width = x.shape[2:]
    guided = rows["guidance"][:, 0] if transformer.config.guidance_embeds else None
    answer: Tensor = transformer(
        hidden_states=packed(x),
        timestep=rows["times"].to(x.dtype) / TIMES,
        guidance=guided,
        pooled_projections=rows["pooled"],
        encoder_hidden_states=context,
        txt_ids=torch.zeros((context.shape[1], 3), device=x.device),
        img_ids=_places(height // PATCH, width // PATCH, x.device),
        return_dict=False,
    )[0]
    return unpacked(answer, height, width)


def _places(rows: int, columns: int, device: torch.device) -> Tensor:
    """Picture, row and column of each patch. In single precision: bfloat16 counts to 256 alone."""
    places = torch.zeros((rows, columns, 3), device=device)
    places[..., 1] = torch.arange(rows, device=device)[:, None]
    places[..., 2] = torch.arange(columns, device=device)[None, :]
    return places.reshape(-1, 3)


def _klein(transformer: Any, rows: Rows) -> Tensor:
    """Places have a fourth number, by which the words of the text are told apart."""
    x, context = rows["x"], rows["context"]
    height, width = x.shape[2:]
    pictures = functional.pad(_places(height // PATCH, width // PATCH, x.device), (0, 1))
    words = torch.zeros((context.shape[1], 4), device=x.device)
    words[:, 3] = torch.arange(context.shape[1], device=x.device)
    answer: Tensor = transformer(
        hidden_states=packed(x),
        timestep=rows["times"].to(x.dtype) / TIMES,
        guidance=None,
        encoder_hidden_states=context,
        txt_ids=words,
        img_ids=pictures,
        return_dict=False,
    )[0]
    return unpacked(answer, height, width)


def _qwen_image(transformer: Any, rows: Rows) -> Tensor:
    x, context = rows["x"], rows["context"]
    height, width = x.shape[2:]
    _check_text(context, _QWEN_PLACES - max(height, width) // (2 * PATCH))
    # Text positions follow from the length of all rows, and what is no token is not looked at.
    tokens = context[..., -1] > 0
    answer: Tensor = transformer(
        hidden_states=packed(x),
        timestep=rows["times"].to(x.dtype) / TIMES,
        encoder_hidden_states=context[..., :-1],
        encoder_hidden_states_mask=None if bool(tokens.all()) else tokens,
        img_shapes=[[(1, height // PATCH, width // PATCH)]] * x.shape[0],
        return_dict=False,
    )[0]
    return unpacked(answer, height, width)


def _z_image(transformer: Any, rows: Rows) -> Tensor:
    """It counts time from the noise, answers the other way round, and takes each text at its own length.

    Words and pictures have places in tables of fixed length: to ask beyond them would break the device.
    """
    words, *sides = transformer.config.axes_lens
    _check_sides(rows["x"], sides)
    # A text is filled up to whole groups, from place 1 on, and the picture has the place behind it.
    _check_text(rows["context"], (words - 2) // _GROUP * _GROUP)
    texts = [row[row[:, -1] > 0, :-1] for row in rows["context"]]
    time = (TIMES - rows["times"]) / TIMES
    answers = transformer(list(rows["x"].unsqueeze(2)), time, texts, return_dict=False)[0]
    return -torch.stack([answer.float() for answer in answers]).squeeze(2)


_ASK: Mapping[str, Callable[[Any, Rows], Tensor]] = {
    SD3: _sd3,
    FLUX: _flux,
    SCHNELL: _flux,
    QWEN_IMAGE: _qwen_image,
    Z_IMAGE: _z_image,
    KLEIN: _klein,
}
