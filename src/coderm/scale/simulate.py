"""Simulated labelled runs from a stated generative model, so that scaling can be studied without an LLM.

The model, per problem:
  difficulty   logit of the policy's pass rate ~ Normal(ease, spread). A wrong candidate has one of several bugs,
               drawn by a Chinese restaurant process, so that some bugs are popular. Correct candidates agree, but a
               share of them has a quirk where the problem says nothing: a bug that the ground truth forgives.
  inputs       every test case is an input. Bug e shows on it with probability shows_e ~ Beta, else the buggy
               candidate answers correctly. A quirk shows a tenth as often.
  tests        a reply is usable or not (per problem), and holds up to `cases` test cases. It is written under one
               reading of the problem: the right one, or that of a bug (popular bugs are popular readings): then it
               expects what the bug answers. Any single case may slip besides: then nobody passes it.
  correlation  the logits of misreading and of slipping share one latent per problem, correlated with difficulty:
               tests of one problem tend to be good or bad together.
A candidate passes a case iff its answer on the input is the expected one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coderm.scale.recorded import Recorded

_QUIRK_SHOWS = 0.1


@dataclass(frozen=True)
class Model:
    """Parameters of the generative model; logits unless said otherwise."""

    ease: float
    spread: float
    """Mean and standard deviation of the logit pass rate."""
    bugs: float
    """Concentration of the restaurant process: two wrong candidates share a bug with probability 1 / (1 + bugs)."""
    shows: tuple[float, float]
    """Beta parameters of the probability that a bug shows on a case."""
    quirky: float
    """Share of correct candidates that have a quirk."""
    misread: float
    slip: float
    """Mean logits of misreading a problem (per reply) and of slipping (per case)."""
    dispersion: float
    """Standard deviation, between problems, of both logits."""
    correlation: float
    """Correlation of tests' quality with the problem's ease, 0 to 1."""
    usable: float = 1.0
    usable_dispersion: float = 0.0
    """Mean share of replies that hold a test, and its Beta's 1 / (a + b + 1) between problems (0: always the mean)."""
    cases: int = 5
    """Test cases in a usable reply."""


CODEGEN = Model(ease=-2.97, spread=3.43, bugs=4.5, shows=(2.15, 0.64), quirky=0.24, misread=1.77, slip=-0.97,
                dispersion=1.4, correlation=0.45, usable=0.137, usable_dispersion=0.11, cases=4)
"""Fitted to 100 x 100 samples a HumanEval problem of CodeGen-Mono-16B (benchmarks/simulator_fit.py)."""
TABLE_2 = Model(ease=0.36, spread=3.43, bugs=4.5, shows=(3.02, 0.14), quirky=0.052, misread=0.32, slip=-3.36,
                dispersion=1.4, correlation=0.45)
"""Fitted to the row of CodeRM-8B in Ma et al. 2025, Table 2, one test and majority of 100; what the row does not say
(spread, bugs, dispersion and correlation) is CODEGEN's."""


def simulate(model: Model, problems: int, solutions: int, unit_tests: int, seed: int) -> list[Recorded]:
    """Draw a labelled run: `problems` problems with `solutions` candidates and `unit_tests` replies each."""
    rng = np.random.default_rng(seed)
    return [_problem(model, f"sim/{i}", solutions, unit_tests, rng) for i in range(problems)]


def predicted(problems: list[Recorded], noise: float, seed: int) -> NDArray[np.float64]:
    """[problems] pass rates as an imperfect probe would predict them.

    The gold logit (of half a success and half a failure more) plus normal noise, shrunk towards the mean as a
    calibrated predictor does.
    """
    rng = np.random.default_rng(seed)
    wins = np.array([p.correct.sum() for p in problems]) + 0.5
    total = np.array([len(p.correct) for p in problems]) + 1.0
    gold = np.log(wins / (total - wins))
    seen = gold + noise * rng.standard_normal(len(gold))
    trust = gold.var() / (gold.var() + noise**2)
    return _sigmoid(gold.mean() + trust * (seen - gold.mean()))


def _problem(model: Model, task_id: str, n: int, m: int, rng: np.random.Generator) -> Recorded:
    ease, other = rng.standard_normal(2)
    quality = model.correlation * ease + np.sqrt(1 - model.correlation**2) * other
    correct = rng.random(n) < _sigmoid(np.array(model.ease + model.spread * ease))
    misread = _sigmoid(np.array(model.misread - model.dispersion * quality))
    slip = _sigmoid(np.array(model.slip - model.dispersion * quality))
    usable = model.usable
    if model.usable_dispersion:
        strength = 1 / model.usable_dispersion - 1
        usable = rng.beta(usable * strength, (1 - usable) * strength)

    # Behaviours: 0 is correct, 1.. are bugs. The process runs over all n seats, taken or not, so that a problem
    # with few wrong candidates still has bugs to misread.
    bug, kinds = np.zeros(n, np.int64), 0
    for seat in range(n):
        new = rng.random() < model.bugs / (model.bugs + seat)
        kinds += new
        bug[seat] = kinds if new else bug[rng.integers(seat)]
    behaviour = np.where(correct, np.where(rng.random(n) < model.quirky, bug + kinds, 0), bug)
    shows = rng.beta(*model.shows, size=2 * kinds)
    shows = np.concatenate([[0.0], shows[:kinds], shows[kinds:] * _QUIRK_SHOWS])

    readings = np.where(rng.random(m) < misread, bug[rng.integers(n, size=m)], 0)
    replies = np.flatnonzero(rng.random(m) < usable)
    reply_of_test = np.repeat(replies, model.cases)
    deviates = rng.random((len(shows), len(reply_of_test))) < shows[:, None]
    reading = readings[reply_of_test]
    expects_deviation = deviates[reading, np.arange(len(reading))]
    # On one input every bug that shows has an answer of its own.
    agrees = np.where(expects_deviation, np.arange(len(shows))[:, None] == reading, ~deviates)
    agrees &= rng.random(len(reading)) >= slip
    return Recorded(task_id, agrees[behaviour], reply_of_test, m, correct)


def _sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logit)))
