"""From a reply to the programs in it: every block that compiles, or the word for why there is none."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coderm.generate.extract import fences, paper
from coderm.generate.extract.result import Extraction, Reason
from coderm.generate.extract.source import MAX_CODE, Program, breaks_off, parse, parse_block, parse_cut

_BUILTINS = frozenset(dir(builtins))
MAX_BLOCKS = 64
"""Blocks of one reply that are looked at, from its end."""


@dataclass(frozen=True)
class Candidate:
    """A program found in a reply, and the block it came from."""

    program: Program
    block: fences.Block


def extract(reply: str, choose: Callable[[list[Candidate]], Extraction], *, whole_statements: bool) -> Extraction:
    """What `choose` makes of the programs of a reply, the one in the strict rule's only fence as a last resort.

    So whatever CodeRM's rule takes, and takes rightly, comes out, however oddly the rest of the reply is fenced.
    """
    text = fences.answer(reply)
    if not reply.strip() or text is None:
        return Extraction(reason="empty" if text is not None else "no_answer")
    found, reason = _programs(text, whole_statements=whole_statements)
    outcome = choose(found) if found else Extraction(reason=reason)
    only = None if outcome.text is not None else parse(paper.solution(text).text or "")
    if only is not None and only.tree.body:
        again = choose([Candidate(only, fences.Block(only.text))])
        outcome = outcome if again.text is None else again
    return outcome


def _programs(text: str, *, whole_statements: bool) -> tuple[list[Candidate], Reason | None]:
    """The programs of an answer in order; where there is none, why.

    A block whose fence never closed is cut where it breaks off (`source.parse_cut`). A closed block has to
    compile as it is, but with `whole_statements` what stands complete before an error counts too: a function is
    no worse for a demonstration below it that is no Python. A reply without any fence is tried as a program.
    """
    blocks = fences.blocks(text)
    if not blocks:
        whole = parse(text)
        if whole is not None and whole.tree.body:
            return [Candidate(whole, fences.Block(text))], None
        blocks = fences.loose_code(text)
        if not blocks:
            return [], "no_code"
    found = []
    for block in blocks[-MAX_BLOCKS:]:
        code = block.text if block.closed or whole_statements else _without_half_line(block.text)
        program = parse_block(code)
        if program is None and (whole_statements or not block.closed):
            program = parse_cut(code, whole_statements=whole_statements)
        elif program is not None and whole_statements and not block.closed and breaks_off(program):
            program = program.without(program.tree.body[-1:])
        if program is not None and program.tree.body:
            found.append(Candidate(program, block))
    if found:
        return found, None
    if any(len(block.text) > MAX_CODE for block in blocks):
        return [], "too_long"
    return [], "syntax" if all(block.closed for block in blocks) else "truncated"


def with_missing_names(chosen: Candidate, found: Sequence[Candidate]) -> Program:
    """The chosen program behind those others that define names it needs: earlier ones, nearest first, then later."""
    program = chosen.program
    at = found.index(chosen)
    for candidate in [*reversed(found[:at]), *found[at + 1:]]:
        missing = program.reads - program.binds - _BUILTINS
        if missing & candidate.program.binds:
            program = parse(f"{candidate.program.text}\n\n{program.text}") or program
    return program


def _without_half_line(code: str) -> str:
    """Without a last line that may be half of one and compile all the same (`assert f(1) == 1`2, `self.assertEq`)."""
    head, _, last = code.rpartition("\n")
    return head if last.lstrip().startswith("assert ") or not last.rstrip().endswith(")") else code
