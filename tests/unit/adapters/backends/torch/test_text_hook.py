"""The hook on texts, and textual inversions on it, from the door."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from adapters.backends.torch.flow.prompts import prompts_of
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.text import TextOptions
from adapters.backends.torch.words import Words
from core.domain.errors import PluginError
from core.domain.request import HiresParams
from core.prompt.emphasis import Emphasis
from plugins.hookspecs import hookimpl
from serena import Serena, TorchTextDraft
from tests.unit.adapters.backends.torch.conftest import BACKEND
from tests.unit.adapters.backends.torch.rig import CPU, DRAWN, distance, draw, pixels, reference
from tests.unit.adapters.backends.torch.tensor_plugins import open_with

QUICK: dict[str, Any] = {"steps": 1, "sampler_name": "Euler"}
ROUNDING = 1


class Told:
    """Does with the texts of a run what was agreed for its seed, and keeps the drafts."""

    def __init__(self) -> None:
        self.acts: dict[int, Callable[[Any], None]] = {}
        self.heard: list[TorchTextDraft] = []

    @hookimpl(optionalhook=True)
    def serena_torch_text(self, draft: TorchTextDraft) -> None:
        self.heard.append(draft)
        self.acts.get(draft.run.seeds[0], lambda draft: None)(draft)


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, demo_model: LoadedModel) -> Path:
    """A data folder with two textual inversions, and one that cannot be read."""
    made = tmp_path_factory.mktemp("words")
    (made / "embeddings" / "more").mkdir(parents=True)
    width = demo_model.text_encoder.config.hidden_size
    for seed, name in enumerate(("calm", "more/storm")):
        rows = torch.randn(2, width, generator=torch.Generator().manual_seed(seed)) * 0.05
        save_file({"emb_params": rows}, made / "embeddings" / f"{name}.safetensors")
    return made


@pytest.fixture(scope="module")
def serena(folder: Path, told: Told) -> Iterator[Serena]:
    with open_with(folder, BACKEND, ("told", told)) as made:
        yield made


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def random_rows(draft: Any) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(2, width, generator=generator) * 0.05 for width in draft.widths]


def test_a_word_of_a_file_changes_the_picture_and_is_told(serena: Serena, demo: Serena, folder: Path) -> None:
    answer = serena.txt2img("a calm sea", **DRAWN | QUICK)
    [plain] = draw(demo, "a calm sea", **QUICK)
    assert distance(pixels(answer.images[0]), plain) > ROUNDING
    found = digest(folder / "embeddings" / "calm.safetensors")
    assert f'TI hashes: "calm: {found}"' in answer.infotext
    silent = {"textual_inversion_add_hashes_to_infotext": False}
    again = serena.txt2img("a calm sea", **DRAWN | QUICK, override_settings=silent)
    assert "TI hashes" not in again.infotext
    assert again.images[0].tobytes() == answer.images[0].tobytes()


def test_left_out_it_is_plain_text(demo: Serena, folder: Path) -> None:
    with open_with(folder, BACKEND, block=["textual_inversion"]) as blocked:
        answer = blocked.txt2img("a calm sea", **DRAWN | QUICK)
    assert distance(pixels(answer.images[0]), draw(demo, "a calm sea", **QUICK)[0]) == 0
    assert "TI hashes" not in answer.infotext


def test_each_picture_names_its_own(serena: Serena, folder: Path) -> None:
    answer = serena.txt2img(
        "a {calm|red} sea",
        **DRAWN | QUICK | {"seed": 12, "subseed": 1},
        batch_size=4,
        override_settings={"return_grid": False},
    )
    calm = [text.startswith("a calm") for text in answer.infotexts]
    assert [
        f"calm: {digest(folder / 'embeddings' / 'calm.safetensors')}" in text for text in answer.infotexts
    ] == calm
    assert sorted(set(calm)) == [False, True]


def test_both_passes_are_told_in_one_place_of_the_infotext(serena: Serena, told: Told, folder: Path) -> None:
    told.heard.clear()
    answer = serena.txt2img(
        "a (calm:1.1) sea", **DRAWN | QUICK, negative_prompt="bad", denoising_strength=0.5,
        hires=HiresParams(scale=2.0, prompt="a storm"), override_settings={"emphasis": "No norm"},
    )  # fmt: skip
    hashes = [digest(folder / "embeddings" / f"{name}.safetensors") for name in ("calm", "more/storm")]
    assert 'TI hashes: "calm: {}, storm: {}", Emphasis: No norm'.format(*hashes) in answer.infotext
    first, second = told.heard
    assert (first.texts, second.texts) == ((("a (calm:1.1) sea", "bad"),), (("a storm", "bad"),))
    assert (first.run.hires, second.run.hires, first.run.request.steps) == (False, True, 1)


def test_a_refiner_reads_the_texts_anew(serena: Serena, told: Told) -> None:
    told.heard.clear()
    draw(serena, "a calm sea", **QUICK, refiner_checkpoint="serena-demo", refiner_switch_at=0.0)
    assert [draft.texts for draft in told.heard] == [(("a calm sea", ""),)] * 2


def test_two_requests_at_once_keep_their_words_apart(serena: Serena) -> None:
    prompts = ["a calm sea", "a red circle", "a storm"]
    alone = [draw(serena, prompt, **QUICK)[0] for prompt in prompts]
    with ThreadPoolExecutor(len(prompts)) as pool:
        together = [one for [one] in pool.map(lambda prompt: draw(serena, prompt, **QUICK), prompts)]
    assert [distance(*pair) <= ROUNDING for pair in zip(alone, together, strict=True)] == [True] * len(
        prompts
    )


def test_a_plugin_has_a_word_of_its_own(serena: Serena, told: Told) -> None:
    def add(draft: TorchTextDraft) -> None:
        draft.put("circle", random_rows(draft), key="mine")
        draft.put("calm", random_rows(draft), key="mine")
        draft.infotext_params[0]["Words"] = "circle"

    told.acts[700] = add
    [plain] = draw(serena, "a red circle", **QUICK | {"seed": 701})
    answer = serena.txt2img("a red circle, calm", **DRAWN | QUICK | {"seed": 700})
    assert "Words: circle" in answer.infotext
    assert "TI hashes" not in answer.infotext, "a word that is taken stays with who took it"
    told.acts[701] = add
    assert distance(plain, draw(serena, "a red circle", **QUICK | {"seed": 701})[0]) > ROUNDING


def _wide(draft: Any) -> None:
    draft.put("red", [torch.zeros(1, 3)], key="x")


def _many(draft: Any) -> None:
    draft.put("red", [torch.zeros(76, draft.widths[0])], key="x")


def _keyless(draft: Any) -> None:
    draft.put("red", random_rows(draft), key="")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (_wide, r"the vectors of 'red' have the shapes \[\(1, 3\)\]; this model takes \(vectors, "),
        (_many, r"the shapes \[\(76, .*, up to 75"),
        (_keyless, r"the key of 'red' is ''; it must be a text that is not empty"),
        (lambda d: d.put("", random_rows(d), key="x"), r"draft.words has ''; a word is a text"),
        (lambda d: d.put("red", ["x"], key="x"), r"the vectors of 'red' are no tuple of tensors"),
        (lambda d: d.put("\ud800", random_rows(d), key="x"), r"draft.words has '\\ud800'; a word is a text"),
        (
            lambda d: d.put("red", [random_rows(d)[0].to_sparse()], key="x"),
            r"no dense tensors of real numbers",
        ),
        (
            lambda d: d.put("red", [random_rows(d)[0].to("meta")], key="x"),
            r"no dense tensors of real numbers",
        ),
        (lambda d: d.put("red", [random_rows(d)[0] * 1j], key="x"), r"no dense tensors of real numbers"),
        (lambda d: d.words.update(red=1), r"draft.words\['red'\] is int; it must be a TorchWord"),
        (lambda d: setattr(d, "words", []), r"draft.words is list; it must be a dict"),
        (lambda d: setattr(d, "infotext_params", ()), r"draft.infotext_params is no tuple of 1 dicts"),
        (lambda d: d.infotext_params[0].update(a=1), r"draft.infotext_params has 'a': 1; there may be texts"),
    ],
)
def test_what_cannot_be_used_is_said(
    serena: Serena, told: Told, act: Callable[[Any], None], said: str
) -> None:
    told.acts[800] = act
    with pytest.raises(PluginError, match=said) as caught:
        draw(serena, seed=800, **QUICK)
    assert "plugin 'told' failed in serena_torch_text" in str(caught.value)


@pytest.mark.filterwarnings("ignore")  # diffusers' own
@pytest.mark.parametrize(("family", "encoders"), [("sd3", 2), ("flux", 0), ("z-image", 0)])
def test_flow_models(flow_stubs: Path, family: str, encoders: int) -> None:
    """Vectors fit the two CLIPs of SD3 together; where CLIP only sums up, they fit nothing."""
    prompts = prompts_of(load_model(reference(flow_stubs / f"{family}-stub"), CPU, torch.float32))
    assert len(prompts.widths) == encoders
    found = prompts.find(["calm"], ["a calm"], Emphasis.NONE)
    assert found == ({"calm"} if encoders else frozenset())
    rows = tuple(
        torch.randn(1, width, generator=torch.Generator().manual_seed(1)) for width in prompts.widths
    )
    options = TextOptions(
        Emphasis.NONE, 1, 20, words=Words(frozenset({("calm", "1")}), {"calm": rows} if rows else {})
    )
    [with_word], [plain] = (
        prompts.encode(("a calm",), how) for how in (options, TextOptions(Emphasis.NONE, 1, 20))
    )
    assert torch.equal(with_word.context, plain.context) is (encoders == 0)
