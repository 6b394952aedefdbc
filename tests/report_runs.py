"""Made-up runs for the report's tests: matrices with structure, and texts that try to break out of a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from coderm.matrix import RewardMatrix
from coderm.records import Problem, Verdict
from coderm.runs import Run

HOSTILE = (
    "def f(x):\n    return '</script><script>document.title=\"owned\"</script>'\n",
    "def f(x):\n    # <!-- <script> --> ]]> <img src=x onerror=\"document.title='owned'\">\n    return x\n",
    "def f(x):\n    return 'line\u2028separator\u2029and\u0000nul \U0001f600 &lt;&amp; \"quotes\" '\n",
    "def f(x):\n    return '{{ 7 * 7 }} {% raw %} \ud800 lone surrogate'\n",
)


def synthetic_run(path: Path, problems: int = 12, n: int = 20, m: int = 20, seed: int = 0, **config: Any) -> Run:
    """A labelled run whose tests are better than chance on easy problems and misled on some hard ones."""
    rng = np.random.default_rng(seed)
    run = Run.create(path, **({"dataset": "made-up"} | config))
    with run:
        for k in range(problems):
            task = f"Made/{k}"
            rate = 0.0 if k % 7 == 6 else float(rng.beta(0.7, 0.9))
            correct = rng.random(n) < rate
            groups = np.where(correct, 0, rng.integers(1, 6, n))
            misled = k % 5 == 3
            codes = np.empty((n, m), np.uint8)
            for j in range(m):
                kind = rng.random()
                if kind < 0.05:
                    codes[:, j] = Verdict.TEST_ERROR if kind < 0.03 else Verdict.VACUOUS
                    continue
                likes = rng.random(6) < (0.15 if kind < 0.5 else 0.55)
                likes[0] = kind > 0.45 if not misled else kind > 0.93
                if kind < 0.25:
                    likes[:] = False
                ok = likes[groups] ^ (rng.random(n) < 0.02)
                bad = rng.choice([Verdict.FAIL, Verdict.ERROR, Verdict.TIMEOUT, Verdict.CRASH], n,
                                 p=[0.8, 0.15, 0.04, 0.01])
                codes[:, j] = np.where(ok, Verdict.PASS, bad)
            reasons = tuple("syntax error: line 3" if c == Verdict.TEST_ERROR else
                            "no assertion" if c == Verdict.VACUOUS else None for c in codes[0])
            solutions = [f"import math\n\n\ndef f_{k}(x):\n    \"\"\"Candidate of group {g}.\"\"\"\n"
                         + "".join(f"    y = x * {g} + {line}  # step {line}\n" for line in range(8))
                         + f"    return y + {i % 4}\n" for i, g in enumerate(groups)]
            for i, text in enumerate(HOSTILE[: n] if k == 3 else ()):
                solutions[i] = text
            tests = [f"import unittest\n\n\nclass TestF{k}(unittest.TestCase):\n"
                     + "".join(f"    def test_{c}(self):\n        # case {c} of test {j}\n"
                               f"        self.assertEqual(f_{k}({c}), {c * j})\n\n" for c in range(6))
                     for j in range(m)]
            run.add_problems([Problem(task, f"def f_{k}(x):\n    \"\"\"Return the {k}th thing of x.\n\n"
                                            f"    >>> f_{k}(1)\n    {k}\n    \"\"\"\n", f"f_{k}")])
            run.append("solutions", [{"task_id": task, "solutions": solutions}])
            run.append("unit_tests", [{"task_id": task, "unit_tests": tests}])
            run.append("labels", [{"task_id": task, "correct": correct.tolist()}])
            run.save_matrix(task, RewardMatrix.from_verdicts(codes, reasons=reasons))
    return run
