"""Step 7b, export: TRL's prompt and completion rows, and the columns of the released CodeRM-UnitTest data set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from coderm.runs import whole
from coderm.synthesize.pipeline import Item
from coderm.synthesize.prompts import UNIT_TESTS


def sft_rows(items: Iterable[Item]) -> Iterator[Item]:
    """One conversation a unit test: {"prompt": [user], "completion": [assistant], "task_id"}.

    The answer is the test in one fenced block, which is what the extraction of replies looks for.
    """
    for item in items:
        prompt = UNIT_TESTS.messages(question=item["question"], solution=item["solution"].strip("\n"))
        for test in item["tests"]:
            answer = {"role": "assistant", "content": f"```python\n{test['text'].strip()}\n```"}
            yield {"prompt": prompt, "completion": [answer], "task_id": item["task_id"]}


def dataset_rows(items: Iterable[Item]) -> Iterator[Item]:
    """Rows in the released layout: task_id int, three texts, and two lists that are JSON inside a string.

    FAR and FRR are the rates as printed in Ma et al. 2025, appendix D, null where they cannot be told.
    """
    for number, item in enumerate(item for item in items if item["tests"]):
        solutions = [{"sol_id": i, "code": s["text"], "correct": s["correct"]} for i, s in enumerate(item["solutions"])]
        tests = [{"ut_id": i, "code": t["text"], "FAR": t["FAR"], "FRR": t["FRR"]} for i, t in enumerate(item["tests"])]
        yield {"task_id": number, "question": item["question"], "code_ground_truth": item["solution"],
               "code_generate": json.dumps(solutions), "unit_tests": json.dumps(tests)}


def write_jsonl(path: Path, rows: Iterable[Item]) -> int:
    """Write a whole file; returns the number of rows."""
    count = 0
    with whole(path) as file:
        for row in rows:
            file.write(json.dumps(row).encode() + b"\n")
            count += 1
    return count
