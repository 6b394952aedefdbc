"""How sure a vote is: the chance that the chosen candidate is right, estimated from how the vote went.

A logistic regression on four numbers that are known without ground truth. Its weights were fitted by
benchmarks/confidence.py on recorded runs with known labels (see docs/generation.md for how well it holds on problems
that it was not fitted on), so it speaks of models and problems like those: small models, HumanEval. It is an
estimate of the vote's worth, not a proof about the code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

WEIGHTS = {"intercept": -3.13, "votes": 1.31, "share_passed": 4.58, "agreement": 1.59, "examples": 2.48}
FITTED_UP_TO = 16
"""Votes beyond those of the recorded runs count no further."""
CERTAIN = 0.97
"""No vote among sampled tests is worth more."""


@dataclass(frozen=True)
class Vote:
    """How the vote on one problem went."""

    votes: int
    """Unit tests that the chosen candidate passes."""
    tests: int
    """Unit tests that vote."""
    group: int
    """Candidates that pass exactly the tests the chosen one passes, itself included."""
    candidates: int
    """Candidates that took part: those that pass the problem's own examples."""
    examples: int
    """Examples that the problem brought, all passed by the chosen candidate."""


def features(vote: Vote) -> dict[str, float]:
    """What the confidence depends on, by the names of WEIGHTS."""
    return {
        "intercept": 1.0,
        "votes": math.log1p(min(vote.votes, FITTED_UP_TO)),
        "share_passed": (vote.votes + 0.5) / (vote.tests + 1),
        "agreement": vote.group / (vote.candidates + 1) if vote.tests else 0.0,
        "examples": float(vote.examples > 0),
    }


def confidence(vote: Vote) -> float:
    """The estimated chance, in 0..1, that the chosen candidate is right.

    >>> all_for_one = confidence(Vote(votes=8, tests=8, group=6, candidates=8, examples=2))
    >>> nothing_known = confidence(Vote(votes=0, tests=0, group=8, candidates=8, examples=0))
    >>> nothing_known < 0.5 < 0.9 < all_for_one
    True
    """
    score = sum(WEIGHTS[name] * value for name, value in features(vote).items())
    return min(CERTAIN, 1 / (1 + math.exp(-score)))
