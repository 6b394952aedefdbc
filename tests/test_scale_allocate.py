"""The greedy allocation is exactly what a loop over single units gives, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coderm.errors import InputError
from coderm.scale.allocate import allocate, log_gain

rate = st.sampled_from([0.0, 1.0, 0.5, 0.25, 0.1, 0.9, 1e-18, 1e-12, 1 - 1e-16]) | st.floats(0, 1)


def one_unit_at_a_time(rates: list[float], total: int, low: list[int], high: list[int]) -> list[int]:
    units = list(low)
    for _ in range(total - sum(low)):
        gain = np.rint(1e9 * log_gain(rates, units))
        units[min((i for i in range(len(rates)) if units[i] < high[i]), key=lambda i: (-gain[i], units[i], i))] += 1
    return units


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_equals_brute_force_greedy_ties_included(data: st.DataObject) -> None:
    rates = data.draw(st.lists(rate, min_size=1, max_size=6))
    low = [data.draw(st.integers(0, 3)) for _ in rates]
    high = [minimum + data.draw(st.integers(0, 9)) for minimum in low]
    total = data.draw(st.integers(sum(low), sum(high)))
    assert allocate(rates, total, low, high).tolist() == one_unit_at_a_time(rates, total, low, high)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.integers(0, 12))
def test_no_other_allocation_has_a_larger_reward(rates: list[float], total: int) -> None:
    def reward(units: np.ndarray) -> float:
        return float(np.sum(1 - (1 - np.array(rates)) ** units))

    best = reward(allocate(rates, total))
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = rng.multinomial(total, rng.dirichlet(np.ones(len(rates))))
        assert reward(other) <= best + 1e-6


def test_hopeless_and_certain_problems_are_sane() -> None:
    assert allocate([0.0, 0.5, 1.0], 5).tolist() == [0, 4, 1]
    assert allocate([0.0, 0.0, 0.0], 4).tolist() == [2, 1, 1]
    assert allocate([1.0, 0.0], 5, minimum=1).tolist() == [3, 2]
    assert allocate([], 0).tolist() == []


def test_rates_that_tie_in_exact_arithmetic_tie() -> None:
    # The third unit gains 0.9 * 0.1 on either; in floating point one of the two products is larger.
    assert allocate([0.9, 0.1], 3).tolist() == [2, 1]
    assert allocate([0.1, 0.9], 3).tolist() == [2, 1]


@pytest.mark.parametrize("call", [
    ([0.5, 1.2], 3, 0, None), ([0.5, float("nan")], 3, 0, None), ([[0.5]], 3, 0, None),
    ([0.5, 0.5], 3, 2, None), ([0.5, 0.5], 9, 0, 4), ([0.5], 1, 2, 1), ([0.5], 1, -1, 1), ([], 1, 0, None),
    ("ab", 3, 0, None), ([0.1], 1.5, 0, None), ([0.1], -1, 0, None),
])
def test_what_cannot_be_met_is_said(call: tuple) -> None:
    with pytest.raises(InputError):
        allocate(*call)


@pytest.mark.parametrize("kind", ["uniform", "sixteenths", "tiny"])
def test_scale(kind: str) -> None:
    rng = np.random.default_rng(0)
    rates = {"uniform": rng.random(100_000), "sixteenths": rng.integers(0, 17, 100_000) / 16,
             "tiny": rng.random(100_000) * 1e-9}[kind]
    units = allocate(rates, 10_000_000)
    assert units.sum() == 10_000_000 and units.min() >= 0

