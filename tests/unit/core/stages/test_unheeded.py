"""What was asked and is not done is said in a comment, and in the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from core.domain.request import HiresParams
from core.domain.styles import Style
from tests.unit.core.workshop import Workshop, request


def comments(**fields: Any) -> tuple[str, ...]:
    job = Workshop().draw(request(**fields))
    assert job.result is not None
    return job.result.comments


def test_most_requests_have_no_comment() -> None:
    assert comments(prompt="a (cat:1.2)") == ()
    assert comments(override_settings={"sd_vae": "None"}) == ()


def test_each_network_is_named_once() -> None:
    hires = HiresParams(prompt="<hypernet:soft:1> a cat <lora:ink:1>")
    told = comments(prompt="<lora:ink:0.8> a <lora:ink:0.5>", hires=hires, denoising_strength=0.5)
    assert told == (
        "The prompt names the lora 'ink', and nothing here applies it.",
        "The prompt names the hypernet 'soft', and nothing here applies it.",
    )
    assert comments(prompt="<lora:ink:0.8>", disable_extra_networks=True) == ()


def test_many_networks_make_few_comments() -> None:
    told = comments(prompt="".join(f"<lora:{index}\n:1>" for index in range(30)))
    assert len(told) == 9
    assert told[-1] == "The prompt names 22 more extra networks, which nothing here applies."
    assert not any("\n" in comment for comment in told)


def test_styles_that_nothing_applies_are_named() -> None:
    shop = Workshop(styles=[Style(f"s{number}", "in oil") for number in range(10)])
    names = ("s1", "gone", "s0", "s1")
    result = shop.result(request(prompt="a cat", styles=names))
    assert result.comments == ("The request names the styles 's1', 's0', and nothing here applies them.",)
    assert (result.info["prompt"], result.info["styles"]) == ("a cat", list(names))
    many = shop.result(request(styles=tuple(f"s{number}" for number in range(10))))
    assert many.comments[0].endswith("'s7' and 2 more, and nothing here applies them.")


def test_what_is_told_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "serena.runner"):
        told = comments(prompt="<lora:ink:1>")
    assert caplog.messages == [f"job job-1: {told[0]}"]


def test_a_vae_is_left_to_the_backend() -> None:
    assert comments(override_settings={"sd_vae": "other.safetensors"}) == ()
