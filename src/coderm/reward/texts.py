"""Candidates as texts: which are copies, and how alike they are."""

from __future__ import annotations

import itertools
import re
import zlib
from collections import Counter
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from coderm.reward.context import Floats

_TOKEN = re.compile(r"\w+|[^\w\s]")
_COMMENT = re.compile(r"#[^\n]*")
_MOST_TOKENS = 4096
_BUCKETS = 8192


def copies(texts: tuple[str, ...]) -> NDArray[np.intp]:
    """A number for each text, [N], equal for equal texts."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(text, len(number)) for text in texts], dtype=np.intp)


@lru_cache(maxsize=16)
def similarity(texts: tuple[str, ...]) -> Floats:
    """Cosine similarity of every two texts, [N, N] in 0..1.

    Texts are compared by the logarithms of their counts of tokens and of pairs of neighbours, without comments and
    without the prefix that all share (a prompt that every candidate repeats). Samples crowd where the policy model
    puts its probability, so the mean of a row is a kernel estimate of it that needs no log-probabilities.
    """
    low, high = min(texts), max(texts)  # what the two ends of the alphabet share, all share
    start = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))
    profiles = np.zeros((len(texts), _BUCKETS), dtype=np.float32)
    for i, text in enumerate(texts):
        tokens = _TOKEN.findall(_COMMENT.sub("", text[start:]))[:_MOST_TOKENS]
        pairs = (f"{a} {b}" for a, b in itertools.pairwise(tokens))
        for gram, count in Counter(itertools.chain(tokens, pairs)).items():
            profiles[i, zlib.crc32(gram.encode("utf-8", "surrogatepass")) % _BUCKETS] += count
    profiles = np.log1p(profiles[:, profiles.any(axis=0)])
    profiles /= np.maximum(np.linalg.norm(profiles, axis=1, keepdims=True), 1e-9)
    alike: Floats = (profiles @ profiles.T).astype(np.float64)
    alike.flags.writeable = False
    return alike
