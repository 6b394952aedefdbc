"""Asking models: many items at once, answers in order, never more in flight than a window, nothing paid for lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from dataclasses import replace
from threading import Lock
from typing import TypeVar

from coderm.errors import ReplyError
from coderm.generate.models import Kind, Message, Model, Sampling, open_model
from coderm.synthesize.fake import ScriptedTeacher
from coderm.synthesize.pipeline import Item

JUDGING = Sampling(temperature=0.0, top_p=1.0)
"""For judgements and rewriting, where one careful answer is wanted (ours)."""

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


class Replies:
    """The replies to one item, in the order in which its stage asks for them, from the place `first` on.

    `texts` is the list that an item holds under "replies". A text that an earlier run left in it is not asked for
    again, and a new one is put there as it arrives: whatever stops the work, the list's owner has what was paid for.
    """

    def __init__(self, texts: list[str | None], first: int = 0) -> None:
        self.texts, self._next = texts, first

    def places(self, n: int) -> range:
        """Where the next n replies stand."""
        first, self._next = self._next, self._next + n
        self.texts += [None] * (self._next - len(self.texts))
        return range(first, self._next)


_AT_HAND: ContextVar[Replies] = ContextVar("replies to the item that this thread works on")


def ask(model: OnDemand, messages: list[Message], n: int = 1, sampling: Sampling = JUDGING,
        replies: Replies | None = None) -> list[str | None]:
    """The texts of n replies; None for those still missing when a request failed for good. Seeds count up from 0.

    `replies` defaults to those of the item that `in_parallel` works on. Raises ModelError where every other prompt
    would fail too.
    """
    replies = replies or _AT_HAND.get(None) or Replies([])
    places = replies.places(n)
    with suppress(ReplyError):
        while missing := [place for place in places if replies.texts[place] is None]:
            seeded = replace(sampling, seed=missing[0] - places.start)
            completions = model.opened().request(messages, len(missing), seeded)
            for place, completion in zip(missing, completions, strict=False):
                replies.texts[place] = completion.text
    return [replies.texts[place] for place in places]


def in_parallel(work: Callable[[Item], B], items: Iterable[Item], model: OnDemand) -> Iterator[B]:
    """`work`, which asks the model, on every item; results in order, at most twice as many begun as the model takes.

    What `work` asks finds and leaves its replies under the item's "replies". An error ends it when the requests in
    flight are answered, so that they are there too.
    """
    def with_replies(item: Item) -> B:
        _AT_HAND.set(Replies(item.get("replies", [])))
        return work(item)

    workers = model.opened().concurrency
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[B]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(with_replies, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
