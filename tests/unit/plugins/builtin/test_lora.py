"""Which LoRAs the backend is told to draw with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.domain.request import HiresParams
from core.domain.resources import LoraChoice, LoraRef
from plugins.hookspecs import AppInfo
from tests.unit.core.workshop import Workshop, request
from tests.unit.plugins.builtin.shop import shop_with

INK = LoraRef(
    name="ink", alias="Inky", filename="Lora/ink.safetensors", metadata={"sshs_model_hash": "ab" * 32}
)
ONE = LoraRef(name="one", alias="same", filename="Lora/one.safetensors")
TWO = LoraRef(name="two", alias="same", filename="Lora/two.safetensors")
NONE = LoraRef(name="x", alias="none", filename="Lora/x.safetensors")


def ink(unet: float = 1.0, text_encoder: float = 1.0) -> LoraChoice:
    return LoraChoice(name="ink", filename="Lora/ink.safetensors", unet=unet, text_encoder=text_encoder)


def shop(tmp_path: Path, **fields: Any) -> Workshop:
    return shop_with(tmp_path, INK, ONE, TWO, NONE, **fields)


def drawn(made: Workshop) -> Mapping[str, Any]:
    [batch] = made.scripted.batches
    return batch.extras


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<lora:ink>", ink()),
        ("<lora:ink:0.8>", ink(0.8, 0.8)),
        ("<lora:Inky:0.8:0.5>", ink(0.5, 0.8)),
        ("<lyco:ink:te=0.2>", ink(0.2, 0.2)),
        ("<lora:ink:0.2:unet=-1:dyn=4>", ink(-1.0, 0.2)),
    ],
)
def test_a_tag_becomes_a_choice(tmp_path: Path, tag: str, expected: LoraChoice) -> None:
    made = shop(tmp_path)
    result = made.result(request(prompt=f"a cat {tag}"))
    assert drawn(made) == {"loras": (expected,)}
    assert result.comments == ()
    assert result.images[0].infotext.startswith(f"a cat {tag}")
    assert 'Lora hashes: "ink: abababababab"' in result.images[0].infotext


def test_several_and_the_second_pass_has_its_own(tmp_path: Path) -> None:
    made = shop(tmp_path)
    hires = HiresParams(prompt="<lora:one>")
    made.draw(request(prompt="<lora:ink><lora:two:2>", hires=hires, denoising_strength=0.5))
    names = {key: [choice.name for choice in choices] for key, choices in drawn(made).items()}
    assert names == {"loras": ["ink", "two"], "hires_loras": ["one"]}


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("<lora:nope:1>", "There is no LoRA 'nope' here; it was left out."),
        ("<lora:same:1>", "There is no LoRA 'same' here; it was left out."),
        ("<lora:none:1>", "There is no LoRA 'none' here; it was left out."),
        ("<lora:ink:high>", "The LoRA 'ink' was left out: 'high' are no strengths."),
        ("<lora:ink:nan:unet=1>", "The LoRA 'ink' was left out: 'nan:unet=1' are no strengths."),
    ],
)
def test_what_cannot_be_used_is_told_once(tmp_path: Path, tag: str, said: str) -> None:
    made = shop(tmp_path)
    result = made.result(request(prompt=tag, n_iter=2))
    assert result.comments == (said,)
    assert all(batch.extras == {} for batch in made.scripted.batches)
    assert "Lora hashes" not in result.images[0].infotext


def test_other_networks_are_still_named(tmp_path: Path) -> None:
    result = shop(tmp_path).result(request(prompt="<hypernet:soft>"))
    assert result.comments == ("The prompt names the hypernet 'soft', and nothing here applies it.",)


def test_disabled_networks_are_not_applied(tmp_path: Path) -> None:
    made = shop(tmp_path)
    made.draw(request(prompt="<lora:ink>", disable_extra_networks=True))
    assert drawn(made) == {}


def test_a_tag_may_come_out_of_a_wildcard(tmp_path: Path) -> None:
    made = shop(tmp_path)
    made.draw(request(prompt="{<lora:ink>|<lora:ink:1>}"))
    assert drawn(made) == {"loras": (ink(),)}


def test_a_hash_that_the_file_does_not_say_is_that_of_its_tensors(tmp_path: Path) -> None:
    header, tensors = json.dumps({"__metadata__": {}}).encode(), b"tensors"
    file = tmp_path / "models" / "Lora" / "one.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(len(header).to_bytes(8, "little") + header + tensors)
    expected = hashlib.sha256(tensors).hexdigest()[:12]
    made = shop(tmp_path)
    for _ in range(2):
        result = made.result(request(prompt="<lora:one><lora:two>"))
        assert f'Lora hashes: "one: {expected}"' in result.images[0].infotext


def test_a_file_that_is_gone_has_no_hash(tmp_path: Path) -> None:
    result = shop(tmp_path).result(request(prompt="<lora:two>"))
    assert "Lora hashes" not in result.images[0].infotext
    assert AppInfo("1", "1.1", "fake").resources.loras() == ()


def test_hashes_may_be_left_out(tmp_path: Path) -> None:
    made = shop(tmp_path)
    overrides = {"lora_add_hashes_to_infotext": False}
    result = made.result(request(prompt="<lora:ink>", override_settings=overrides))
    assert "Lora hashes" not in result.images[0].infotext


def test_before_it_knows_the_folder_there_are_none() -> None:
    assert shop_with().result(request(prompt="<lora:ink>")).comments == (
        "There is no LoRA 'ink' here; it was left out.",
    )
