"""A VAE whose numbers grow too large for half precision."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from adapters.backends.torch.latents import decode
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.precision import widening, wider, wider_format
from core.domain.errors import BackendError
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from tests.unit.adapters.backends.torch.rig import CPU, reference

LATENT = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def narrow(stub: Path) -> LoadedModel:
    """In half precision, with weights whose products have no place in it."""
    model = load_model(reference(stub), CPU, torch.float16)
    weights = model.vae.decoder.conv_in.weight
    weights.mul_(60_000 / float(weights.abs().max()))
    return model


def test_the_picture_is_decoded_again_in_a_wider_format(
    narrow: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    with widening(torch.float32):
        first, again = decode(narrow, LATENT), decode(narrow, LATENT)
    assert first == again
    assert len(set(first[0].pixels)) > 2
    assert (
        caplog.messages == ["the VAE gave NaN in torch.float16; the picture is decoded in torch.float32"] * 2
    )
    assert narrow.vae.dtype is torch.float16


@pytest.mark.parametrize("to", [None, torch.float16])
def test_otherwise_it_is_one_sentence(narrow: LoadedModel, to: torch.dtype | None) -> None:
    with widening(to), pytest.raises(BackendError, match="came out as NaN"):
        decode(narrow, LATENT)


def test_the_options_say_which_format() -> None:
    def chosen(**changed: bool) -> torch.dtype | None:
        return wider_format(OptionRegistry(OPTIONS).values(changed))

    assert chosen() is torch.float32
    assert chosen(auto_vae_precision_bfloat16=True) is torch.bfloat16
    assert chosen(auto_vae_precision=False) is None


def test_the_format_belongs_to_its_block() -> None:
    with widening(torch.float32):
        with widening(None):
            assert wider() is None
        assert wider() is torch.float32
    assert wider() is None
