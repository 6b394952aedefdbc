"""A deterministic stand-in for a language model: it knows the problems of data/tiny.jsonl and answers like a small one.

Its solutions are right about half the time and plausibly wrong otherwise, one unit test in four expects something
false, and replies come wrapped in prose or not. The seed and the chat decide everything.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from importlib.resources import files
from types import TracebackType
from typing import Any

from coderm.generate.models import Completion, Kind, Message, Model, Sampling

_WRAPPINGS = [
    "```python\n{code}```",
    "Here is the code:\n\n```python\n{code}```\n",
    "```python\n{code}```\n\nIt handles the edge cases that the problem names.",
    "Sure!\n```py\n{code}```",
]


class FakeModel(Model):
    """Writes solutions or unit tests for tiny problems; see `coderm.generate.models.Model`."""

    spec, concurrency, batch = "fake", 4, 1

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        lines = (files("coderm.data") / "tiny.jsonl").read_text().splitlines()
        self._known: dict[str, dict[str, Any]] = {row["entry_point"]: row for row in map(json.loads, lines)}

    def __enter__(self) -> FakeModel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        return None

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """One completion; a problem it does not know gets an honest stub and a test that says little."""
        chat = "\n".join(message["content"] for message in messages)
        rng = random.Random(f"{sampling.seed} {chat}")
        row = next((row for name, row in self._known.items() if re.search(rf"\b{name}\(|`{name}`", chat)), None)
        if row is None:
            code = self._unknown(chat)
        else:
            code = self._solution(row, rng) if self.kind == "solution" else self._unit_test(row, rng)
        text = rng.choice(_WRAPPINGS).replace("{code}", code)
        return [Completion(text, len(chat) // 4, len(text) // 4, "stop")]

    def _solution(self, row: dict[str, Any], rng: random.Random) -> str:
        return str(row["reference"] if rng.random() < 0.5 else rng.choice(row["wrong"]))

    def _unit_test(self, row: dict[str, Any], rng: random.Random) -> str:
        cases = rng.sample(row["cases"], 3)
        if rng.random() < 0.25:
            cases[0] = [cases[0][0], rng.choice([value for call, value in row["cases"] if value != cases[0][1]])]
        methods = "".join(f"    def test_{k}(self):\n        self.assertEqual({call}, {value})\n\n"
                          for k, (call, value) in enumerate(cases, 1))
        return f"import unittest\n\n\nclass Test(unittest.TestCase):\n{methods}"

    def _unknown(self, chat: str) -> str:
        match = re.search(r"def (\w+)\(", chat) or re.search(r"`(\w+)`", chat)
        name = match[1] if match else "solution"
        if self.kind == "solution":
            return f"def {name}(*args):\n    return None\n"
        return (f"import unittest\n\n\nclass Test(unittest.TestCase):\n    def test_defined(self):\n"
                f"        self.assertTrue(callable({name}))\n")
