"""Step 5, repair: a failing test goes back to the teacher with what happened; only expected values may change."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from coderm.execute import Engine
from coderm.generate.extract import extract_unit_test
from coderm.records import Verdict
from coderm.synthesize import syntax
from coderm.synthesize.asking import OnDemand, ask, in_parallel
from coderm.synthesize.cheating import cheat
from coderm.synthesize.pipeline import NO_REPLY, Item, Outcome
from coderm.synthesize.prompts import REPAIR

PASS = Verdict.PASS.word
MAX_FEEDBACK = 500
"""Characters that a teacher is told about one test case."""


class Repair:
    """Stage: failing tests are repaired (they get repaired = the round) or dropped.

    Drops, by what became of the last round: no_reply, repair_no_code, repair_unchanged, repair_still_fails,
    repair_cheats_* with the reason of `cheating.cheat`.
    """

    name, unit = "repair", "test"

    def __init__(self, teacher: OnDemand, engine: Engine, rounds: int) -> None:
        self.teacher, self.engine, self.rounds = teacher, engine, rounds

    def settings(self) -> Item:
        """The teacher, the prompt and the rounds."""
        return {"teacher": self.teacher.spec, "prompt": REPAIR.label, "rounds": self.rounds}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        return map(self._repair, items)

    def _repair(self, item: Item) -> Outcome:
        right = [test | {"repaired": 0} for test in item["tests"] if test["verdict"] == PASS]
        failing = [test | {"now": test["text"], "reason": "repair_not_tried"} for test in item["tests"]
                   if test["verdict"] != PASS]
        replies: list[str | None] = []
        for number in range(1, self.rounds + 1):
            prompts = [REPAIR.messages(solution=item["solution"], unit_test=test["now"],
                                       feedback=self._feedback(item["solution"], test["now"])) for test in failing]
            answers = list(in_parallel(lambda prompt: ask(self.teacher, prompt)[0], prompts,
                                       self.teacher))
            replies += answers
            failing = self._judge(item["solution"], failing, answers)
            right += [{"sample": test["sample"], "text": test["now"], "verdict": PASS, "repaired": number}
                      for test in failing if test["reason"] is None]
            failing = [test for test in failing if test["reason"]]
        return Outcome({"tests": sorted(right, key=lambda test: test["sample"])}, rejected=failing, replies=replies)

    def _judge(self, solution: str, failing: list[Item], answers: list[str | None]) -> list[Item]:
        """The tests as the answers leave them: `now` is the last honest repair, `reason` is None where it passes."""
        judged = []
        for test, answer in zip(failing, answers, strict=True):
            text = extract_unit_test(answer or "").text
            why = cheat(test["text"], text) if text else None
            if answer is None:
                judged.append(test | {"reason": NO_REPLY})
            elif text is None:
                judged.append(test | {"reason": "repair_no_code"})
            elif why == "unchanged":
                judged.append(test | {"reason": "repair_unchanged"})
            elif why:
                judged.append(test | {"reason": f"repair_cheats_{why}", "cheat": text})
            else:
                judged.append(test | {"reason": "repair_still_fails", "now": text})
        honest = [test for test in judged if test["reason"] == "repair_still_fails"]
        verdicts = self.engine.execute([solution], [test["now"] for test in honest]).verdicts[0]
        for test, verdict in zip(honest, verdicts, strict=True):
            test["reason"] = None if verdict == PASS else test["reason"]
        return judged

    def _feedback(self, solution: str, unit_test: str) -> str:
        """What failed, for every test case by itself: the statement, and what was got and expected."""
        parts = []
        for case in cases(unit_test):
            told = self.engine.explain(solution, case)
            if told["verdict"] != PASS:
                line = re.search(r":(\d+) in", told.get("where") or "")
                statement = case.splitlines()[int(line[1]) - 1].strip() if line else told["verdict"]
                parts.append(f"{statement}\n    {told.get('error')}: {told.get('message')}"[:MAX_FEEDBACK])
        return "\n".join(parts)


def cases(unit_test: str) -> list[str]:
    """The unit test once for every test method, with that method alone beside what is no test method."""
    tree = ast.parse(unit_test)
    group = next(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    members = group.body

    def is_case(node: ast.stmt) -> bool:
        return isinstance(node, syntax.FunctionNode) and node.name.startswith("test")

    texts = []
    for chosen in filter(is_case, members):
        group.body = [node for node in members if node is chosen or not is_case(node)]
        texts.append(ast.unparse(tree))
    return texts
