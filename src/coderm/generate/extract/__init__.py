"""Candidate solutions and unit tests out of raw model replies. Everything is parsed, nothing is ever executed.

Two rules, by the name of the protocol: "paper" is CodeRM's strict one (`extract.paper`), "default" takes what an
honest reply offers however it is wrapped (`extract.solutions`, `extract.unit_tests`). docs/extraction.md says
what each of them does with what.
"""

from __future__ import annotations

from coderm.generate.extract import paper, solutions, unit_tests
from coderm.generate.extract.result import Extraction, Reason, summarise
from coderm.records import Protocol

__all__ = ["Extraction", "Reason", "extract_solution", "extract_unit_test", "summarise"]


def extract_solution(reply: str, *, protocol: Protocol = "default", entry_point: str | None = None) -> Extraction:
    """The candidate solution in a raw reply. Never raises, whatever the text.

    `entry_point` is the function asked for; None where it is unknown or the solution is a whole program that
    reads standard input. Protocol "paper" ignores it.
    """
    return paper.solution(reply) if protocol == "paper" else solutions.solution(reply, entry_point)


def extract_unit_test(reply: str, *, protocol: Protocol = "default", entry_point: str | None = None) -> Extraction:
    """The unit test in a raw reply: a text whose TestCase classes must all pass. Never raises, whatever the text.

    `entry_point` is the function under test; under "default" the text never binds it, so that a pasted copy of
    a solution cannot stand in for the candidate. Protocol "paper" ignores it.
    """
    return paper.unit_test(reply) if protocol == "paper" else unit_tests.unit_test(reply, entry_point)
