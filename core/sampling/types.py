"""The shapes that samplers, denoisers and backends agree on.

Arrays are opaque: the core only adds, subtracts, multiplies and divides them, and multiplies them by Python
floats. numpy arrays in tests, torch tensors in production, the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

Array: TypeAlias = Any
"""A batch of latents, shape (images, channels, height, width), of whatever array library the backend uses."""

OnStep: TypeAlias = Callable[[int], None]
"""Called with the index of the step just done, from 0."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a denoiser answered for one batch.

    :param guided: the prediction after guidance: x0 in the sigma form, epsilon in the timestep form.
    :param uncond: the unconditional prediction of the same kind; only the CFG++ samplers read it. Equal to
        ``guided`` where the backend made no unconditional prediction.
    """

    guided: Array
    uncond: Array


class SigmaModel(Protocol):
    """The sigma form: ``x`` is data + sigma * noise; answers x0. Raises ``Interrupted`` when told to stop."""

    def __call__(self, x: Array, sigma: float) -> Prediction: ...


class TimestepModel(Protocol):
    """The timestep form: ``x`` is unscaled (variance preserving); answers epsilon.

    :param t: model time, 0..999, possibly fractional.
    """

    def __call__(self, x: Array, t: float) -> Prediction: ...


class Denoiser(Protocol):
    """A backend's guided model for one pass, in both forms; a pass uses only its sampler's form.

    ``core.sampling.scalings`` says what to give the network and what to make of its answer.
    """

    def sigma(self, x: Array, sigma: float) -> Prediction:
        """As SigmaModel."""
        ...

    def timestep(self, x: Array, t: float) -> Prediction:
        """As TimestepModel."""
        ...


class NoiseSource(Protocol):
    """Where samplers get their randomness. Each image of the batch has its own generator."""

    def draw(self) -> Array:
        """The next standard normal batch, in the latent's shape."""
        ...

    def between(self, sigma: float, sigma_next: float) -> Array:
        """Brownian-tree noise between two sigmas: standard normal, a function of the pair and the seeds."""
        ...


class ArrayOps(Protocol):
    """The few array operations that are not arithmetic."""

    def error_norm(self, low: Array, high: Array, previous: Array, atol: float, rtol: float) -> float:
        """``norm((low - high) / max(atol, rtol * max(|low|, |previous|))) / sqrt(size)`` over the whole
        batch."""
        ...
