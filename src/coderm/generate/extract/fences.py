"""Where the code stands in a chat reply: reasoning is set aside, fenced blocks are found, line by line, in one pass."""

from __future__ import annotations

import re
from dataclasses import dataclass

from coderm.generate.extract.source import newlines

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*(.*)")
_PYTHON_TAG = re.compile(r"(?:python|py)(?:\d(?:\.\d+)?)?", re.IGNORECASE)
_CODE_START = re.compile(r"(?:def|class|async|from|import|@\w)\b")
_REASONING = ("think", "thinking", "thought", "reasoning")


@dataclass(frozen=True)
class Block:
    """One piece of a reply that may be code."""

    text: str
    tag: str = ""
    """First word after the opening fence, lower case; "" where there is none."""
    closed: bool = True
    """False where the reply ended, or the next block began, before the closing fence."""

    @property
    def python(self) -> bool:
        """Whether the fence calls its content Python."""
        return is_python_tag(self.tag)


def is_python_tag(word: str) -> bool:
    """Whether a fence's tag means Python, in the spellings models use."""
    return _PYTHON_TAG.fullmatch(word) is not None


def answer(reply: str) -> str | None:
    """The reply after its reasoning block, newlines normalised; None where the reasoning never ended.

    Reasoning stands at the very start, or its opening tag was part of the prompt and only the closing tag,
    at the edge of a line, is left. Anywhere else the tags belong to the answer.
    """
    text = newlines(reply)
    for tag in _REASONING:
        opening, closing = f"<{tag}>", f"</{tag}>"
        end = text.find(closing)
        if text.lstrip().startswith(opening):
            if end < 0:
                return None
            return text[end + len(closing):]
        if end >= 0 and opening not in text[:end]:
            line_start = text.rfind("\n", 0, end) + 1
            line_end = (text + "\n").find("\n", end)
            if not text[line_start:end].strip() or not text[end + len(closing):line_end].strip():
                return text[end + len(closing):]
    return text


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a reply in order, blank ones left out.

    Forgiving where models are careless: an opening fence directly after another one (```markdown around
    ```python, or a tag repeated) replaces it; a Python fence inside an unclosed block starts a new block; a
    closing fence indented by four or more than its opening (a docstring's own fence) is content.
    """
    found: list[Block] = []
    lines: list[str] = []
    indent, marker, tag = 0, "", ""

    def finish(closed: bool) -> None:
        content = "\n".join(_dedent(line, indent) for line in _without_tag_line(lines))
        if content.strip():
            found.append(Block(content, tag, closed))

    for line in text.split("\n"):
        match = _FENCE.fullmatch(line)
        if match is None or (match[2][0] == "`" and "`" in match[3]):
            lines.append(line)
            continue
        info = match[3].strip()
        if not marker:
            indent, marker, tag, lines = len(match[1]), match[2], *_opening(info)
        elif match[2][0] != marker[0] or len(match[2]) < len(marker) or len(match[1]) > indent + 3:
            lines.append(line)
        elif not any(rest.strip() for rest in _without_tag_line(lines)):
            marker = match[2]
            if info:
                indent, tag, lines = len(match[1]), *_opening(info)
        elif not info:
            finish(closed=True)
            marker, lines = "", []
        elif is_python_tag(_opening(info)[0]):
            finish(closed=False)
            indent, marker, tag, lines = len(match[1]), match[2], *_opening(info)
        else:
            lines.append(line)
    if marker:
        finish(closed=False)
    return found


def loose_code(text: str, limit: int = 5) -> list[Block]:
    """Where a reply has no fence: what follows each of the first `limit` lines that could begin a program."""
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if _CODE_START.match(line)]
    return [Block("\n".join(lines[start:]), closed=False) for start in starts[:limit]]


def _opening(info: str) -> tuple[str, list[str]]:
    """The tag of an opening fence, and the first line of code where code follows the fence directly."""
    if _CODE_START.match(info):
        return "", [info]
    word = re.match(r"\{?\.?([^\s{}:,=]*)", info)
    return (word[1].lower() if word else ""), []


def _without_tag_line(lines: list[str]) -> list[str]:
    """Without blank lines and lines of nothing but a Python tag at the head: models put the tag there too."""
    for i, line in enumerate(lines):
        if line.strip() and not is_python_tag(line.strip()):
            return lines[i:]
    return []


def _dedent(line: str, indent: int) -> str:
    """Without the indentation of the fence itself, as far as the line has it."""
    return line[min(indent, len(line) - len(line.lstrip(" \t"))):]
