"""Asking models: many items at once, answers in order, never more in flight than a window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from coderm.errors import ReplyError
from coderm.generate.models import Message, Model, Sampling

JUDGING = Sampling(temperature=0.0, top_p=1.0)
"""For judgements and rewriting, where one careful answer is wanted (ours)."""

A = TypeVar("A")
B = TypeVar("B")


def ask(model: Model, messages: list[Message], n: int = 1, sampling: Sampling = JUDGING) -> list[str | None]:
    """The texts of n replies; None for each where the model failed at this prompt. Seeds count up from 0.

    Raises ModelError where every other prompt would fail too.
    """
    try:
        return [completion.text for completion in model.sample(messages, n, replace(sampling, seed=0))]
    except ReplyError:
        return [None] * n


def in_parallel(work: Callable[[A], B], items: Iterable[A], workers: int) -> Iterator[B]:
    """`work` on every item, results in order; at most `workers` run and as many finished ones wait for their turn."""
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[B]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
