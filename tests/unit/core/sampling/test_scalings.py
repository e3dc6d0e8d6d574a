"""Scalings: a perfect network of each kind gives back the data and the noise that were mixed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import InvalidValue
from core.sampling.registry import find_sampler
from core.sampling.scalings import PredictionType, Scaling, model_scaling
from core.sampling.schedules import ModelSigmas
from tests.unit.core.sampling.toys import TABLE

DATA, NOISE = 0.3, -1.2
KINDS = [PredictionType.EPSILON, PredictionType.V, PredictionType.SAMPLE]


def perfect(kind: PredictionType, alpha: float) -> float:
    signal, spread = math.sqrt(alpha), math.sqrt(1 - alpha)
    return {
        PredictionType.EPSILON: NOISE,
        PredictionType.V: signal * NOISE - spread * DATA,
        PredictionType.SAMPLE: DATA,
    }[kind]


def predicted(scaling: Scaling, x: float, answer: float) -> float:
    return x * scaling.c_skip + answer * scaling.c_out


@given(st.sampled_from(KINDS), st.floats(0.03, 14.6))
def test_sigma_form_gives_the_data(kind: PredictionType, sigma: float) -> None:
    scaling = model_scaling(find_sampler("Euler"), TABLE, kind).at_sigma(sigma)
    x, alpha = DATA + sigma * NOISE, 1 / (1 + sigma**2)
    assert x * scaling.c_in == pytest.approx(math.sqrt(alpha) * DATA + math.sqrt(1 - alpha) * NOISE)
    assert predicted(scaling, x, perfect(kind, alpha)) == pytest.approx(DATA, abs=1e-9)
    assert scaling.t == TABLE.sigma_to_t(sigma)


@given(st.sampled_from(KINDS), st.floats(0, 999))
def test_timestep_form_gives_the_noise(kind: PredictionType, t: float) -> None:
    alpha = TABLE.alpha_cumprod_at(t)
    x = math.sqrt(alpha) * DATA + math.sqrt(1 - alpha) * NOISE
    scaling = model_scaling(find_sampler("DDIM"), TABLE, kind).at_time(t)
    assert (scaling.c_in, scaling.t) == (1.0, t)
    assert predicted(scaling, x, perfect(kind, alpha)) == pytest.approx(NOISE, abs=1e-9)


def test_flow() -> None:
    scaling = model_scaling(find_sampler("Euler"), ModelSigmas.flow(), PredictionType.FLOW).at_sigma(0.25)
    x = 0.75 * DATA + 0.25 * NOISE
    assert predicted(scaling, x, NOISE - DATA) == pytest.approx(DATA)
    assert (scaling.c_in, scaling.t) == (1.0, 250.0)
    with pytest.raises(InvalidValue, match="flow"):
        model_scaling(find_sampler("PLMS"), ModelSigmas.flow(), PredictionType.FLOW)


@pytest.mark.parametrize("kind", KINDS)
def test_consistency_draws_toward_x(kind: PredictionType) -> None:
    scaling = model_scaling(find_sampler("LCM"), TABLE, kind).at_sigma(TABLE.sigmas[499])
    x, alpha = DATA + TABLE.sigmas[499] * NOISE, TABLE.alphas_cumprod[499]
    assert scaling.t == 499.0
    tau = 4990.0
    keep, move = 0.25 / (tau**2 + 0.25), tau / math.sqrt(tau**2 + 0.25)
    assert predicted(scaling, x, perfect(kind, alpha)) == pytest.approx(move * DATA + keep * x, rel=1e-6)


def test_quantized_times_reach_the_network() -> None:
    scaling = model_scaling(find_sampler("Euler"), TABLE.quantized(), PredictionType.EPSILON)
    assert scaling.at_sigma(10.0).t == 934.0
