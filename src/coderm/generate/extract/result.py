"""What extraction gives back: a text, or one short word for why there is none; and the count of those words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal[
    "empty",            # the reply is blank
    "no_answer",        # nothing but reasoning that never ended
    "no_code",          # nothing in the reply looks like a program
    "too_long",         # the code is longer than any we parse
    "syntax",           # code, but none that compiles
    "truncated",        # the reply breaks off before anything usable is complete
    "no_entry_point",   # solutions: the function asked for is not defined
    "no_test",          # unit tests: no test case
    "shadows",          # unit tests: replaces the function it should test, beyond what can be cut away
    "off_target",       # unit tests: never mentions the function it should test
    "several_fences",   # protocol paper: more than one block
    "several_classes",  # protocol paper: more than one class
]


@dataclass(frozen=True)
class Extraction:
    """The outcome for one reply: exactly one of `text` and `reason` is None."""

    text: str | None = None
    reason: Reason | None = None


def summarise(extractions: Iterable[Extraction]) -> dict[str, Any]:
    """How many replies gave something and why the others did not: {"replies", "usable", "reasons": {word: n}}.

    >>> summarise([Extraction("x = 1"), Extraction(reason="syntax"), Extraction(reason="syntax")])
    {'replies': 3, 'usable': 1, 'reasons': {'syntax': 2}}
    """
    reasons = [extraction.reason for extraction in extractions]
    counts = Counter(reason for reason in reasons if reason is not None)
    return {"replies": len(reasons), "usable": len(reasons) - counts.total(), "reasons": dict(counts.most_common())}
