"""As many rows are admitted as make the single row cheaper."""

from __future__ import annotations

import pytest

from adapters.backends.torch.engine.admission import FORGET_AFTER, SAMPLES, Admission


def measured(costs: dict[int, float], times: int = SAMPLES, most: int = 16) -> Admission:
    admission = Admission(most)
    for rows, cost in costs.items():
        for _ in range(times):
            admission.record("scope", rows, cost * rows)
    return admission


@pytest.mark.parametrize(
    ("costs", "cap"),
    [
        ({}, 16),
        ({2: 1.0}, 16),
        ({2: 1.0, 4: 0.5}, 16),
        ({2: 1.0, 4: 0.99}, 2),
        ({2: 1.0, 4: 1.2}, 2),
        ({2: 1.0, 4: 0.6, 8: 0.595, 16: 0.59}, 4),
        ({2: 1.0, 4: 0.6, 8: 0.5, 16: 0.45}, 16),
        ({2: 1.0, 6: 0.5, 12: 0.5}, 4),
    ],
)
def test_a_device_that_is_full_takes_no_more(costs: dict[int, float], cap: int) -> None:
    assert measured(costs).cap("scope") == cap


def test_a_few_passes_prove_nothing() -> None:
    assert measured({2: 1.0, 4: 2.0}, times=SAMPLES - 1).cap("scope") == 16


def test_noise_only_adds() -> None:
    admission = measured({2: 1.0, 4: 0.5, 8: 0.3})
    admission.record("scope", 4, 400.0)
    assert admission.cap("scope") == 16


def test_what_is_cheapest_outlives_a_busy_while() -> None:
    admission = measured({8: 1.0, 16: 0.95})
    for _ in range(40):
        admission.record("scope", 16, 16 * 1.3)
    assert admission.cap("scope") == 16


def test_scopes_are_apart_and_the_setting_is_the_most() -> None:
    admission = measured({2: 1.0, 4: 1.0})
    assert admission.cap("another") == 16
    assert measured({2: 1.0}, most=1).cap("scope") == 2


def test_measurements_are_made_anew_after_a_while_but_a_full_memory_is_remembered() -> None:
    admission = measured({2: 1.0, 4: 1.0})
    admission.failed("scope", 16)
    admission.failed("scope", 32)
    assert admission.cap("scope") == 2
    for _ in range(FORGET_AFTER):
        admission.record("scope", 2, 2.0)
    assert admission.cap("scope") == 8
