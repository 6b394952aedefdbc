"""The sequential rule: after a few tests each, the next tests go where they can still change the choice.

It needs no training. Take the leading candidate L of a problem and a rival i after b replies. Reply t moved the
lead by x_t, the score L earned on it less what i earned; the lead is D = x_1 + ... + x_b. Future replies are
taken to be like those seen (a Polya urn: drawn from what was seen, each draw put back twice), so that k more move
the lead by k D / b on average, with variance k s^2 (1 + k / b), where s^2 is the mean square of x. The rival
overtakes within k replies with probability about

    P(k) = Phi(-(D / s) sqrt(1/k + 1/b)) * (1 - (1 - r)^k),    r = (replies that told L from i + 1) / (b + 2)

whose second factor is the chance that any of the k tells the two apart at all: candidates that agreed on everything
so far (D = 0) are worth a test as long as some test may yet part them. The worth of the next reply is the largest
P(k) / k over rivals and k: the best chance of a change per reply. A candidate whose P(all that could still come) is
below 1 - confidence cannot win any more and is executed no further; a problem without rivals is finished.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coderm.scale.recorded import Replies, best

START = 3
CONFIDENCE = 0.99


@dataclass(frozen=True, eq=False)
class Standing:
    """Where P problems stand after the replies seen so far."""

    worth: NDArray[np.float64]
    """[P] the best chance, per further reply, that the choice changes; 0 where a problem is finished."""
    confidence: NDArray[np.float64]
    """[P] probability that the choice would stay if every reply still allowed were generated."""
    alive: NDArray[np.bool_]
    """[P, N] candidates that can still win."""
    chosen: NDArray[np.bool_]
    """[P, N] the tied best candidates."""


def standing(
    rule: str, votes: NDArray[np.float32], keys: NDArray[np.uint64], alive: NDArray[np.bool_],
    remaining: NDArray[np.int64], confidence: float = CONFIDENCE,
) -> Standing:
    """Judge P problems by `votes` and `keys` [P, N, b] of the b replies seen; `remaining` [P] replies may follow."""
    p, _, b = votes.shape
    chosen, weight = best(rule, votes.sum(axis=2), keys.sum(axis=2, dtype=np.uint64), alive)
    lead = chosen.argmax(axis=1)
    scored = votes * weight[:, :, None].astype(np.float32)
    moved = scored[np.arange(p), lead][:, None, :] - scored
    ahead, square = moved.sum(axis=2), np.square(moved).sum(axis=2)
    apart = (moved != 0).sum(axis=2)
    # One reply more, as if it had moved the lead by this rival's own weight, keeps s above zero.
    deviation = np.sqrt((square + np.square(weight)) / (b + 1))
    rate = (apart + 1) / (b + 2)

    rivals = alive.copy()
    rivals[np.arange(p), lead] = False
    horizons = 2 ** np.arange(int(remaining.max(initial=1)).bit_length())
    steps = np.minimum(np.append(horizons, remaining.max(initial=1)), np.maximum(remaining, 1)[:, None])[:, None, :]
    z = (ahead / deviation)[:, :, None] * np.sqrt(1 / steps + 1 / max(b, 1))
    change = _upper_tail(z) * (1 - (1 - rate)[:, :, None] ** steps)
    change = np.where(rivals[:, :, None] & (remaining > 0)[:, None, None], change, 0.0)
    eventually = change[:, :, -1]
    alive = alive & (eventually >= 1 - confidence) | chosen
    worth = np.where(alive[:, :, None], change / steps, 0.0).max(axis=(1, 2))
    return Standing(worth, 1 - eventually.max(axis=1), alive, chosen)


def replay(replies: Replies, start: int = START, confidence: float = CONFIDENCE) -> tuple[
        NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """What the rule would have done on recorded replies, in their order.

    Returns each unit's priority [P, M] (-inf: never asked for), selection accuracy [P, M + 1] after so many replies,
    and pairs executed [P, M] on each reply.
    """
    p, n, m = replies.votes.shape
    priority = np.full((p, m), -np.inf)
    accuracy, pairs = np.zeros((p, m + 1)), np.zeros((p, m), np.int64)
    alive = replies.present.copy()
    for b in range(m + 1):
        now = standing(replies.rule, replies.votes[:, :, :b], replies.keys[:, :, :b], alive,
                       replies.limit - b, confidence)
        accuracy[:, b] = (now.chosen & replies.correct).sum(axis=1) / now.chosen.sum(axis=1)
        if b == m:
            break
        if b >= start:
            alive = now.alive
        pairs[:, b] = alive.sum(axis=1) * replies.pairs[:, b]
        due = b < replies.limit
        priority[due, b] = np.where(now.worth[due] > 0, now.worth[due], -np.inf) if b >= start else 2.0 + start - b
    return priority, accuracy, pairs


def _upper_tail(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(standard normal > z) for z >= 0, to 4e-3 (absolute): exp of a quadratic fit needs no special functions."""
    return np.asarray(0.5 * np.exp(-0.717 * z - 0.416 * z * z))
