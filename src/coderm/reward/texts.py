"""How typical a candidate's text is among the samples: a stand-in for the policy model's own likelihood."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from coderm.reward.context import Floats

_TOKEN = re.compile(r"\w+|[^\w\s]")
_COMMENT = re.compile(r"#[^\n]*")
_MOST_TOKENS = 4096


def first_of_text(texts: Sequence[str] | None, n: int) -> Floats:
    """1 for the first candidate with its text and 0 for its copies, [n]; all 1 where the texts are not known."""
    if texts is None:
        return np.ones(n)
    seen: set[str] = set()
    first = np.zeros(n)
    for i, text in enumerate(texts):
        first[i] = text not in seen
        seen.add(text)
    return first


def typicality(texts: Sequence[str] | None, n: int) -> Floats:
    """Mean cosine similarity of each text to all texts, [n] in 1/n..1; all 1 where the texts are not known.

    Texts are compared by the logarithms of their counts of tokens and of pairs of neighbours, after the prefix that
    all share (a prompt that every candidate repeats). Samples crowd where the policy model puts its probability, so
    this is a kernel estimate of it that needs no log-probabilities.
    """
    return np.ones(n) if not texts else np.array(_typicality(tuple(texts)))


@lru_cache(maxsize=16)
def _typicality(texts: tuple[str, ...]) -> tuple[float, ...]:
    low, high = min(texts), max(texts)  # what the two ends of the alphabet share, all share
    start = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))
    profiles: list[dict[object, float]] = []
    centre: Counter[object] = Counter()
    for text in texts:
        tokens = _TOKEN.findall(_COMMENT.sub("", text[start:]))[:_MOST_TOKENS]
        counts: Counter[object] = Counter(tokens)
        counts.update(itertools.pairwise(tokens))
        profile = {gram: math.log1p(count) for gram, count in counts.items()}
        norm = math.sqrt(sum(weight * weight for weight in profile.values())) or 1.0
        profiles.append({gram: weight / norm for gram, weight in profile.items()})
        centre.update(profiles[-1])
    n = len(texts)
    return tuple(max(1.0, sum(weight * centre[gram] for gram, weight in profile.items())) / n for profile in profiles)
