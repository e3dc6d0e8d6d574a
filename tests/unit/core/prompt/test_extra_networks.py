from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.prompt.extra_networks import ExtraNetwork, strip_extra_networks
from tests.unit.core.prompt.linear import assert_linear


def test_tags_are_taken_out_and_their_spaces_stay() -> None:
    text, found = strip_extra_networks("a <lora:foo:0.8:unet=0.5> cat<hypernet:h>")
    assert text == "a  cat"
    assert found == (
        ExtraNetwork("lora", ("foo", "0.8"), (("unet", "0.5"),)),
        ExtraNetwork("hypernet", ("h",)),
    )
    assert found[0].name == "foo"
    assert found[0].options == {"unet": "0.5"}


@pytest.mark.parametrize("text", ["<lora>", "<lora:>", "< lora:x>", "<:x>", "a < b:c", "<lora:x"])
def test_what_is_no_tag_stays(text: str) -> None:
    assert strip_extra_networks(text) == (text, ())


def test_only_one_equals_sign_names_an_argument() -> None:
    (found,) = strip_extra_networks("<lora:a=b=c:te=:=x>")[1]
    assert found.positional == ("a=b=c",)
    assert found.options == {"te": "", "": "x"}
    assert found.name == "a=b=c"
    assert ExtraNetwork("lora").name == ""


@given(st.text(st.sampled_from("<>lora:x=1 "), max_size=40))
def test_no_tag_is_left_but_one_made_by_removing_another(text: str) -> None:
    rest, found = strip_extra_networks(text)
    assert bool(found) == (rest != text)


@pytest.mark.parametrize("unit", ["<a:", "<", "<a:b>", "<aaaa", ">"])
def test_time_is_linear(unit: str) -> None:
    assert_linear(lambda n: strip_extra_networks(unit * n))
    assert_linear(lambda n: strip_extra_networks("<x:y>" + unit * n))
