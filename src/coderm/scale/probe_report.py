"""What a probe is worth on problems it did not see, against predicting the mean and against the text alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.errors import MissingExtra
from coderm.reward.evaluate import Estimate, mean_interval
from coderm.scale.probe import cross_entropy

Floats = NDArray[np.float64]
_BINS = 5


@dataclass(frozen=True)
class Worth:
    """One predictor on held-out problems."""

    cross_entropy: float
    """Soft-label, in nats a candidate."""
    gain: float
    gain_low: float
    gain_high: float
    """Cross-entropy below the constant predictor's, paired over problems; a 95 % interval."""
    over_text: Estimate | None
    """The same below the text's, with its interval; None where there is no such predictor."""
    brier: float
    """Mean square error of the prediction as a forecast of single candidates."""
    spearman: float
    """Rank correlation with the gold pass rate; nan for a constant."""
    calibration: list[tuple[float, float, int]]
    """(mean prediction, mean gold pass rate, problems) in fifths by prediction."""


def measure(rates: Floats, predictions: Mapping[str, Floats]) -> dict[str, Worth]:
    """Judge predictors [problems] by the gold pass rates; `constant` must be among them."""
    base = cross_entropy(rates, predictions["constant"])
    told = {}
    for name, predicted in predictions.items():
        loss = cross_entropy(rates, predicted)
        gain = mean_interval(base - loss)
        over_text = None
        if "text" in predictions and name not in ("text", "constant"):
            over_text = mean_interval(cross_entropy(rates, predictions["text"]) - loss)
        brier = rates * (1 - predicted) ** 2 + (1 - rates) * predicted**2
        parts = np.array_split(np.argsort(predicted, kind="stable"), _BINS)
        told[name] = Worth(
            float(loss.mean()), *gain, over_text, float(brier.mean()),
            float("nan") if name == "constant" else _spearman(predicted, rates),
            [(float(predicted[part].mean()), float(rates[part].mean()), len(part)) for part in parts if len(part)])
    return told


def leave_out_mean(rates: Floats) -> Floats:
    """The constant predictor held out: the mean of all other problems."""
    return np.asarray((rates.sum() - rates) / (len(rates) - 1))


def as_json(told: Mapping[str, Worth]) -> dict[str, Any]:
    """Plain data; a correlation that does not exist is None."""
    return {name: asdict(worth) | {"spearman": None if np.isnan(worth.spearman) else worth.spearman}
            for name, worth in told.items()}


def draw_calibration(told: Mapping[str, Worth], path: Path) -> None:
    """Predicted against gold pass rate, a line a predictor. Raises MissingExtra without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("report", "matplotlib") from None
    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, worth in told.items():
        if name != "constant":
            x, y, _ = zip(*worth.calibration, strict=True)
            axes.plot(x, y, marker="o", label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted pass rate", ylabel="pass rate",
             title="Held-out problems, in fifths by prediction")
    axes.legend()
    figure.savefig(path)


def _spearman(a: Floats, b: Floats) -> float:
    ranks = [np.searchsorted(np.sort(x), x, "left") + np.searchsorted(np.sort(x), x, "right") for x in (a, b)]
    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(np.stack(ranks))[0, 1])
