"""Colour correction: the colours of one picture, the luminosity of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]

_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]],
)
_WHITE = np.array([0.950456, 1.0, 1.088754])
_LUMA = np.array([0.299, 0.587, 0.114])
_KNEE = 216 / 24389
_SLOPE = 24389 / 27
_GAMMA_BITS = 3
_XYZ_BITS = 12
_L_SCALE = (116 * 255 + 50) // 100
_L_MOVE = -((16 * 255 * (1 << (_XYZ_BITS + _GAMMA_BITS)) + 50) // 100)


def _to_linear(value: Floats) -> Floats:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _cube_roots() -> Whole:
    values = np.arange(256 * 3 // 2 << _GAMMA_BITS) / (255.0 * (1 << _GAMMA_BITS))
    roots = np.where(values < 0.008856, values * 7.787 + 16 / 116, np.cbrt(values))
    scaled: Whole = np.rint((1 << (_XYZ_BITS + _GAMMA_BITS)) * roots).astype(np.int64)
    return scaled


_GAMMA: Whole = np.rint(255.0 * (1 << _GAMMA_BITS) * _to_linear(np.arange(256) / 255.0)).astype(np.int64)
_CUBE_ROOT = _cube_roots()
_TO_WHITE_XYZ: Whole = np.rint(_TO_XYZ / _WHITE[:, None] * (1 << _XYZ_BITS)).astype(np.int64)


def _shifted(value: Whole, bits: int) -> Whole:
    """Divided by a power of two, rounded."""
    return (value + (1 << (bits - 1))) >> bits


def match_colors(picture: Bytes, reference: Bytes) -> Bytes:
    """Each LAB channel of ``picture`` gets the histogram of ``reference``; its luminosity stays its own."""
    own, wanted = rgb_to_lab(picture), rgb_to_lab(reference)
    matched = np.stack([match_histogram(own[..., i], wanted[..., i]) for i in range(3)], axis=-1)
    return with_luminosity(lab_to_rgb(matched), picture)


def rgb_to_lab(pixels: Bytes) -> Bytes:
    """8-bit LAB: L scaled to 0..255, a and b moved by 128. In whole numbers with OpenCV's scales, because the
    reference rounds so, and a histogram that is matched turns a step of one into a large one."""
    light = _GAMMA[pixels] @ _TO_WHITE_XYZ.T
    f = _CUBE_ROOT[_shifted(light, _XYZ_BITS)]
    bits = _XYZ_BITS + _GAMMA_BITS
    lightness = _shifted(_L_SCALE * f[..., 1] + _L_MOVE, bits)
    a = _shifted(500 * (f[..., 0] - f[..., 1]) + (128 << bits), bits)
    b = _shifted(200 * (f[..., 1] - f[..., 2]) + (128 << bits), bits)
    result: Bytes = np.clip(np.stack([lightness, a, b], axis=-1), 0, 255).astype(np.uint8)
    return result


def lab_to_rgb(lab: Bytes) -> Bytes:
    values = lab.astype(np.float64)
    fy = (values[..., 0] / 2.55 + 16) / 116
    f = np.stack([fy + (values[..., 1] - 128) / 500, fy, fy - (values[..., 2] - 128) / 200], axis=-1)
    xyz = np.where(f**3 > _KNEE, f**3, (116 * f - 16) / _SLOPE)
    linear = (xyz * _WHITE) @ np.linalg.inv(_TO_XYZ).T
    return _to_bytes(_from_linear(np.clip(linear, 0, 1)) * 255)


def match_histogram(source: Bytes, template: Bytes) -> Bytes:
    """``source`` with the distribution of values of ``template``, cut to whole numbers."""
    counts = np.bincount(source.ravel(), minlength=256)
    wanted = np.bincount(template.ravel(), minlength=256)
    own_share = np.cumsum(counts) / source.size
    present = np.flatnonzero(wanted)
    share = np.cumsum(wanted)[present] / template.size
    moved = np.interp(own_share, share, present.astype(np.float64))
    table: Bytes = moved.astype(np.uint8)
    return table[source]


def with_luminosity(colors: Bytes, luminosity: Bytes) -> Bytes:
    """Hue and saturation of the one, luminosity of the other. Cut, not rounded, as in the reference."""
    base, target = colors / 255.0, (luminosity / 255.0) @ _LUMA
    moved = base + (target - base @ _LUMA)[..., None]
    result: Bytes = np.floor(_clip_color(moved, target[..., None]) * 255).astype(np.uint8)
    return result


def _clip_color(color: Floats, luma: Floats) -> Floats:
    low, high = color.min(axis=-1, keepdims=True), color.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        color = np.where(low < 0, luma + (color - luma) * luma / (luma - low), color)
        color = np.where(high > 1, luma + (color - luma) * (1 - luma) / (high - luma), color)
    return np.clip(np.nan_to_num(color), 0, 1)


def _from_linear(value: Floats) -> Floats:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


def _to_bytes(value: Floats) -> Bytes:
    result: Bytes = np.clip(np.rint(value), 0, 255).astype(np.uint8)
    return result
