"""The sequential rule: after a first reply each, the next go where they can still change the choice for the better.

It needs no training and no labels. Take a problem's leading candidate L (with its group, all who passed the same
tests) and a rival i after b replies. Reply t moved the lead by x_t: the score that L earned on it less what i did,
so the lead is D = x_1 + ... + x_b. Two assumptions give the worth of more replies:

  1. Future replies are like those seen, plus c = 2 imagined ones that agree with one candidate drawn at random: the
     tester misreads a problem as the policy does, so a large group has more support to come than a small one. Draws
     come from a Polya urn, hence k more replies move the lead by k m on average with variance k s^2 (1 + k/(b + c)),
     where m and s^2 are the mean and mean square of x over seen and imagined replies.
  2. The better of two candidates is the one that would lead after endlessly many replies. The believed lead is
     B = D + (what the imagined replies moved); after b + k replies it is off by about s sqrt(b + c + k).

Rival i overtakes within k replies with probability P(k) = Phi(-z), z the mean over the deviation of the future lead,
times the chance that one of the k tells i from L at all. Where it does, the lead has overshot zero by about
0.8 deviations / (1 + z). Taking off what the imagined replies say leaves y deviations of the belief in favour of i,
and the chance that the change is right less the chance that it is wrong is 2 Phi(y) - 1, about tanh(0.8 y). The worth
of the next reply is the largest P(k) tanh(0.8 y) / k over rivals and k.

Candidates that agreed on everything may be parted by a later test. The leading group splits on the next reply with
probability about 1 / (b + 2), all the less the larger the share of candidates in it, and the split then tells the
better half with a gain of arctan(sqrt(1/b)) / pi: that of one more draw after b about a difference that may be zero.

A problem whose worth times the replies still allowed is below 1 - confidence is finished. A candidate whose P(all
still allowed) is below one in a hundred is executed no further: one that might still win so rarely costs as much to
run as any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coderm.scale.recorded import Replies, Rule, best

START = 1
CONFIDENCE = 0.9999
_IMAGINED = 2
_HOPELESS = 0.01


@dataclass(frozen=True, eq=False)
class Standing:
    """Where P problems stand after the replies seen so far."""

    worth: NDArray[np.float64]
    """[P] expected gain in the probability of the right choice per further reply; 0 where a problem is finished."""
    alive: NDArray[np.bool_]
    """[P, N] candidates that can still win."""
    chosen: NDArray[np.bool_]
    """[P, N] the tied best candidates."""


def standing(
    rule: Rule,
    votes: NDArray[np.float32],
    keys: NDArray[np.uint64],
    present: NDArray[np.bool_],
    alive: NDArray[np.bool_],
    remaining: NDArray[np.int64],
    confidence: float = CONFIDENCE,
) -> Standing:
    """Judge P problems by `votes` and `keys` [P, N, b] of the b replies seen; `remaining` [P] replies may follow.

    `present` [P, N] are a problem's candidates, `alive` those of them that were not ruled out before.
    """
    p, _, b = votes.shape
    rows, c = np.arange(p), _IMAGINED
    total, key = votes.sum(axis=2), keys.sum(axis=2, dtype=np.uint64)
    chosen, size, weight = best(rule, total, key, alive)
    lead = chosen.argmax(axis=1)
    of_lead = (rows, lead)
    own_group = key == key[of_lead][:, None]

    scored = votes * weight[:, :, None].astype(np.float32)
    moves = scored[of_lead][:, None, :] - scored
    ahead = moves.sum(axis=2, dtype=np.float64)
    candidates = np.maximum(present.sum(axis=1, keepdims=True), 1)
    support, lead_support = size / candidates, (size[of_lead] / candidates[:, 0])[:, None]
    lead_weight = weight[of_lead][:, None]
    shift = c * (lead_support * lead_weight - support * weight)
    mean = (ahead + shift) / (b + c)
    square = np.square(moves).sum(axis=2, dtype=np.float64)
    square = (square + c * (lead_support * lead_weight**2 + support * weight**2)) / (b + c)
    apart = np.minimum(((moves != 0).sum(axis=2) + c * (lead_support + support)) / (b + c), 1.0)

    k = np.minimum(2.0 ** np.arange(int(remaining.max(initial=1)).bit_length() + 1), remaining[:, None])[:, None, :]
    k = np.maximum(k, 1)
    deviation = np.sqrt(square[:, :, None] * k * (1 + k / (b + c)))
    z = (ahead[:, :, None] + k * mean[:, :, None]) / deviation
    change = _upper_tail(z) * (1 - (1 - apart)[:, :, None] ** k)
    overshoot = 0.8 * deviation / (1 + np.maximum(z, 0)) - shift[:, :, None]
    odds = np.tanh(0.8 * overshoot / np.sqrt(square[:, :, None] * (b + c + k)))
    rivals = alive & ~own_group
    gain = np.where(rivals[:, :, None], change * odds / k, 0.0).max(axis=(1, 2), initial=0.0)
    unsettled = np.where(total[of_lead] > 0, 1 - lead_support[:, 0], 1.0)
    split = unsettled * np.arctan(np.sqrt(1 / max(b, 1))) / np.pi / (b + 2)

    worth = np.maximum(gain, split)
    finished = worth * remaining < 1 - confidence
    can_win = alive & (own_group | (change[:, :, -1] >= _HOPELESS))
    return Standing(np.where(finished, 0.0, worth), can_win, chosen)


Worth = Callable[[Replies, int, Standing], NDArray[np.float64]]
"""(replies, b, where they stand after the first b) -> [P] what a further reply is worth to each problem."""


def replay(
    replies: Replies, start: int = START, confidence: float = CONFIDENCE, worth: Worth | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """What the rule, or its looks with another `worth` in place of its own, would have done on recorded replies.

    Returns each unit's priority [P, M] (-inf: never asked for), selection accuracy [P, M + 1] after so many replies,
    and pairs executed [P, M] on each reply.
    """
    p, _, m = replies.votes.shape
    priority = np.full((p, m), -np.inf)
    accuracy, pairs = np.zeros((p, m + 1)), np.zeros((p, m), np.int64)
    alive = replies.present
    for b in range(m + 1):
        now = standing(replies.rule, replies.votes[:, :, :b], replies.keys[:, :, :b],
                       replies.present, alive, np.maximum(replies.limit - b, 0), confidence)
        accuracy[:, b] = (now.chosen & replies.correct).sum(axis=1) / now.chosen.sum(axis=1)
        if b == m:
            break
        if b >= start:
            alive = now.alive
            valued = now.worth if worth is None else worth(replies, b, now)
            priority[:, b] = np.where(valued > 0, valued, -np.inf)
        else:
            priority[:, b] = 2.0 + start - b
        priority[b >= replies.limit, b] = -np.inf
        pairs[:, b] = alive.sum(axis=1) * replies.pairs[:, b]
    return priority, accuracy, pairs


def _upper_tail(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(standard normal > z), to 4e-3: a quadratic in the exponent needs no special functions."""
    y = np.abs(z)
    tail = 0.5 * np.exp(-0.717 * y - 0.416 * y * y)
    return np.where(z >= 0, tail, 1 - tail)
