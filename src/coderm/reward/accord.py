"""`accord`: a rule of our own that asks every independent witness it can find, and needs no labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Floats, votes
from coderm.reward.evidence import Evidence


def accord(evidence: Evidence) -> Floats:
    """The product of what five witnesses say; each keeps some doubt, so that none can veto alone.

    - twins: the square root of the number of distinct programs that do the same on every call (copies of one text
      are one witness; the root is CodeT's);
    - tests: (passed + 1/2) x exp(-u), where u is the number of tests that the candidate fails, each weighted by the
      share of distinct programs that pass it. Were the candidate right, those passes would be shared mistakes, and
      exp(-u) is the chance of none where u are expected. It is what tells trusted tests from noise: tests that
      nobody passes cost nothing;
    - agreement: the square of the share of distinct programs that return the same, averaged over calls (raising
      agrees with nobody), which credits candidates that differ only at the edges;
    - variety: 1.1 - 1/V, V the effective number (exponential of the entropy) of different values it returns: a
      program that returns one constant agrees with many by accident;
    - text: the square root of how typical its text is among the samples, which also breaks ties.

    The constants were chosen once, on CodeGen-16B's answers to HumanEval (docs/selectors.md); nothing is fitted to
    the data at hand.
    """
    distinct = evidence.distinct()
    programs = distinct.sum(axis=0)
    rates = evidence.votes.T @ distinct / np.maximum(programs, 1)
    unexplained = (1 - evidence.votes) @ (evidence.tests * rates)
    tests = (evidence.passed() + 0.5) * np.exp(-unexplained)
    agreement = (evidence.agreement(distinct) + 0.5) / (programs + 0.5)
    scores: Floats = (np.sqrt(evidence.twins(distinct)) * tests * agreement**2
                      * (1.1 - 1 / evidence.effective_values()) * np.sqrt(evidence.typicality()))
    return scores


def accord_verdicts(matrix: RewardMatrix, context: Context) -> Floats:
    """accord without recorded behaviour: passing a test stands for returning what it expects."""
    passes = votes(matrix, context) == 1
    returned = np.where(passes, np.arange(1, passes.shape[1] + 1), -1).astype(np.int64)
    scores: Floats = accord(Evidence.of(replace(matrix, behaviour=returned, calls=None), context))[:, 0]
    return scores
