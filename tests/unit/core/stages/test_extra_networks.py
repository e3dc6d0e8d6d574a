"""Tags of extra networks: taken out of what is drawn, handed on, and kept in the infotext."""

from __future__ import annotations

from core.prompt.extra_networks import ExtraNetwork
from tests.unit.core.workshop import Workshop, request

TAGGED = "a cat <lora:ink:0.8> on a hill <hypernet:soft>"
INK = ExtraNetwork("lora", ("ink", "0.8"))
SOFT = ExtraNetwork("hypernet", ("soft",))


def test_tags_are_taken_out_and_handed_on() -> None:
    shop = Workshop()
    job = shop.draw(request(prompt=TAGGED, negative_prompt="<lora:bad:1>", batch_size=2))
    [batch] = shop.scripted.batches
    assert batch.prompts == ("a cat  on a hill ",) * 2
    assert batch.networks == (INK, SOFT)
    assert batch.negative_prompts == ("<lora:bad:1>",) * 2, "negatives are not stripped, as in the reference"
    assert job.result is not None
    assert job.result.images[0].infotext.startswith(TAGGED)
    assert job.result.info["prompt"] == TAGGED


def test_switched_off_they_are_only_taken_out() -> None:
    shop = Workshop()
    shop.draw(request(prompt=TAGGED, disable_extra_networks=True))
    [batch] = shop.scripted.batches
    assert (batch.prompts[0], batch.networks) == ("a cat  on a hill ", ())
