"""What hooks on tensors may edit. Importing this imports no torch.

A hook puts another tensor in the place of the one it was given; the shape, the number format and the device
stay, unless it says otherwise. The tensors are of one request alone, whoever shares its forward passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from core.domain.model import ModelIdentity
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Role: TypeAlias = Literal["prompt", "negative", "picture"]
"""``picture``: the negative prompt beside the picture that a model follows (instruct-pix2pix)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchPass:
    """One sampling pass of one batch; to read.

    :param index: of the batch, from 0.
    :param extras: what plugins hand to the backend for this batch, by name.
    :param state: for the plugin's own things, by a name of the plugin's; gone with the batch.
    :param hires: it is the second pass of hires fix.
    :param last: no other pass of this batch follows.
    :param evaluations: of the denoiser that are planned. An adaptive sampler takes as many as it needs.
    :param latent_height: of the latent, an eighth of the picture's; as its width.
    """

    run_id: str
    index: int
    request: GenerationRequest
    options: OptionValues
    extras: Mapping[str, Any]
    state: dict[str, Any]
    seeds: tuple[int, ...]
    model: ModelIdentity
    hires: bool
    last: bool
    steps: int
    evaluations: int
    latent_height: int
    latent_width: int
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchMoment:
    """One call of the denoiser; to read.

    :param call: from 0.
    :param time: model time, 0 to 999, maybe fractional.
    :param sigma: noise over signal.
    :param scaled: x is signal + sigma * noise. False, for the samplers that work in model times (DDIM, PLMS,
        UniPC): the shares of signal and noise are those of training, and predictions are of the noise.
    """

    call: int
    time: float
    sigma: float
    scaled: bool


@dataclass(slots=True, kw_only=True)
class TorchPassDraft:
    """A pass about to begin.

    :param layers: names of the attention layers of the UNet; empty for a network that has none to replace.
    :param attention: put a processor under the name of a layer, as diffusers' ``set_attn_processor`` takes
        it. It sees every row of an evaluation, and no row of other requests: the pass is drawn alone then.
    :param alone: set it, and the pass shares no forward pass.
    """

    run: TorchPass
    layers: tuple[str, ...]
    attention: dict[str, Any] = field(default_factory=dict)
    alone: bool = False


@dataclass(slots=True, kw_only=True)
class TorchNoiseDraft:
    """What a pass starts from, each (images, channels, height, width).

    :param noise: standard normal.
    :param latent: what it is added to, not noised; None in a pass that starts from noise alone.
    """

    run: TorchPass
    noise: Tensor
    latent: Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchWord:
    """What stands for a word in texts.

    :param vectors: (vectors, width), one tensor for each text encoder, all of as many vectors, at most 75.
    :param key: stands for their content: what was encoded with the same name and key is not encoded again.
    """

    vectors: tuple[Tensor, ...]
    key: str


@dataclass(slots=True, kw_only=True)
class TorchTextDraft:
    """The texts of a pass, before they are encoded.

    :param run: its ``model`` is the one that reads them: a refiner that takes over reads them anew.
    :param texts: for each picture all that is encoded of its prompts, once each; to read.
    :param widths: of the vectors that may stand for a word, one for each text encoder; empty for models that
        take none.
    :param find: the names, of some names, that the model's tokenizer reads in some texts; where several begin
        at one place, the longest.
    :param words: vectors by the words that they stand for, in the texts of this pass alone.
    :param infotext_params: for each picture, what is added to its infotext.
    """

    run: TorchPass
    texts: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]
    find: Callable[[Iterable[str], Sequence[str]], frozenset[str]]
    words: dict[str, TorchWord] = field(default_factory=dict)
    infotext_params: tuple[dict[str, str], ...]

    def put(self, name: str, vectors: Sequence[Tensor], key: str) -> None:
        """Let vectors stand for a word, as a ``TorchWord`` in ``words``.

        Raises ``TypeError`` or ``ValueError`` for what cannot.
        """
        from adapters.backends.torch.word_checks import check_word

        word = TorchWord(vectors=tuple(vectors), key=key)
        check_word(name, word.vectors, key, self.widths)
        self.words[name] = word


@dataclass(slots=True, kw_only=True)
class TorchResiduals:
    """What is added inside of the UNet, as a ControlNet gives it; a row for each row of the evaluation.

    :param down: to what the blocks on the way down hand over, in their order. :param mid: to the middle.
    """

    down: tuple[Tensor, ...]
    mid: Tensor


@dataclass(slots=True, kw_only=True)
class TorchRowsDraft:
    """One evaluation of the network, before it. All tensors have one row for each of ``owners``.

    :param owners: whose row it is: the number of the picture in the batch.
    :param roles: what the row's text is.
    :param x: (rows, channels, height, width), as the sampler has it.
    :param context: (rows, tokens, width). It may become longer: the tokens of an image prompt, say.
    :param vector: (rows, numbers), what SDXL is told beside; else None.
    :param picture: what inpainting models and those that follow instructions see beside x; else None.
    :param residuals: None adds none.
    """

    run: TorchPass
    moment: TorchMoment
    owners: tuple[int, ...]
    roles: tuple[Role, ...]
    x: Tensor
    context: Tensor
    vector: Tensor | None
    picture: Tensor | None
    residuals: TorchResiduals | None = None


@dataclass(slots=True, kw_only=True)
class TorchPredictedDraft:
    """The same evaluation, after it and before guidance.

    :param predicted: (rows, channels, height, width): x0, or the noise where ``moment.scaled`` is False.
    """

    run: TorchPass
    moment: TorchMoment
    owners: tuple[int, ...]
    roles: tuple[Role, ...]
    predicted: Tensor


@dataclass(slots=True, kw_only=True)
class TorchGuidedDraft:
    """What a call of the denoiser answers, after guidance and mask; each (images, channels, height, width).

    :param guided: as ``TorchPredictedDraft.predicted``, guided.
    :param uncond: to read: what the negative prompts alone gave.
    """

    run: TorchPass
    moment: TorchMoment
    guided: Tensor
    uncond: Tensor


@dataclass(slots=True, kw_only=True)
class TorchBlendDraft:
    """A latent that keeps what lies outside the mask.

    :param moment: None at the end of the pass.
    :param latent: before; :param original: what is kept; :param mask: (1, 1, height, width), 1 = paint anew.
    :param blended: replace this one.
    """

    run: TorchPass
    moment: TorchMoment | None
    latent: Tensor
    original: Tensor
    mask: Tensor
    blended: Tensor


@dataclass(slots=True, kw_only=True)
class TorchSampledDraft:
    """What a pass has drawn: ``latent``, (images, channels, height, width), not decoded yet."""

    run: TorchPass
    latent: Tensor
