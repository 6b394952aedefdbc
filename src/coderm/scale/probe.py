"""The difficulty probe: a problem's pass rate from a language model's state of its question (Ma et al. 2025, §3.2).

A two-layer feed-forward net with a scalar output, trained with soft-label cross-entropy
-[l log l' + (1 - l) log(1 - l')]: each problem is two rows, solved and unsolved, weighted by l and 1 - l. A saved
probe is an npz of plain arrays and a JSON header, nothing that could run; it names its model and layer, and refuses
the states of another.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.errors import FormatError, InputError, MissingExtra, SchemaError
from coderm.runs import whole
from coderm.scale.states import States

Floats = NDArray[np.float64]
SCHEMA = 1
FOLDS = 5
HIDDEN = 32
PENALTIES = (3.0, 30.0, 300.0, 3000.0)
"""Weight decays to choose from, by cross-validation inside the training problems. States are wider than runs are
long, so they are strong; the strongest is nearly the constant predictor."""
_ARRAYS = ("mean", "scale", "weights_1", "bias_1", "weights_2", "bias_2")


@dataclass(frozen=True)
class About:
    """What a probe was made from."""

    source: str
    """The spec its states were read with."""
    model: str
    layer: str
    problems: int
    penalty: float
    schema: int = SCHEMA


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted probe; `predict` needs numpy alone."""

    about: About
    mean: Floats
    scale: Floats
    weights_1: Floats
    bias_1: Floats
    weights_2: Floats
    bias_2: Floats

    def predict(self, states: States) -> Floats:
        """Pass rates [problems] in 0..1. Raises InputError for the states of another model or layer."""
        if (states.model, states.layer) != (self.about.model, self.about.layer):
            raise InputError(f"this probe reads {self.about.model}, layer {self.about.layer}; the states are of "
                             f"{states.model}, layer {states.layer}")
        if states.values.shape[1:] != self.mean.shape:
            raise InputError(f"this probe reads {len(self.mean)} numbers a problem, the states have "
                             f"{states.values.shape[1:]}")
        hidden = np.maximum((states.values - self.mean) / self.scale @ self.weights_1 + self.bias_1, 0)
        rates: Floats = 1 / (1 + np.exp(-(hidden @ self.weights_2 + self.bias_2)[:, 0]))
        return rates

    def save(self, path: Path) -> None:
        """Write the probe, by rename."""
        with whole(path) as file:
            np.savez(file, about=np.array(json.dumps(asdict(self.about))),
                     **{name: getattr(self, name) for name in _ARRAYS})


def load_probe(path: Path) -> Probe:
    """Read a saved probe; nothing in the file can run. Raises FormatError, or SchemaError for a newer one's."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; `coderm probe fit` makes one")
    try:
        with np.load(path, allow_pickle=False) as stored:
            about: dict[str, Any] = json.loads(str(stored["about"]))
            arrays = {name: np.asarray(stored[name], np.float64) for name in _ARRAYS}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: not a probe ({error})") from None
    if not isinstance(about, dict) or not isinstance(about.get("schema"), int):
        raise FormatError(f"{path}: not a probe (no schema version)")
    if about["schema"] > SCHEMA:
        raise SchemaError(f"{path}: written by a newer coderm (schema {about['schema']}); upgrade coderm")
    return Probe(About(**about), **arrays)


def fit(source: str, states: States, rates: Floats, *, seed: int = 0) -> Probe:
    """Fit a probe to gold pass rates [problems] in 0..1. Raises InputError for fewer than 10 problems."""
    if len(rates) < 2 * FOLDS:
        raise InputError(f"{len(rates)} labelled problems are too few to fit a probe; it takes {2 * FOLDS} at least")
    loss = {penalty: float(cross_entropy(rates, _folds(states.values, rates, penalty, seed)).mean())
            for penalty in PENALTIES}
    penalty = min(loss, key=lambda p: loss[p])
    mean, scale, net = _train(states.values, rates, penalty, seed)
    return Probe(About(source, states.model, states.layer, len(rates), penalty), mean, scale, net.coefs_[0],
                 net.intercepts_[0], net.coefs_[1], net.intercepts_[1])


def held_out(source: str, states: States, rates: Floats, *, seed: int = 0) -> Floats:
    """Predictions [problems], each by a probe that was fitted, its penalty chosen too, without that problem."""
    predictions = np.zeros(len(rates))
    for test in _split(len(rates), seed):
        train = np.setdiff1d(np.arange(len(rates)), test)
        probe = fit(source, States(states.values[train], states.model, states.layer), rates[train], seed=seed + 1)
        predictions[test] = probe.predict(States(states.values[test], states.model, states.layer))
    return predictions


def cross_entropy(rates: Floats, predicted: Floats) -> Floats:
    """Soft-label cross-entropy of each problem, in nats; predictions are kept a thousandth from 0 and 1."""
    p = np.clip(predicted, 1e-3, 1 - 1e-3)
    return -(rates * np.log(p) + (1 - rates) * np.log(1 - p))


def _split(n: int, seed: int) -> list[NDArray[np.int64]]:
    return np.array_split(np.random.default_rng(seed).permutation(n), FOLDS)


def _folds(values: Floats, rates: Floats, penalty: float, seed: int) -> Floats:
    """Cross-validated predictions at one penalty."""
    predictions = np.zeros(len(rates))
    for test in _split(len(rates), seed):
        train = np.setdiff1d(np.arange(len(rates)), test)
        mean, scale, net = _train(values[train], rates[train], penalty, seed)
        predictions[test] = net.predict_proba((values[test] - mean) / scale)[:, 1]
    return predictions


def _train(values: Floats, rates: Floats, penalty: float, seed: int) -> tuple[Floats, Floats, Any]:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtra("probe", "scikit-learn") from None
    mean = values.mean(axis=0)
    scale = np.where(values.std(axis=0) > 0, values.std(axis=0), 1.0)
    scaled = (values - mean) / scale
    # Not its early_stopping: that would split the two rows of a problem over training and validation.
    net = MLPClassifier((HIDDEN,), alpha=penalty, solver="lbfgs", max_iter=200, random_state=seed)
    # The matrices are small: more threads only wait for one another. 200 iterations are the budget, met or not.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(np.concatenate([scaled, scaled]), np.repeat([1, 0], len(rates)),
                sample_weight=np.concatenate([rates, 1 - rates]))
    return mean, scale, net
