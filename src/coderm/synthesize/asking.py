"""Asking models: many items at once, answers in order, never more in flight than a window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Lock
from typing import TypeVar

from coderm.errors import ReplyError
from coderm.generate.models import Kind, Message, Model, Sampling, open_model
from coderm.synthesize.fake import ScriptedTeacher

JUDGING = Sampling(temperature=0.0, top_p=1.0)
"""For judgements and rewriting, where one careful answer is wanted (ours)."""

A = TypeVar("A")
B = TypeVar("B")


class OnDemand:
    """The model of a spec, to be used in `with`, opened at its first request; `fake` is our own scripted teacher.

    A stage that has nothing to do needs no key, no endpoint and no memory for weights.
    """

    def __init__(self, spec: str, kind: Kind) -> None:
        self.spec, self._kind = spec, kind
        self._stack, self._lock = ExitStack(), Lock()
        self._model: Model | None = ScriptedTeacher() if spec == "fake" else None

    def __enter__(self) -> OnDemand:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def opened(self) -> Model:
        """The model itself."""
        with self._lock:
            if self._model is None:
                self._model = self._stack.enter_context(open_model(self.spec, self._kind))
            return self._model


def ask(model: OnDemand, messages: list[Message], n: int = 1, sampling: Sampling = JUDGING) -> list[str | None]:
    """The texts of n replies; None for each where the model failed at this prompt. Seeds count up from 0.

    Raises ModelError where every other prompt would fail too.
    """
    try:
        return [completion.text for completion in model.opened().sample(messages, n, replace(sampling, seed=0))]
    except ReplyError:
        return [None] * n


def in_parallel(work: Callable[[A], B], items: Iterable[A], model: OnDemand) -> Iterator[B]:
    """`work`, which asks the model, on every item; results in order, at most twice as many begun as the model takes."""
    workers = model.opened().concurrency
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
