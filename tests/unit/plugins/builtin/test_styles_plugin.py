"""Styles, by what the backend and the infotext got of them."""

from __future__ import annotations

import pytest

from core.domain.errors import InvalidRequest, InvalidValue
from core.domain.limits import RequestLimits
from core.domain.request import HiresParams
from core.domain.styles import Extracted, Style, extract_styles
from core.drafts import RequestDraft
from plugins.builtin.styles import StylesPlugin
from plugins.builtin.styles.merging import apply_negative_styles, apply_styles, merge
from plugins.hookspecs import hookimpl
from tests.unit.core.workshop import Workshop, request
from tests.unit.plugins.builtin.shop import prompts, shop_with

S1 = Style("s1", "{prompt}, oil painting", "ugly")
S2 = Style("s2", "masterpiece", "bad, {prompt}")
STYLES = {style.name: style for style in (S1, S2)}


@pytest.mark.parametrize(
    ("prompt", "texts", "expected"),
    [
        ("a", [], "a"),
        ("a", ["b"], "a, b"),
        (" a ", [" b "], "a, b"),
        ("", ["b"], "b"),
        ("a", [""], "a"),
        ("a", ["x {prompt} y {prompt}"], "x a y a"),
    ],
)
def test_merge(prompt: str, texts: list[str], expected: str) -> None:
    assert merge(prompt, texts) == expected


def test_a_prompt_that_doubles_is_refused_in_time() -> None:
    with pytest.raises(InvalidRequest, match="more than 10000000 characters; name fewer"):
        merge("a", ["{prompt} {prompt}"] * 1000)


def test_the_recorded_styles() -> None:
    names = ["s1", "unknown", "s2"]
    assert apply_styles("a (red:1.3) cat", names, STYLES) == "a (red:1.3) cat, oil painting, masterpiece"
    assert apply_negative_styles("blurry", names, STYLES) == "bad, blurry, ugly"


def test_extracting_is_the_inverse_of_applying() -> None:
    names = ["s1", "s2"]
    prompt, negative = apply_styles("a", names, STYLES), apply_negative_styles("b", names, STYLES)
    assert extract_styles(prompt, negative, STYLES.values()) == Extracted(("s1", "s2"), "a", "b")


def test_they_come_into_the_prompts_in_order() -> None:
    shop = shop_with(styles=[S1, S2, Style("divider", None, None)])
    result = shop.result(
        request(prompt="a cat", negative_prompt="dry", styles=("s2", "gone", "divider", "s1"))
    )
    batch = shop.scripted.batches[0]
    assert batch.prompts == ("a cat, masterpiece, oil painting",) == batch.hires_prompts
    assert batch.negative_prompts == ("bad, dry, ugly",) == batch.hires_negative_prompts
    assert (result.info["styles"], result.comments) == (["s2", "gone", "divider", "s1"], ())


@pytest.mark.parametrize(
    ("hires", "prompt", "negative", "told"),
    [
        (HiresParams(), "a cat, oil painting", "dry, ugly", None),
        (HiresParams(prompt="a cat"), "a cat, oil painting", "dry, ugly", None),
        (HiresParams(prompt="a dog"), "a dog, oil painting", "dry, ugly", "a dog, oil painting"),
        (HiresParams(prompt=" ", negative_prompt="wet"), ", oil painting", "wet, ugly", ", oil painting"),
    ],
)
def test_the_second_pass_has_its_own_prompts_styled(
    hires: HiresParams, prompt: str, negative: str, told: str | None
) -> None:
    shop = shop_with(styles=[S1])
    asked = request(
        prompt="a cat", negative_prompt="dry", styles=("s1",), hires=hires, denoising_strength=0.5
    )
    params = shop.result(asked).info["extra_generation_params"]
    batch = shop.scripted.batches[0]
    assert [text.strip() for text in batch.hires_prompts] == [prompt]
    assert batch.hires_negative_prompts == (negative,)
    assert (params.get("Hires prompt") or "").strip() == (told or "")


def test_a_blank_prompt_of_the_second_pass_is_not_that_of_the_first() -> None:
    shop = shop_with()
    shop.draw(request(styles=("gone",), hires=HiresParams(prompt=" "), denoising_strength=0.5))
    assert shop.scripted.batches[0].hires_prompts[0].strip() == ""


class Looking:
    """Notes the prompt that it sees, and puts a word behind it."""

    def __init__(self) -> None:
        self.saw: list[str] = []
        self.texts: list[str] = []

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self.saw.append(draft.prompt)
        self.texts += [f"{name}: {style.prompt}" for name, style in draft.styles.items()]
        draft.prompt += " in rain"


def test_plugins_see_the_whole_prompt() -> None:
    looking = Looking()
    shop = Workshop(plugins={"styles": StylesPlugin(), "looking": looking}, styles=[S1, S2])
    shop.draw(request(prompt="a cat", styles=("s1",)))
    assert (looking.saw, looking.texts) == (["a cat, oil painting"], ["s1: {prompt}, oil painting"])
    assert prompts(shop) == ["a cat, oil painting in rain"]


def test_comments_in_a_style_are_no_part_of_the_prompt() -> None:
    shop = shop_with(styles=[Style("told", "{prompt}, oil # who knows")])
    shop.draw(request(prompt="a cat", styles=("told",)))
    assert [prompt.strip() for prompt in prompts(shop)] == ["a cat, oil"]


def test_the_limit_of_prompts_counts_styles() -> None:
    long = "x" * 40
    shop = shop_with(styles=[Style("long", long)], limits=RequestLimits(max_prompt=50))
    shop.draw(request(prompt="a cat", styles=("long",)))
    assert prompts(shop) == [f"a cat, {long}"]
    with pytest.raises(InvalidValue, match="prompt of 52 characters"):
        shop.result(request(prompt="a long dog", styles=("long",)))
