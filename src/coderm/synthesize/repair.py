"""Step 5, repair: a failing test goes back to the teacher with what happened; only expected values may change."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from coderm.execute import Engine
from coderm.generate.extract import extract_unit_test
from coderm.records import Verdict
from coderm.synthesize import syntax
from coderm.synthesize.asking import OnDemand, Replies, ask, in_parallel
from coderm.synthesize.cheating import cheat
from coderm.synthesize.pipeline import NO_REPLY, Item, Outcome
from coderm.synthesize.prompts import REPAIR

PASS = Verdict.PASS.word
MAX_FEEDBACK = 500
"""Characters that a teacher is told about one test case."""


class Repair:
    """Stage: failing tests are repaired (they get repaired = the round) or dropped.

    The same text is repaired once, whatever number of tests have it, and shown to the teacher once: a careful teacher
    would say the same again. So only a test that an honest repair changed, and that still fails, has another round.

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
        failing = [test for test in item["tests"] if test["verdict"] != PASS]
        replies: list[str | None] = item.get("replies", [])
        drafts = self._drafts(item["solution"], list(dict.fromkeys(test["text"] for test in failing)), replies)
        ends = {draft["text"]: draft for draft in drafts}
        failing = [test | ends[test["text"]] for test in failing]
        right += [{"sample": test["sample"], "text": test["now"], "verdict": PASS, "repaired": test["repaired"]}
                  for test in failing if test["reason"] is None]
        rejected = [test for test in failing if test["reason"]]
        return Outcome({"tests": sorted(right, key=lambda test: test["sample"])}, rejected=rejected, replies=replies)

    def _drafts(self, solution: str, texts: list[str], replies: list[str | None]) -> list[Item]:
        """What becomes of distinct failing tests, see `_judge`. Each has one place a round among the replies."""
        drafts: list[Item] = [{"text": text, "now": text, "reason": "repair_not_tried"} for text in texts]
        replies += [None] * (self.rounds * len(texts) - len(replies))
        answers: dict[str, str | None] = {}

        def answer(shown: Item) -> str | None:
            prompt = REPAIR.messages(solution=solution, unit_test=shown["now"], feedback=shown["feedback"])
            return ask(self.teacher, prompt, replies=Replies(replies, shown["place"]))[0]

        for number in range(self.rounds):
            places: dict[str, int] = {}
            for place, draft in enumerate(drafts, number * len(drafts)):
                if draft["reason"] and draft["now"] not in answers:
                    places.setdefault(draft["now"], place)
            shown = [{"now": now, "place": place, "feedback": self._feedback(solution, now)}
                     for now, place in places.items()]
            answers |= zip(places, in_parallel(answer, shown, self.teacher), strict=True)
            drafts = self._judge(solution, drafts, answers, number + 1)
        return drafts

    def _judge(self, solution: str, drafts: list[Item], answers: dict[str, str | None], number: int) -> list[Item]:
        """The drafts as the answers of a round leave them.

        `now` is the last honest repair, `reason` is None where it passes, and then `repaired` is the round.
        """
        judged = []
        for draft in drafts:
            if draft["reason"] is None:
                judged.append(draft)
                continue
            answer = answers[draft["now"]]
            text = extract_unit_test(answer or "").text
            why = cheat(draft["text"], text) if text else None
            if answer is None:
                judged.append(draft | {"reason": NO_REPLY})
            elif text is None:
                judged.append(draft | {"reason": "repair_no_code"})
            elif why == "unchanged":
                judged.append(draft | {"reason": "repair_unchanged"})
            elif why:
                judged.append(draft | {"reason": f"repair_cheats_{why}", "cheat": text})
            else:
                judged.append(draft | {"reason": "repair_still_fails", "now": text})
        honest = [draft for draft in judged if draft["reason"] == "repair_still_fails"]
        verdicts = self.engine.execute([solution], [draft["now"] for draft in honest]).verdicts[0]
        for draft, verdict in zip(honest, verdicts, strict=True):
            if verdict == PASS:
                draft.update(reason=None, repaired=number)
        return judged

    def _feedback(self, solution: str, unit_test: str) -> str:
        """What failed, for every test case by itself: the statement, and what was got and expected."""
        parts = []
        for case in cases(unit_test):
            told = self.engine.explain(solution, case)
            if told["verdict"] != PASS:
                line = re.search(r":(\d+) in", told.get("where") or "")
                statement = case.splitlines()[int(line[1]) - 1].strip() if line else told["verdict"]
                why = told["error"] or told["killed_for"]
                parts.append(f"{statement}\n    {why}: {told['message']}"[:MAX_FEEDBACK])
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
