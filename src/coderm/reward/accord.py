"""`accord`: a rule of our own that asks every independent witness it can find, and needs no labels."""

from __future__ import annotations

import numpy as np

from coderm.reward.behaviour_rules import Behaviour, clusters, same_returns
from coderm.reward.context import Context, Floats
from coderm.reward.texts import first_of_text, typicality


def accord(behaviour: Behaviour, votes: Floats, context: Context) -> Floats:
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

    The exponents were chosen once, on CodeGen-16B's answers to HumanEval by cross-validation over problems
    (docs/selectors.md); nothing is fitted to the data at hand.
    """
    n = len(votes)
    distinct = first_of_text(context.solutions, n)
    programs = distinct.sum()
    index, _ = clusters(behaviour)
    twins = np.bincount(index, distinct)[index]
    unexplained = (1 - votes) @ (distinct @ votes / max(1.0, programs))
    agreement = (same_returns(behaviour, distinct) + 0.5) / (programs + 0.5)
    tests = (votes.sum(axis=1) + 0.5) * np.exp(-unexplained)
    scores: Floats = (np.sqrt(twins) * tests * agreement**2 * (1.1 - 1 / _effective_values(behaviour))
                      * np.sqrt(typicality(context.solutions, n)))
    return scores


def accord_on_verdicts(votes: Floats, context: Context) -> Floats:
    """`accord` where behaviour was not recorded: passing a test stands for returning what it expects."""
    returned = np.where(votes == 1, np.arange(1, votes.shape[1] + 1), -1).astype(np.int64)
    return accord(returned, votes, context)


def _effective_values(behaviour: Behaviour) -> Floats:
    """exp(entropy) of the values that each candidate returns over the calls, [N]; 1 where it returns nothing."""
    effective = np.ones(len(behaviour))
    for i, row in enumerate(behaviour):
        _, counts = np.unique(row[row > 0], return_counts=True)
        share = counts / max(1, counts.sum())
        effective[i] = np.exp(-(share * np.log(share)).sum())
    return effective
