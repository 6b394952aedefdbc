"""Greedy allocation of a budget over problems by Eq. 2, exact and without a loop over single units.

A problem with pass rate l gains l (1 - l)^b from its next unit when it holds b: a geometric series, so "all units
that gain at least t" is a closed form per problem, and the greedy allocation is one threshold over all problems
plus what ties at it. Gains are compared by their logarithm, rounded to 1e-9: rates like 0.9 and 0.1 tie in exact
arithmetic, and rounding makes them tie on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coderm.errors import InputError

COMPARED = 1e9
"""Logarithms of gains are compared in units of 1 / COMPARED."""


def allocate(
    pass_rates: ArrayLike, total: int, minimum: int | ArrayLike = 0, maximum: int | ArrayLike | None = None
) -> NDArray[np.int64]:
    """Give each next unit of the budget to the problem that gains most (Ma et al. 2025, Eq. 2; Damani et al. 2024).

    The reward of b units on a problem is q = 1 - (1 - pass rate)^b. Equal gains go to the problem that holds fewer
    units, then to the one that stands first; so units that gain nobody anything (pass rate 0 or 1) are spread evenly.

    `pass_rates` [problems] lie in [0, 1]; `minimum` and `maximum` bound each problem's units, one number for all or
    one each. Returns units, int [problems], which sum to `total`. Raises InputError where that is impossible.

    >>> allocate([0.9, 0.5, 0.1], 6).tolist()
    [1, 3, 2]
    """
    try:
        rates = np.asarray(pass_rates, dtype=np.float64)
    except (TypeError, ValueError):
        rates = np.full(1, np.nan)
    if rates.ndim != 1 or not bool(np.all((rates >= 0) & (rates <= 1))):
        raise InputError("pass rates must be a list of numbers between 0 and 1")
    if total != int(total) or total < 0:
        raise InputError(f"the total must be a whole number of units, 0 or more, not {total}")
    low = np.broadcast_to(np.asarray(minimum, dtype=np.int64), rates.shape)
    high = np.broadcast_to(np.asarray(total if maximum is None else maximum, dtype=np.int64), rates.shape)
    if bool(np.any(low < 0)) or bool(np.any(low > high)):
        raise InputError("each problem's minimum must be at least 0 and at most its maximum, which is the total where "
                         "none is given")
    if not low.sum() <= total <= high.sum():
        raise InputError(f"a total of {total} units cannot be met: the bounds allow {low.sum()} to {high.sum()}")

    def units(threshold: float) -> NDArray[np.int64]:
        """Units of each problem when every unit that costs at most `threshold` is handed out."""
        return _units_within(rates, threshold, low, high)

    # The largest threshold whose units fit the total; the next one's surplus are the units that tie.
    finite = units(np.finfo(np.float64).max)
    if finite.sum() <= total:
        return _level(finite, high, total)
    below, above = -1.0, float(_cost(rates, finite - 1).max(initial=0.0, where=finite > low))
    while (middle := np.floor((below + above) / 2)) not in (below, above):
        below, above = (middle, above) if units(middle).sum() <= total else (below, middle)
    return _level(units(below), units(above), total)


def log_gain(pass_rates: ArrayLike, units: ArrayLike) -> NDArray[np.float64]:
    """Logarithm of the marginal gain l (1 - l)^b of the next unit at `units` = b; -inf where it gains nothing.

    >>> np.exp(log_gain([0.5, 1.0, 1.0], [1, 0, 1])).tolist()
    [0.25, 1.0, 0.0]
    """
    rates, held = np.asarray(pass_rates, dtype=np.float64), np.asarray(units, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.log(rates) + np.where(held > 0, held * np.log1p(-rates), 0.0)
    return np.asarray(np.where(rates > 0, gain, -np.inf))


def _cost(rates: NDArray[np.float64], units: NDArray[np.int64]) -> NDArray[np.float64]:
    """[problems] the gain of the next unit as a whole number that grows as the gain falls; inf for no gain."""
    return np.asarray(np.rint(-COMPARED * log_gain(rates, units)))


def _units_within(
    rates: NDArray[np.float64], threshold: float, low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.int64]:
    """[problems] units whose cost is at most `threshold`, within the bounds.

    The closed form is off by a unit where rounding bites, by more where (1 - rate) is within rounding of 1; both are
    found by checking it against the cost itself, and those few are searched for.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        guess = np.floor((-threshold / COMPARED - np.log(rates)) / np.log1p(-rates)) + 1
    guess = np.nan_to_num(guess, nan=0.0, posinf=2.0**62, neginf=0.0)
    count: NDArray[np.int64] = np.clip(guess, low, high).astype(np.int64)
    wrong = ((count > low) & (_cost(rates, count - 1) > threshold)) | (
        (count < high) & (_cost(rates, count) <= threshold)
    )
    at = np.flatnonzero(wrong)
    start, end = low[at], high[at]
    while bool(np.any(start < end)):
        middle = (start + end) // 2
        fits = (_cost(rates[at], middle) <= threshold) & (start < end)
        start, end = np.where(fits, middle + 1, start), np.where(fits, end, np.minimum(middle, end))
    count[at] = start
    return count


def _level(units: NDArray[np.int64], limit: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Hand out what is left to the units that tie: fewest units first, then first problem first."""
    lowest, highest = 0, int(limit.max(initial=0))
    while lowest < highest:
        middle = (lowest + highest + 1) // 2
        fits = np.clip(middle, units, limit).sum() <= total
        lowest, highest = (middle, highest) if fits else (lowest, middle - 1)
    filled: NDArray[np.int64] = np.clip(lowest, units, limit)
    open_to_one_more = np.flatnonzero((filled == lowest) & (filled < limit))
    filled[open_to_one_more[: total - int(filled.sum())]] += 1
    return filled
