"""CodeRM's own extraction rule, kept to the letter for faithful replays (Ma et al. 2025, released code).

One ```python fence, or where there is none one bare fence, else the reply is dropped. A solution is the content
as it stands, whether or not it compiles. A unit test must parse and hold exactly one class, nested ones counted;
all its imports are hoisted, lines `from your_module import name` and the `__main__` guard in its two plain
spellings go, and of the rest only what runs from the first class to the next top-level function is kept. Where
the class is the text's very first line the released code loses it; so does this.
"""

from __future__ import annotations

import ast
import re
import warnings

from coderm.generate.extract.result import Extraction
from coderm.generate.extract.source import MAX_CODE

_YOUR_MODULE = re.compile(r"^from\s+your_module\s+import\s+\w+(?:\s+#.*)?$", re.MULTILINE)


def solution(reply: str) -> Extraction:
    """The content of the one fence."""
    contents = _fenced(reply, "```python\n") or _fenced(reply, "```\n")
    if len(contents) == 1:
        return Extraction(contents[0])
    return Extraction(reason="several_fences" if contents else "no_code")


def unit_test(reply: str) -> Extraction:
    """The one class of the one fence, with every import of the text before it."""
    outcome = solution(reply)
    code = outcome.text
    if code is None:
        return outcome
    if len(code) > MAX_CODE:
        return Extraction(reason="too_long")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Extraction(reason="syntax")
    classes = sum(isinstance(node, ast.ClassDef) for node in ast.walk(tree))
    if classes != 1:
        return Extraction(reason="several_classes" if classes else "no_test")
    for quote in "'\"":
        code = code.replace(f"if __name__ == {quote}__main__{quote}:\n    unittest.main()", "")
    code = _YOUR_MODULE.sub("", code)
    imports = "\n".join(_imports(code))
    code = code[code.find("\nclass"):]
    if "\ndef" in code:
        lines = code[:code.find("\ndef")].splitlines()
        while "#" in lines[-1]:
            lines.pop()
        code = "\n".join(lines)
    return Extraction(f"{imports}\n{code}".rstrip("\n"))


def _fenced(reply: str, opening: str) -> list[str]:
    """What stands between each opening and the next closing fence, found left to right."""
    contents = []
    at = reply.find(opening)
    while at >= 0:
        start = at + len(opening)
        end = reply.find("\n```", start)
        if end < 0:
            break
        contents.append(reply[start:end])
        at = reply.find(opening, end + len("\n```"))
    return contents


def _imports(code: str) -> list[str]:
    """Every import of the text, nested ones too, one name a line; `import unittest` alone where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ["import unittest"]
    lines = []
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            head = f"from {node.module} import" if isinstance(node, ast.ImportFrom) else "import"
            lines += [f"{head} {a.name}" + (f" as {a.asname}" if a.asname else "") for a in node.names]
    return lines
