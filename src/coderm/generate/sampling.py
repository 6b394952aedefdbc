"""Sampling to disk as replies arrive: what was paid for is written at once, what is missing is all that is asked for.

`plan` says which replies are still lacking, `collect` gets them. Asking for more of some problems later is the same
call with larger numbers: `want={"HumanEval/3": 24}` brings that problem to 24 replies.
"""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType

from coderm.errors import ModelError, ReplyError
from coderm.generate.models import Completion, Kind, Message, Model, Sampling
from coderm.generate.prompts import Shown, choose
from coderm.progress import Progress
from coderm.records import Problem, Protocol
from coderm.runs import Run

GIVE_UP_AFTER = 8
"""Requests in a row that an endpoint may leave unanswered, beyond those already in flight, before the run stops."""

SILENT_S = 30.0
"""Seconds without any answer after which it is said that we are waiting."""

_LOG = logging.getLogger("coderm")


@dataclass(frozen=True)
class Ask:
    """Replies wanted to one chat: those with these indices among the replies of the problem."""

    task_id: str
    indices: Sequence[int]
    messages: list[Message]
    prompt: str
    """Name and version of the prompt."""
    shown: int | None = None
    """Index of the candidate solution that the prompt shows."""


@dataclass
class Tally:
    """What a round of sampling brought."""

    replies: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    finish_reasons: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, object]] = field(default_factory=list)
    """{"kind", "task_id", "indices", "error"} of requests that failed for good; the next call asks for them again."""

    def summary(self) -> str:
        """One line: how many replies, at what rate, and how many failed of what."""
        rate = self.completion_tokens / self.seconds if self.seconds else 0.0
        line = (f"{self.replies} replies, {self.prompt_tokens} + {self.completion_tokens} tokens "
                f"in {self.seconds:.0f} s ({rate:.0f} tokens/s)")
        if cut := self.finish_reasons["length"]:
            line += f", {cut} cut at the token limit"
        for error, count in Counter(str(row["error"]) for row in self.failures).most_common(3):
            line += f"\n{count} requests failed: {error}"
        return line

    def as_json(self) -> dict[str, object]:
        """The same as an object."""
        return vars(self) | {"finish_reasons": dict(self.finish_reasons)}


_Answers = queue.SimpleQueue[tuple[Ask | None, list[Completion] | BaseException]]  # None: nobody's answer, an interrupt


def plan(
    kind: Kind,
    problems: Iterable[Problem],
    want: Mapping[str, int],
    *,
    have: Mapping[str, Collection[int]],
    candidates: Mapping[str, Sequence[str]],
    prompt: str | None = None,
    shown: Shown = "none",
    protocol: Protocol = "default",
) -> list[Ask]:
    """What is lacking to `want[task_id]` replies of a kind for each problem, beside the indices it has.

    A prompt that shows a candidate takes the first extracted one, or with `shown="each"` another for each test
    (the j-th test sees candidate j mod N). A problem without a candidate to show is passed over: there is nothing
    that its tests could choose from. Raises InputError for a prompt that does not exist.
    """
    asks = []
    for problem in problems:
        missing = [j for j in range(want.get(problem.task_id, 0)) if j not in have.get(problem.task_id, ())]
        chosen = choose(problem, kind, protocol=protocol, shown=shown, name=prompt)
        if not chosen.shows_solution:
            asks.append(Ask(problem.task_id, missing, chosen.messages(problem), chosen.label))
            continue
        texts = candidates.get(problem.task_id, ())
        by_candidate: dict[int, list[int]] = {}
        for j in missing if texts else ():
            by_candidate.setdefault(j % len(texts) if shown == "each" else 0, []).append(j)
        asks += [Ask(problem.task_id, indices, chosen.messages(problem, texts[i]), chosen.label, i)
                 for i, indices in by_candidate.items()]
    return [ask for ask in asks if ask.indices]


def collect(
    run: Run, kind: Kind, model: Model, asks: Sequence[Ask], sampling: Sampling, *, seed: int = 0, quiet: bool = False
) -> Tally:
    """Send what was planned and append every reply to KIND_replies.jsonl as it arrives. `run` must be locked.

    The seed of each reply derives from (seed, kind, task, index). A request that fails for good is noted in
    failures.jsonl and the rest goes on; an error that would meet every request, or an endpoint that stays away,
    raises ModelError after the replies in flight are written, and so does an interrupt.
    """
    tally, started = Tally(), time.monotonic()
    pending = deque(asks)
    answers: _Answers = queue.SimpleQueue()
    in_flight = unanswered = 0
    stop: BaseException | None = None
    goal = sum(len(ask.indices) for ask in pending)
    with _interrupt_as_answer(answers), Progress(f"sampling {kind.replace('_', ' ')}s", goal, quiet=quiet) as progress:
        while pending or in_flight:
            while pending and in_flight < model.concurrency:
                ask, rest = _split(pending.popleft(), model.batch)
                pending.extendleft(rest)
                in_flight += 1
                settings = replace(sampling, seed=derive_seed(seed, kind, ask.task_id, ask.indices[0]))
                threading.Thread(target=_work, args=(model, ask, settings, answers), daemon=True).start()
            answered, answer = _next_answer(answers, progress, in_flight)
            if answered is None:
                stop = stop or KeyboardInterrupt()
                pending.clear()
                _LOG.warning("finishing the %d requests in flight; interrupt again to give them up", in_flight)
                continue
            ask = answered
            in_flight -= 1
            if isinstance(answer, ReplyError):
                unanswered = unanswered + 1 if answer.unreachable else 0
                failure: dict[str, object] = {"kind": kind, "task_id": ask.task_id, "indices": [*ask.indices],
                                              "error": str(answer)}
                tally.failures.append(failure)
                run.append("failures", [failure])
                progress.fail(len(ask.indices))
                if unanswered >= GIVE_UP_AFTER + model.concurrency:
                    stop = stop or ModelError(f"stopped: {unanswered} requests in a row failed, the last: {answer}")
                    pending.clear()
            elif isinstance(answer, BaseException):
                stop = stop or answer
                pending.clear()
            else:
                unanswered = 0
                got, rest = _split(ask, len(answer))
                run.append(f"{kind}_replies", _rows(kind, got, answer, seed))
                pending.extendleft(rest if stop is None else ())
                _count(tally, answer, time.monotonic() - started)
                progress.advance(len(answer), f"{tally.completion_tokens / max(tally.seconds, 1e-9):.0f} tokens/s")
    if stop is None and not answers.empty():
        stop = KeyboardInterrupt()  # it came behind the last answer
    if stop is not None:
        raise stop
    return tally


def _next_answer(
    answers: _Answers, progress: Progress, in_flight: int
) -> tuple[Ask | None, list[Completion] | BaseException]:
    try:
        return answers.get(timeout=SILENT_S)
    except queue.Empty:
        progress.tell(f"no answer for {SILENT_S:.0f} s, {in_flight} requests in flight")
        return answers.get()


@contextmanager
def _interrupt_as_answer(answers: _Answers) -> Iterator[None]:
    """The first Ctrl-C arrives among the answers, so that it cannot cut a reply off on its way to disk.

    The second raises KeyboardInterrupt as ever: what is in flight is given up.
    """
    usual = signal.getsignal(signal.SIGINT)
    if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def put(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, usual)
        answers.put((None, KeyboardInterrupt()))

    signal.signal(signal.SIGINT, put)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def derive_seed(seed: int, kind: Kind, task_id: str, index: int) -> int:
    """The seed of one reply, 31 bits, the same on every machine."""
    digest = hashlib.sha256(f"{seed} {kind} {task_id} {index}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def fingerprint(messages: Sequence[Message]) -> str:
    """What a chat is recognised by when it is replayed."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()[:16]


def _work(model: Model, ask: Ask, sampling: Sampling, answers: _Answers) -> None:
    try:
        answers.put((ask, model.request(ask.messages, len(ask.indices), sampling)))
    except BaseException as error:  # handed to the thread that collects, which decides what it means
        answers.put((ask, error))


def _split(ask: Ask, size: int) -> tuple[Ask, list[Ask]]:
    """The first `size` indices, and what is left of the ask (none or one)."""
    if len(ask.indices) <= size:
        return ask, []
    return replace(ask, indices=ask.indices[:size]), [replace(ask, indices=ask.indices[size:])]


def _rows(kind: Kind, ask: Ask, completions: Sequence[Completion], seed: int) -> list[dict[str, object]]:
    rows = []
    for choice, (index, completion) in enumerate(zip(ask.indices, completions, strict=True)):
        row: dict[str, object] = {
            "task_id": ask.task_id,
            "index": index,
            "text": completion.text,
            "finish_reason": completion.finish_reason,
            "usage": {"prompt_tokens": completion.prompt_tokens, "completion_tokens": completion.completion_tokens},
            "prompt": ask.prompt,
            "messages": fingerprint(ask.messages),
            "seed": derive_seed(seed, kind, ask.task_id, index),
            "choice": choice,  # position in its request, which was sent with the seed of its choice 0
        }
        rows.append(row if ask.shown is None else row | {"shown": ask.shown})
    return rows


def _count(tally: Tally, completions: Sequence[Completion], seconds: float) -> None:
    tally.replies += len(completions)
    tally.prompt_tokens += sum(c.prompt_tokens for c in completions)
    tally.completion_tokens += sum(c.completion_tokens for c in completions)
    tally.finish_reasons.update(c.finish_reason for c in completions)
    tally.seconds = seconds
