"""One pair, shown: the exception that decided it, where it was raised, and what was printed."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from .cell import judge, load_solution
from .house import House
from .runner import compare_again
from .seat import CandidateEnded
from .split import narrate, watch

if TYPE_CHECKING:
    from .job import Job

OUTPUT_SHOWN = 8_000
MESSAGE_SHOWN = 4_000
_NOTHING = dict.fromkeys(("error", "message", "where", "killed_for"), "")


def explain_pair(job: Job) -> dict[str, Any]:
    """Run solution 0 against test 0 and tell what happened, as plain data of bounded size.

    Keys are those of `Engine.explain` that only a run can tell, as far as there is something to tell.
    """
    solution, test = job.solutions[0], job.tests[0]
    if test.reason is not None:
        return {}
    if solution.error is not None:
        error, _, message = solution.error.partition(": ")
        return {"error": error, "message": message}
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)  # what nobody reads is dropped, not waited for
    job.board.clear()

    def work() -> None:
        job.channel.close()
        os.dup2(write_end, 1)
        os.dup2(write_end, 2)
        os.close(read_end)
        os.close(write_end)
        _narrate(job)

    death = job.watcher.run(work, job.limit) if job.nursery is None else watch(job, job.nursery, work, last=0)
    os.close(write_end)
    output = os.read(read_end, OUTPUT_SHOWN)
    os.close(read_end)
    try:
        raised = json.loads(job.board.read_text())
        told = {key: str(raised[key])[:MESSAGE_SHOWN] for key in _NOTHING}
    except (ValueError, LookupError, TypeError, RecursionError):  # nothing, or a candidate scribbled over it
        told = _NOTHING
    return told | {"output": output.decode(errors="replace"), "killed_for": death.cause or told["killed_for"]}


def _narrate(job: Job) -> None:
    """In the cell: run the pair, line-buffered, and put what it raised on the board.

    In split mode the candidate is in another process. What it prints comes with its answers, since this stdout is none
    that a judge has, and the lines of its text that an exception has passed are not known.
    """
    told = dict(_NOTHING)

    def tell(error: BaseException) -> None:
        if isinstance(error, CandidateEnded):
            return
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{f.filename}:{f.lineno} in {f.name}" for f in frames if f.filename in {"<unit test>", "<solution>"}]
        note(error=type(error).__name__, message=str(error), where=" > ".join(places))

    def note(**facts: str) -> None:
        told.update({key: text[:MESSAGE_SHOWN] for key, text in facts.items()})
        job.board.write_text(json.dumps(told).encode())

    sys.stdout, sys.stderr = (open(fd, "w", buffering=1, errors="replace") for fd in (1, 2))  # noqa: PTH123, SIM115
    compare_again()
    if job.nursery is not None:
        note(killed_for=narrate(job, job.nursery, job.texts[0], tell))
    else:
        House().seed()
        namespace = load_solution(job.solutions[0], explain=tell)
        if not isinstance(namespace, int):
            judge(namespace, job.tests[0], None, explain=tell)
    sys.stdout.flush()
