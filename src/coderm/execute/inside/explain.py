"""One pair, shown: the verdict with the assertion that failed, the output and the limits it used."""

from __future__ import annotations

import json
import os
import traceback
from typing import TYPE_CHECKING, Any

from .cell import Cell, judge, load_solution

if TYPE_CHECKING:
    from .job import Job

OUTPUT_SHOWN = 8_000
MESSAGE_SHOWN = 4_000


def explain_pair(job: Job) -> dict[str, Any]:
    """Run solution 0 against test 0 and tell what happened, as plain data of bounded size."""
    solution, test = job.solutions[0], job.tests[0]
    if test.reason is not None or solution.code is None:
        return {"message": solution.error}
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)  # what nobody reads is dropped, not waited for
    job.board.clear()
    pid = os.fork()
    if pid == 0:
        try:
            job.channel.close()
            os.dup2(write_end, 1)
            os.dup2(write_end, 2)
            os.close(read_end)
            os.close(write_end)
            _narrate(job, Cell(job.board, job.guard, job.limit, job.paper))
        except BaseException as e:
            job.board.write_text(json.dumps({"message":traceback.format_exc()}).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    job.watch(pid, job.limit)
    os.waitpid(pid, 0)
    output = os.read(read_end, OUTPUT_SHOWN)
    os.close(read_end)
    raw = job.board.read_text().decode(errors="replace")
    told = {key: str(value)[:MESSAGE_SHOWN] for key, value in json.loads(raw).items()} if raw else {}
    return told | {"output": output.decode(errors="replace")}


def _narrate(job: Job, cell: Cell) -> None:
    """In the cell: run the pair again, line-buffered, and put what it raised on the board."""
    import signal
    import sys

    def tell(error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{f.filename}:{f.lineno} in {f.name}" for f in frames if f.filename in {"<unit test>", "<solution>"}]
        text = {"error": type(error).__name__, "message": str(error), "where": " > ".join(places)}
        job.board.write_text(json.dumps({k: v[:MESSAGE_SHOWN] for k, v in text.items()}).encode())

    sys.stdout, sys.stderr = (open(fd, "w", buffering=1, errors="replace") for fd in (1, 2))  # noqa: PTH123, SIM115
    signal.setitimer(cell.timer, job.limit)
    namespace = load_solution(job.solutions[0], explain=tell)
    if not isinstance(namespace, int):
        judge(namespace, job.tests[0], explain=tell)
    sys.stdout.flush()
