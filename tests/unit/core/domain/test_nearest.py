"""What a sentence offers in place of a name that is not known stays short."""

from __future__ import annotations

import pytest

from core.domain.errors import InvalidValue, UnknownModel, UnknownSampler
from core.domain.nearest import ALL, offered
from core.domain.vae_choice import choose_vae

MANY = [f"model-{number:04}.safetensors [{number:010x}]" for number in range(3000)]


def test_few_are_told_whole_and_in_their_order() -> None:
    names = [f"b{number}" for number in range(ALL)]
    assert offered("b7", names) == ", ".join(names)
    assert offered("x", ()) == ""


def test_of_many_the_most_similar_are_told_and_how_many_more_there_are() -> None:
    text = offered("Modell-0042", ["Dreamy", *MANY])
    assert text.endswith(" and 2996 more")
    assert text.startswith("model-0042.safetensors [000000002a], model-")
    assert text.count(",") == 4


def test_longer_names_do_not_hide_the_one_that_is_meant() -> None:
    longer = [f"photon-lightning-turbo-{number:03}-xl-of-many-things" for number in range(300)]
    assert offered("photon xl", [*longer, "photon-xl"]).startswith("photon-xl and ")


def test_where_none_is_similar_the_first_are_told() -> None:
    assert offered("#", MANY) == f"{', '.join(MANY[:5])} and 2995 more"
    assert offered("#" * 100_000, MANY) == offered("#", MANY)


def test_names_that_differ_in_their_case_alone_are_names_of_their_own() -> None:
    assert offered("aaaa", ["AAAA", "aaaa", *MANY]).startswith("AAAA and")


def test_the_sentences_of_errors_are_bounded() -> None:
    assert len(str(UnknownModel("model-0042", tuple(MANY)))) < 400
    assert len(str(UnknownSampler("model-0042", MANY))) < 400
    assert len(str(UnknownModel("m\n" * 100_000, tuple(MANY)))) < 400
    with pytest.raises(InvalidValue, match=r"sd_vae is 'model-0042'; it must be one of .* and 2997 more$"):
        choose_vae("model-0042", "one.safetensors", None, MANY)
