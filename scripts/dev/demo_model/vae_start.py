"""A starting point for the autoencoder that already works.

From random weights the norms hide the absolute colour of flat pictures, and training spends minutes on
finding it again. Here the encoder starts as 8x8 averaging, the decoder as enlarging, every residual branch
as zero: training begins near 23 dB and only has to learn the edges.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

CARRIED = 8  # channels: three colours, their negatives, and two constants
CONSTANTS = slice(CARRIED - 2, CARRIED)
CONSTANT = 6.0  # large against the colours, so that a norm divides every picture by nearly the same number


@torch.no_grad()
def start_as_pooling(vae: AutoencoderKL, log_variance: float) -> None:
    """Set the weights in place."""
    for half in (vae.encoder, vae.decoder):
        for name, module in half.named_modules():
            if name.endswith("conv1"):
                module.weight[:, CONSTANTS] = 0
            elif name.endswith("conv2"):
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)
            elif name.endswith("conv_shortcut") or ("upsamplers" in name and isinstance(module, nn.Conv2d)):
                _carry(module, _middle(module))
            elif "downsamplers" in name and isinstance(module, nn.Conv2d):
                _carry(module, torch.tensor([[0.25, 0.25, 0], [0.25, 0.25, 0], [0, 0, 0]]))
            elif name.endswith(("norm1", "conv_norm_out")):
                module.weight.fill_((2 * CONSTANT**2 / module.num_channels) ** 0.5)
        _open(half.conv_in)
        _close(half.conv_out)
    _one_to_one(vae.quant_conv, 4)
    vae.quant_conv.bias[4:] = log_variance
    _one_to_one(vae.post_quant_conv, 4)


def hold_constants(vae: AutoencoderKL) -> None:
    """Keep training away from the constants: reading them would multiply every small change of a weight."""
    for half in (vae.encoder, vae.decoder):
        for name, module in half.named_modules():
            if not isinstance(module, nn.Conv2d) or not module.weight.requires_grad:
                continue
            reads = not name.endswith(("conv2", "conv_in"))
            writes = not name.endswith(("conv1", "conv_out"))
            module.weight.register_hook(lambda g, reads=reads, writes=writes: _without(g, reads, writes))
            module.bias.register_hook(lambda g, writes=writes: _without(g, False, writes))


def _without(gradient: Tensor, reads: bool, writes: bool) -> Tensor:
    gradient = gradient.clone()
    if reads:
        gradient[:, CONSTANTS] = 0
    if writes:
        gradient[CONSTANTS] = 0
    return gradient


def _middle(conv: nn.Conv2d) -> Tensor:
    kernel = torch.zeros(conv.kernel_size)
    kernel[conv.kernel_size[0] // 2, conv.kernel_size[1] // 2] = 1
    return kernel


def _carry(conv: nn.Conv2d, kernel: Tensor) -> None:
    """Pass the carried channels on unmixed; the others do not see the constants."""
    conv.weight[:, CONSTANTS] = 0
    conv.weight[:CARRIED] = 0
    conv.bias[:CARRIED] = 0
    for channel in range(CARRIED):
        conv.weight[channel, channel] = kernel


def _open(conv: nn.Conv2d) -> None:
    conv.weight[:CARRIED] = 0
    conv.bias[:CARRIED] = torch.tensor([0.0] * 6 + [CONSTANT, -CONSTANT])
    for channel in range(3):
        conv.weight[channel, channel, 1, 1] = 1
        conv.weight[channel + 3, channel, 1, 1] = -1


def _close(conv: nn.Conv2d) -> None:
    """silu(x) - silu(-x) = x: the pair of channels comes out as the colour itself."""
    conv.weight[:3] = 0
    conv.bias[:3] = 0
    for channel in range(3):
        conv.weight[channel, channel, 1, 1] = 1
        conv.weight[channel, channel + 3, 1, 1] = -1


def _one_to_one(conv: nn.Conv2d, channels: int) -> None:
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    for channel in range(channels):
        conv.weight[channel, channel] = 1
