"""Step 2, reformatting: a precise question, a solution reduced to its function, one entry name for both.

A program that reads standard input becomes a function and a short `main` around it; the program's own examples
decide whether the two still do the same, then `main` goes (Ma et al. 2025, §3.1, for TACO).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from coderm.execute import Engine
from coderm.generate.extract import extract_solution
from coderm.problems.stdin import as_function
from coderm.synthesize import syntax
from coderm.synthesize.asking import OnDemand, ask, in_parallel
from coderm.synthesize.pipeline import NO_REPLY, Item, Outcome
from coderm.synthesize.prompts import FUNCTION, QUESTION, SOLUTION


class Reformat:
    """Stage: replaces question, solution and entry_point; adds declaration.

    Drops: no_reply, no_entry_point (the solution defines no function to speak of), no_code (no usable code in the
    reply), wrong_function (the reply lacks the function, or the program's function cannot be told), question_unnamed
    (a program's rewritten question does not name the function; any other keeps its own words then),
    behaves_differently (fails the source's examples or ground truth).
    """

    name, unit = "reformat", "problem"

    def __init__(self, teacher: OnDemand, engine: Engine) -> None:
        self.teacher, self.engine = teacher, engine

    def settings(self) -> Item:
        """The teacher and the prompts."""
        return {"teacher": self.teacher.spec, "prompts": [QUESTION.label, SOLUTION.label, FUNCTION.label]}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item; the teacher works ahead of the engine."""
        items = list(items)
        for item, outcome in zip(items, in_parallel(self._rewrite, items, self.teacher), strict=True):
            yield self._checked(item, outcome)

    def _rewrite(self, item: Item) -> Outcome:
        tree = syntax.parse(item["solution"])
        entry = item["entry_point"] or (syntax.entry_point(tree) if tree else None)
        if entry is None and not item["examples"]:
            return Outcome(dropped="no_entry_point")
        prompt = FUNCTION if item["examples"] else SOLUTION
        replies = ask(self.teacher, prompt.messages(question=item["question"], solution=item["solution"]))
        if replies[0] is None:
            return Outcome(dropped=NO_REPLY, replies=replies)
        code = extract_solution(replies[0]).text
        tree = syntax.parse(code) if code else None
        if code is None or tree is None:
            return Outcome(dropped="no_code", replies=replies)
        defined = syntax.functions(tree)
        if item["examples"]:
            entry = computing_function(tree)
        if entry is None or entry not in defined:
            return Outcome(dropped="wrong_function", replies=replies)
        declared = syntax.declaration(defined[entry])
        replies += ask(self.teacher, QUESTION.messages(question=item["question"], entry_point=entry,
                                                       declaration=declared))
        if replies[-1] is None:
            return Outcome(dropped=NO_REPLY, replies=replies)
        question = replies[-1].strip()
        if entry not in question:
            if item["examples"]:
                return Outcome(dropped="question_unnamed", replies=replies)
            # a refusal, or a rewriting that forgot the name: the source's own words are safer
            question = f"{item['question'].strip()}\n\nThe function is declared as `{declared}`."
        return Outcome({"question": question, "original_question": item["question"],
                        "solution": only_code(code, tree), "entry_point": entry, "declaration": declared,
                        "main": ast.unparse(defined["main"]) if "main" in defined else None}, replies=replies)

    def _checked(self, item: Item, outcome: Outcome) -> Outcome:
        if outcome.dropped:
            return outcome
        solution, main = outcome.values["solution"], outcome.values["main"]
        if item["examples"]:
            code, tests = as_function(f"{solution}\n\n{main}\n\nmain()\n"), [example_test(item["examples"])]
        else:
            code, tests = solution, item["ground_truth"]
        if tests and not self.engine.execute([code], tests).passed.all():
            return Outcome(dropped="behaves_differently", replies=outcome.replies)
        return outcome


def computing_function(tree: ast.Module) -> str | None:
    """The function that computes, in a program of functions and a `main`: the last other one that `main` calls."""
    named = syntax.functions(tree)
    if "main" not in named:
        return None
    called = syntax.names(named["main"])
    return next((name for name in reversed(named) if name in called and name != "main"), None)


def only_code(text: str, tree: ast.Module) -> str:
    """The module without `main`, loose calls, asserts and the `__name__` guard, comments kept where that is easy."""
    def surplus(node: ast.stmt) -> bool:
        return isinstance(node, ast.Expr | ast.If | ast.Assert) or getattr(node, "name", None) == "main"

    body = ast.Module(body=[node for node in tree.body if not surplus(node)], type_ignores=[])
    lines = text.splitlines()
    for node in reversed([node for node in tree.body if surplus(node)]):
        del lines[node.lineno - 1:node.end_lineno]
    kept = "\n".join(lines).strip()
    again = syntax.parse(kept)
    # statements that shared a line, or a decorator left behind: the tree decides
    return kept if again is not None and ast.dump(again) == ast.dump(body) else ast.unparse(body)


def example_test(examples: list[list[str]]) -> str:
    """A unit test of `run_program(stdin) -> stdout` on examples; white space at line ends does not count."""
    return "\n".join([
        "import unittest",
        "class TestExamples(unittest.TestCase):",
        "    def test_examples(self):",
        f"        for given, wanted in {examples!r}:",
        "            self.assertEqual([line.split() for line in run_program(given).strip().splitlines()],",
        "                             [line.split() for line in wanted.strip().splitlines()])",
    ])
