"""What a model was paid for is kept whatever goes wrong, and no answered request is sent a second time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from coderm.errors import InputError, ModelError, ReplyError
from coderm.execute import Engine
from coderm.generate.models import Completion, Message, Sampling
from coderm.runs import Run
from coderm.synthesize.asking import OnDemand
from coderm.synthesize.fake import ScriptedTeacher
from coderm.synthesize.pipeline import Item, Stage, Tally, run_stages
from coderm.synthesize.reformat import Reformat
from coderm.synthesize.repair import Repair
from coderm.synthesize.sample import SampleTests

SOLUTION = "def f(x):\n    return 2 * x\n"


class Teacher:
    """Gives one reply a request, whatever n, and remembers what it was asked; `answer` may raise."""

    def __init__(self, answer: Callable[[str, int], str]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, int]] = []
        self.answered: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        key = (messages[-1]["content"], sampling.seed or 0)
        with self._lock:
            self.asked.append(key)
        text = self.answer(*key)
        with self._lock:
            self.answered[key] += 1
        return [Completion(text, 1, 1, "stop")]

    def seeds(self) -> list[int]:
        """Seeds of what was asked since the last call."""
        asked, self.asked = self.asked, []
        return [seed for _, seed in asked]


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> Teacher:
    """The model behind the spec `fake`."""
    teacher = Teacher(lambda chat, seed: fenced(unit_test(2 * seed, shown=seed)))
    monkeypatch.setattr(ScriptedTeacher, "request", teacher.request)
    return teacher


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(workers=1) as engine:
        yield engine


def unit_test(expected: object, shown: int = 2) -> str:
    return ("import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
            f"        self.assertEqual(f({shown}), {expected})")


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


def problems(count: int) -> list[Item]:
    return [{"task_id": f"t/{k}", "question": f"Problem {k}: double.", "solution": SOLUTION, "entry_point": "f"}
            for k in range(count)]


def staged(path: Path, stage: Stage, items: list[Item], **how: Any) -> tuple[list[Item], Tally]:
    run = Run.create(path, kind="synthesis")
    with run:
        left, (tally,) = run_stages(run, items, [stage], **how)
    assert tally.entered == tally.left + sum(tally.dropped.values())
    return left, tally


def lines(path: Path, name: str) -> list[dict[str, Any]]:
    return list(Run(path).rows(f"1_{name}"))


# -- sampling --------------------------------------------------------------------------------------------------------


def test_replies_before_a_refused_one_are_kept_and_only_the_missing_are_asked_for(tmp_path: Path,
                                                                                  teacher: Teacher) -> None:
    usual = teacher.answer

    def refuses_one(chat: str, seed: int) -> str:
        if seed == 15:
            raise ReplyError("busy")
        return usual(chat, seed)

    stage = SampleTests(OnDemand("fake", "unit_test"), 16)
    teacher.answer = refuses_one
    _, tally = staged(tmp_path, stage, problems(1))
    assert (tally.left, tally.dropped) == (15, {"no_reply": 1})
    assert teacher.seeds() == list(range(16))
    teacher.answer = usual
    (item,), tally = staged(tmp_path, stage, problems(1))
    assert teacher.seeds() == [15] and tally.dropped == {}
    assert [test["text"].partition("f(")[2][:2].strip(")") for test in item["tests"]] == [str(k) for k in range(16)]
    staged(tmp_path, stage, problems(1), redo=True)
    assert teacher.seeds() == list(range(16))


def test_a_partly_answered_item_is_no_unanswered_one(tmp_path: Path, teacher: Teacher) -> None:
    def refuses_the_last(chat: str, seed: int) -> str:
        if seed == 3:
            raise ReplyError("busy")
        return "prose"

    teacher.answer = refuses_the_last
    _, tally = staged(tmp_path, SampleTests(OnDemand("fake", "unit_test"), 4), problems(12))
    assert tally.dropped["no_reply"] == 12
    with pytest.raises(ModelError, match="8 items in a row unanswered"):  # nothing new came of asking again
        staged(tmp_path, SampleTests(OnDemand("fake", "unit_test"), 4), problems(12))


def expired_key(teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops at the first item when the others have been answered, all but one of them in part."""
    usual = teacher.answer

    def answer(chat: str, seed: int) -> str:
        if "Problem 0:" in chat:
            time.sleep(0.3)
        if "Problem 0:" in chat or ("Problem 2:" in chat and seed == 2):
            raise ModelError("the key has expired")
        return usual(chat, seed)

    teacher.answer = answer


def refusals(teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops because the first eight items have no answer; later ones have."""
    usual = teacher.answer

    def answer(chat: str, seed: int) -> str:
        if any(f"Problem {k}:" in chat for k in range(8)):
            time.sleep(0.2 * ("Problem 7:" in chat))
            raise ReplyError("too long")
        return usual(chat, seed)

    teacher.answer = answer


def interrupt(teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops at Ctrl-C behind the first line."""
    append = Run.append

    def interrupted(self: Run, name: str, rows: Iterable[dict[str, Any]]) -> None:
        append(self, name, rows)
        monkeypatch.setattr(Run, "append", append)
        time.sleep(0.1)
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "append", interrupted)


@pytest.mark.parametrize(("stop", "error"), [
    (expired_key, ModelError), (refusals, ModelError), (interrupt, KeyboardInterrupt)])
def test_a_stage_that_is_stopped_loses_no_reply(stop: Callable[..., None], error: type[BaseException], tmp_path: Path,
                                                teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = SampleTests(OnDemand("fake", "unit_test"), 4)
    whole = staged(tmp_path / "whole", stage, problems(20))
    usual = teacher.answer
    teacher.answered.clear()
    stop(teacher, monkeypatch)
    with pytest.raises(error):
        staged(tmp_path / "run", stage, problems(20))
    paid = teacher.answered.total()
    recorded = {row["task_id"]: row["replies"] for row in lines(tmp_path / "run", "sample")}
    assert paid > 4 and sum(text is not None for texts in recorded.values() for text in texts) == paid
    teacher.answer = usual
    assert staged(tmp_path / "run", stage, problems(20)) == whole
    assert set(teacher.answered.values()) == {1} and len(teacher.answered) == 80


def test_a_stopped_item_does_not_count_as_done(tmp_path: Path, teacher: Teacher) -> None:
    def answer(chat: str, seed: int) -> str:
        if seed == 1:
            raise ModelError("the key has expired")
        return "prose"

    teacher.answer = answer
    stage = SampleTests(OnDemand("fake", "unit_test"), 2)
    with pytest.raises(ModelError, match="expired"):
        staged(tmp_path, stage, problems(1))
    with Run(tmp_path) as run, pytest.raises(InputError, match="sample is not complete: 1 of 1"):
        class Next(SampleTests):
            name = "next"

        run_stages(run, problems(1), [stage, Next(stage.teacher, 2)], only="next")


def test_the_first_of_two_questions_is_not_asked_again_for_the_second(tmp_path: Path, teacher: Teacher,
                                                                      engine: Engine) -> None:
    failing = [True]

    def answer(chat: str, seed: int) -> str:
        if not chat.startswith("Rewrite"):
            return fenced(SOLUTION)
        if failing[0]:
            raise ReplyError("busy")
        return "Double with f."

    teacher.answer = answer
    items = [item | {"examples": [], "ground_truth": []} for item in problems(1)]
    stage = Reformat(OnDemand("fake", "unit_test"), engine)
    assert staged(tmp_path, stage, items)[1].dropped == {"no_reply": 1}
    failing[0] = False
    (item,), _ = staged(tmp_path, stage, items)
    assert item["question"] == "Double with f."
    assert len(teacher.asked) == 3 and set(teacher.answered.values()) == {1}


# -- repair ----------------------------------------------------------------------------------------------------------


def failing_tests(*texts: str) -> list[Item]:
    tests = [{"sample": k, "text": text, "verdict": "fail"} for k, text in enumerate(texts)]
    return [item | {"tests": tests} for item in problems(1)]


@pytest.mark.parametrize(("reply", "reason"), [
    ("I see nothing wrong.", "repair_no_code"),
    (fenced(unit_test(5)), "repair_unchanged"),
    (fenced(unit_test(4).replace("assertEqual", "assertNotEqual")), "repair_cheats_assertion"),
    (None, "no_reply"),
])
def test_a_test_that_stayed_as_it_was_is_not_shown_again(reply: str | None, reason: str, tmp_path: Path,
                                                         teacher: Teacher, engine: Engine) -> None:
    def answer(chat: str, seed: int) -> str:
        if reply is None:
            raise ReplyError("busy")
        return reply

    teacher.answer = answer
    _, tally = staged(tmp_path, Repair(OnDemand("fake", "unit_test"), engine, 3), failing_tests(unit_test(5)))
    assert tally.dropped == {reason: 1} and len(teacher.asked) == 1


def test_an_honest_repair_that_still_fails_has_another_round(tmp_path: Path, teacher: Teacher,
                                                             engine: Engine) -> None:
    teacher.answer = lambda chat, seed: fenced(unit_test(6 if "f(2), 5)" in chat else 4))
    (item,), _ = staged(tmp_path, Repair(OnDemand("fake", "unit_test"), engine, 2), failing_tests(unit_test(5)))
    assert [(test["repaired"], "f(2), 4)" in test["text"]) for test in item["tests"]] == [(2, True)]
    assert len(teacher.asked) == 2


def test_equal_tests_share_one_repair(tmp_path: Path, teacher: Teacher, engine: Engine) -> None:
    teacher.answer = lambda chat, seed: fenced(unit_test(4)) if "f(2), 5)" in chat else "No idea."
    items = failing_tests(unit_test(5), unit_test(7), unit_test(5), unit_test(7))
    (item,), tally = staged(tmp_path, Repair(OnDemand("fake", "unit_test"), engine, 2), items)
    assert [(test["sample"], test["repaired"]) for test in item["tests"]] == [(0, 1), (2, 1)]
    assert tally.dropped == {"repair_no_code": 2} and len(teacher.asked) == 2


def test_tests_that_become_equal_share_the_next_round(tmp_path: Path, teacher: Teacher, engine: Engine) -> None:
    teacher.answer = lambda chat, seed: fenced(unit_test(4 if "f(2), 6)" in chat else 6))
    (item,), _ = staged(tmp_path, Repair(OnDemand("fake", "unit_test"), engine, 2),
                        failing_tests(unit_test(5), unit_test(7)))
    assert [(test["sample"], test["repaired"]) for test in item["tests"]] == [(0, 2), (1, 2)]
    assert len(teacher.asked) == 3


def test_an_unanswered_repair_alone_is_asked_for_again(tmp_path: Path, teacher: Teacher, engine: Engine) -> None:
    busy = [True]

    def answer(chat: str, seed: int) -> str:
        if busy[0] and "f(2), 7)" in chat:
            raise ReplyError("busy")
        return fenced(unit_test(4 if any(f"f(2), {value})" in chat for value in (50, 70, 90)) else
                                70 if "f(2), 7)" in chat else 50 if "f(2), 5)" in chat else 90))

    teacher.answer = answer
    items = failing_tests(unit_test(5), unit_test(7), unit_test(9))
    stage = Repair(OnDemand("fake", "unit_test"), engine, 2)
    (item,), tally = staged(tmp_path, stage, items)
    assert ([test["sample"] for test in item["tests"]], tally.dropped) == ([0, 2], {"no_reply": 1})
    busy[0] = False
    (item,), tally = staged(tmp_path, stage, items)
    assert [(test["sample"], test["repaired"]) for test in item["tests"]] == [(0, 2), (1, 2), (2, 2)]
    assert set(teacher.answered.values()) == {1} and len(teacher.answered) == 6
