"""Plugins on tensors: each hook acts, on its own request alone, and costs its own request when it fails."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch

from adapters.backends.torch.hook_drafts import TorchMoment
from adapters.backends.torch.hooks.calls import PassHooks
from adapters.backends.torch.latents import MaskBlend
from adapters.backends.torch.model import LoadedModel
from core.domain.errors import InvalidValue, PluginError
from core.domain.request import HiresParams
from serena import Serena, TorchResiduals
from tests.unit.adapters.backends.torch.conftest import BACKEND
from tests.unit.adapters.backends.torch.rig import distance, draw, half_mask, redraw, smooth_picture
from tests.unit.adapters.backends.torch.tensor_plugins import (
    Act,
    Board,
    Control,
    Muted,
    OneHook,
    open_with,
)

QUICK: dict[str, Any] = {"steps": 2, "sampler_name": "Euler"}
ROUNDING = 1
HOOKS = ["pass", "noise", "before_denoise", "after_denoise", "after_cfg", "sampled"]


@pytest.fixture(scope="module")
def board() -> Board:
    return Board()


@pytest.fixture(scope="module")
def hooked(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serena]:
    folder = tmp_path_factory.mktemp("hooked")
    lenient = Board()
    lenient.on(900, after_cfg=_raise)
    objects = ("lenient", lenient), ("board", board)
    with open_with(folder, BACKEND, *objects, errors={"lenient": "skip"}) as serena:
        yield serena


def _raise(draft: Any) -> None:
    raise ValueError("not today")


def _raising(*_: Any, **__: Any) -> None:
    raise ValueError("not today")


def _negate(field: str, draft: Any) -> None:
    setattr(draft, field, -getattr(draft, field))


def _lengthen(draft: Any) -> None:
    draft.context = torch.cat([draft.context, draft.context[:, :5] * 2.0], dim=1)


def _only_prompts(draft: Any) -> None:
    for row, role in enumerate(draft.roles):
        if role == "prompt":
            draft.predicted = draft.predicted.clone()
            draft.predicted[row] *= 0.5


ACTS: dict[str, Act] = {
    "noise": partial(_negate, "noise"),
    "before_denoise": _lengthen,
    "after_denoise": _only_prompts,
    "after_cfg": partial(_negate, "guided"),
    "sampled": partial(_negate, "latent"),
}


def test_hooks_that_do_nothing_leave_every_byte(hooked: Serena, demo: Serena, board: Board) -> None:
    board.on(100)
    plain, ours = (draw(one, seed=100, batch_size=2, **QUICK) for one in (demo, hooked))
    assert [distance(*pair) for pair in zip(plain, ours, strict=True)] == [0, 0]
    steps = [hook for hook, _ in board.heard[100]]
    assert steps == ["pass", "noise", *["before_denoise", "after_denoise", "after_cfg"] * 2, "sampled"]


def test_what_a_hook_is_told(hooked: Serena, board: Board) -> None:
    board.on(110)
    draw(hooked, seed=110, batch_size=2, **QUICK)
    told = dict(board.heard[110])
    run, rows = told["pass"].run, told["before_denoise"]
    assert (run.seeds, run.steps, run.evaluations, run.hires, run.last) == ((110, 111), 2, 2, False, True)
    assert (run.latent_height, run.latent_width, run.request.seed) == (8, 8, 110)
    assert (rows.owners, rows.roles) == ((0, 1, 0, 1), ("prompt", "prompt", "negative", "negative"))
    assert (rows.moment.call, rows.moment.scaled) == (1, True)
    assert rows.x.shape == (4, 4, 8, 8)
    assert told["noise"].latent is None


@pytest.mark.parametrize("hook", ACTS)
def test_each_hook_changes_its_own_request(hooked: Serena, demo: Serena, board: Board, hook: str) -> None:
    seed = 200 + 10 * list(ACTS).index(hook)
    board.on(seed, **{hook: ACTS[hook]})
    [plain] = draw(demo, seed=seed, **QUICK)
    [ours] = draw(hooked, seed=seed, **QUICK)
    assert distance(plain, ours) > ROUNDING


def test_both_passes_of_hires_fix_are_told_of(hooked: Serena, board: Board) -> None:
    board.on(300)
    draw(hooked, seed=300, hires=HiresParams(scale=2.0), denoising_strength=0.7, **QUICK)
    passes = [draft.run for hook, draft in board.heard[300] if hook == "pass"]
    assert [(run.hires, run.last, run.latent_width) for run in passes] == [
        (False, False, 8),
        (True, True, 16),
    ]
    first, second = (draft for hook, draft in board.heard[300] if hook == "noise")
    assert first.latent is None
    assert second.latent.shape == second.noise.shape == (1, 4, 16, 16)
    assert passes[0].state is passes[1].state


@pytest.mark.parametrize(("sampler", "scaled"), [("Euler", True), ("DDIM", False)])
def test_a_hook_decides_what_a_mask_keeps(
    hooked: Serena, demo: Serena, board: Board, sampler: str, scaled: bool
) -> None:
    seed = 310 if scaled else 320
    fields = {"seed": seed, "sampler_name": sampler, "steps": 4, "mask_blur": 0, "inpaint_full_res": False}
    redrawn = partial(redraw, image=smooth_picture(), mask=half_mask(), **fields)
    board.on(seed)
    plain = redrawn(demo)
    assert distance(plain, redrawn(hooked)) == 0
    blends = [draft for hook, draft in board.heard[seed] if hook == "mask_blend"]
    assert [draft.moment is None for draft in blends] == [*[False] * (len(blends) - 1), True]
    assert blends[0].moment.scaled is scaled
    assert blends[0].mask.shape == (1, 1, 8, 8)
    board.on(seed, mask_blend=lambda draft: setattr(draft, "blended", draft.latent))
    assert distance(plain, redrawn(hooked)) > ROUNDING


def test_residuals_go_into_the_unet(
    hooked: Serena, demo: Serena, demo_model: LoadedModel, board: Board
) -> None:
    """As a ControlNet's. Two requests that have some share their passes, and draw what each draws alone."""
    board.on(400, before_denoise=Control(demo_model.unet, 0.0))
    board.on(410, before_denoise=Control(demo_model.unet, 0.3))
    [plain] = draw(demo, seed=400, **QUICK)
    [zero] = draw(hooked, seed=400, **QUICK)
    assert distance(plain, zero) <= ROUNDING
    [before], [controlled] = draw(demo, seed=410, **QUICK), draw(hooked, seed=410, **QUICK)
    assert distance(before, controlled) > ROUNDING
    together = _at_once(hooked, 400, 410, 420)
    alone = [zero, controlled, draw(demo, seed=420, **QUICK)[0]]
    assert max(distance(*pair) for pair in zip(together, alone, strict=True)) <= ROUNDING


def test_attention_processors_act_on_their_own_request(hooked: Serena, demo: Serena, board: Board) -> None:
    muted = Muted()
    board.on(500, **{"pass": lambda draft: draft.attention.update(dict.fromkeys(draft.layers, muted))})
    alone = [draw(demo, seed=seed, **QUICK)[0] for seed in (500, 510)]
    ours, companion = _at_once(hooked, 500, 510)
    assert distance(alone[0], ours) > ROUNDING
    assert distance(alone[1], companion) <= ROUNDING
    assert set(muted.rows) == {2}, "the rows of one request, whoever is drawn beside it"
    [again] = draw(hooked, seed=510, **QUICK)
    assert distance(alone[1], again) == 0


def test_a_pass_may_ask_to_be_drawn_alone(hooked: Serena, demo: Serena, board: Board) -> None:
    board.on(520, **{"pass": lambda draft: setattr(draft, "alone", True)})
    [plain] = draw(demo, seed=520, **QUICK)
    first, _ = _at_once(hooked, 520, 530)
    assert distance(plain, first) == 0


@pytest.mark.parametrize(("number", "hook"), list(enumerate(HOOKS)))
def test_a_hook_that_raises_fails_its_request_alone(
    hooked: Serena, demo: Serena, board: Board, number: int, hook: str
) -> None:
    seed = 600 + 10 * number
    board.on(seed, **{hook: _raise})
    with ThreadPoolExecutor(2) as pool:
        failing = pool.submit(draw, hooked, seed=seed, **QUICK)
        companion = pool.submit(draw, hooked, seed=700, **QUICK).result()
        with pytest.raises(
            PluginError, match=f"'board' failed in serena_torch_{hook}: ValueError: not today"
        ):
            failing.result()
    assert distance(companion[0], draw(demo, seed=700, **QUICK)[0]) <= ROUNDING


def test_a_plugin_that_may_be_skipped_is(hooked: Serena, demo: Serena) -> None:
    [plain], [ours] = draw(demo, seed=900, **QUICK), draw(hooked, seed=900, **QUICK)
    assert distance(plain, ours) == 0


def _other_shape(draft: Any) -> None:
    draft.x = draft.x[:, :, 1:]


def _no_tensor(draft: Any) -> None:
    draft.context = "a cat"


def _too_few(draft: Any) -> None:
    one = torch.zeros(1, 4, 2, 2)
    draft.residuals = type("R", (), {"down": (one,), "mid": one})()


def _of_another_size(draft: Any) -> None:
    odd = torch.zeros(2, 4, 3, 3)
    draft.residuals = TorchResiduals(down=(odd,), mid=odd)


def _all_attention(processor: Any, draft: Any) -> None:
    draft.attention.update(dict.fromkeys(draft.layers, processor))


@pytest.mark.parametrize(
    ("seed", "hook", "act", "said"),
    [
        (
            800,
            "before_denoise",
            _other_shape,
            r"draft.x is 2x4x7x8 torch.float32 on cpu and must be as it was",
        ),
        (801, "before_denoise", _no_tensor, r"TypeError: draft.context is str, not a tensor"),
        (
            802,
            "before_denoise",
            _too_few,
            r"draft.residuals have \[1\] rows; they need one for each of the 2",
        ),
        (803, "noise", lambda d: setattr(d, "latent", d.noise), r"draft.latent is None here and stays so"),
        (804, "pass", lambda d: d.attention.update(odd=Muted()), r"there is no attention layer 'odd'"),
        (806, "before_denoise", lambda d: setattr(d, "residuals", "x"), r"draft.residuals is no TorchResid"),
        (807, "before_denoise", _of_another_size, r"serena_torch_before_denoise: RuntimeError: The size of"),
        (808, "pass", partial(_all_attention, "x"), r"the processor of '.*' is str; it must be callable"),
        (809, "pass", partial(_all_attention, _raising), r"serena_torch_pass: ValueError: not today"),
        (805, "after_cfg", lambda d: setattr(d, "guided", d.guided.half()), r"torch.float16"),
    ],
)
def test_what_cannot_be_used_is_said(
    hooked: Serena, board: Board, seed: int, hook: str, act: Act, said: str
) -> None:
    board.on(seed, **{hook: act})
    with pytest.raises(PluginError, match=said) as caught:
        draw(hooked, seed=seed, **QUICK)
    assert "board" in str(caught.value)


def test_what_a_plugin_keeps_for_a_batch_goes_with_it(hooked: Serena, board: Board) -> None:
    kept: list[weakref.ref[torch.Tensor]] = []

    def keep(draft: Any) -> None:
        draft.run.state["mine"] = draft.noise.clone()
        kept.append(weakref.ref(draft.run.state["mine"]))

    board.acts[910, "noise"] = keep
    draw(hooked, seed=910, **QUICK)
    assert kept[0]() is None


@pytest.mark.parametrize("hook", [*HOOKS, "mask_blend"])
def test_only_what_is_implemented_is_called(hook: str, demo_model: LoadedModel) -> None:
    told: Any = None
    shipped = OneHook(f"serena_torch_{hook}")
    hooks, x = PassHooks(shipped, told), torch.ones(1, 4, 2, 2)
    moment = TorchMoment(call=0, time=1.0, sigma=1.0, scaled=True)
    assert hooks.begin(demo_model) == (demo_model, False)
    assert hooks.first(x) is x
    rows = hooks.before(moment, [0], ["prompt"], x, x[0], None, None)
    assert rows.x is hooks.after(rows, x) is hooks.guided(moment, x, x) is hooks.sampled(x) is x
    assert hooks.blended(None, MaskBlend(x, x), x).equal(x)
    assert shipped.called == 1


@pytest.mark.parametrize("error", [InvalidValue("x", 1, "no"), torch.OutOfMemoryError()])
def test_what_is_no_plugins_fault_is_not_laid_on_one(error: Exception) -> None:
    told: Any = None
    hooks, x = PassHooks(OneHook("serena_torch_before_denoise"), told), torch.ones(2, 4, 2, 2)
    with pytest.raises(type(error)), hooks.answering(TorchResiduals(down=(), mid=x)):
        raise error
    with pytest.raises(ZeroDivisionError), hooks.answering(None):
        raise ZeroDivisionError


def _at_once(serena: Serena, *seeds: int) -> list[Any]:
    with ThreadPoolExecutor(len(seeds)) as pool:
        return [one for [one] in pool.map(lambda seed: draw(serena, seed=seed, **QUICK), seeds)]
