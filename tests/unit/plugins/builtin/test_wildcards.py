"""Wildcards: one of several texts for each picture, by its seed."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from core.domain.request import HiresParams
from plugins.builtin.wildcards.expanding import LONGEST, Expander
from tests.unit.core.prompt.linear import assert_linear
from tests.unit.core.workshop import request
from tests.unit.plugins.builtin.shop import prompts, shop_with


class Lists:
    def __init__(self, **lists: list[str]) -> None:
        self._lists = lists

    def choices(self, name: str) -> list[str]:
        return self._lists.get(name, [])


def expanded(text: str, seed: int = 0, **lists: list[str]) -> str:
    return Expander(Lists(**lists)).expand(text, Random(seed))


def test_one_of_the_alternatives() -> None:
    assert {expanded("a {red|green} cat", seed) for seed in range(30)} == {"a red cat", "a green cat"}
    assert {expanded("{a|{b|c}}{|x}", seed) for seed in range(60)} == {"a", "b", "c", "ax", "bx", "cx"}


@pytest.mark.parametrize(
    "text", ["", "a cat", "{a cat}", "{a|b", "a|b}", "a|b", "{}", "__ no __", "____", "__"]
)
def test_what_is_no_wildcard_stays(text: str) -> None:
    assert expanded(text) == text


def test_braces_without_a_bar_stay_around_others() -> None:
    assert expanded("{x {a|a} y}") == "{x a y}"


def test_a_line_of_a_file() -> None:
    lists = {"beast": ["a cat", "a {big|big} dog"], "any": ["__beast__"]}
    assert {expanded("__any__, __beast__"[:7], seed, **lists) for seed in range(30)} == {"a cat", "a big dog"}


def test_files_that_name_each_other_come_to_an_end() -> None:
    assert "__loop__" in expanded("__loop__", loop=["x __loop__"])
    assert len(expanded("__loop__", loop=["__loop__" * 100])) <= LONGEST


@pytest.mark.parametrize("piece", ["{a|b}", "{", "{|", "{a|", "__", "__a", "__a__", "|"])
def test_it_takes_linear_time(piece: str) -> None:
    assert_linear(lambda size: expanded(piece * size, a=["b"]))


def folder(tmp_path: Path) -> Path:
    (tmp_path / "wildcards" / "deep").mkdir(parents=True)
    (tmp_path / "wildcards" / "beasts.txt").write_text("# comment\n\n  cat \ndog\n")
    (tmp_path / "wildcards" / "deep" / "hats.txt").write_text("hat\n")
    (tmp_path / "secret.txt").write_text("secret\n")
    (tmp_path / "wildcards" / "binary.txt").write_bytes(b"\xff\xfe\x00")
    return tmp_path


def test_each_picture_has_its_own_and_the_same_seed_the_same(tmp_path: Path) -> None:
    wanted = request(prompt="a __beasts__ in a __deep/hats__", batch_size=2, n_iter=4)
    shop, again = shop_with(folder(tmp_path)), shop_with(tmp_path)
    result = shop.result(wanted)
    again.draw(wanted)
    assert set(prompts(shop)) == {"a cat in a hat", "a dog in a hat"}
    assert prompts(shop) == prompts(again)
    assert result.info["all_prompts"] == prompts(shop)
    texts = [image.infotext for image in result.images]
    assert [text.partition("\n")[0] for text in texts] == prompts(shop)
    assert all("Template: a __beasts__ in a __deep/hats__" in text for text in texts)


def test_the_second_pass_has_the_same_prompt(tmp_path: Path) -> None:
    shop = shop_with(folder(tmp_path))
    shop.draw(request(prompt="__beasts__ {a|b|c|d}", hires=HiresParams(), denoising_strength=0.5))
    [batch] = shop.scripted.batches
    assert batch.prompts == batch.hires_prompts


@pytest.mark.parametrize("name", ["nope", "../secret", "binary", "deep"])
def test_what_cannot_be_read_is_told_once(tmp_path: Path, name: str) -> None:
    shop = shop_with(folder(tmp_path))
    result = shop.result(request(prompt=f"__{name}__", n_iter=2))
    assert prompts(shop) == [f"__{name}__"] * 2
    told = () if name.startswith(".") else (f"There is no file wildcards/{name}.txt.",)
    assert result.comments == told
    assert "Template" not in result.images[0].infotext


def test_a_link_out_of_the_folder_leads_nowhere(tmp_path: Path) -> None:
    (folder(tmp_path) / "wildcards" / "out.txt").symlink_to(tmp_path / "secret.txt")
    shop = shop_with(tmp_path)
    shop.draw(request(prompt="__out__"))
    assert prompts(shop) == ["__out__"]


def test_without_a_folder_nothing_is_read() -> None:
    shop = shop_with()
    shop.draw(request(prompt="__beasts__ {a|a}"))
    assert prompts(shop) == ["__beasts__ a"]
