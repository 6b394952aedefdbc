"""One run as one self-contained HTML file: no network, no script but our own, model output as packed data.

What a model wrote stands in the file base64-encoded, is unpacked when a problem is opened and reaches the document
as text nodes only; what is rendered here is escaped by the template engine. A content security policy that names
our one script and our one style sheet by hash stands behind both.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from coderm.errors import MissingExtra
from coderm.progress import Progress
from coderm.report.cases import Case, telling_tests
from coderm.runs import Run, whole

_RIVAL = {"lost": "Passed over", "shared": "Tied with it", "won": "Best wrong one", "hopeless": "Next in votes",
          "unlabelled": "Next in votes"}


def write_report(run: Run, out: Path) -> Path:
    """Write the report of a run. Raises InputError where nothing was executed yet, MissingExtra without jinja2."""
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError:
        raise MissingExtra("report", "jinja2") from None
    from coderm.report.summary import summarise

    planes, payloads = [], []
    with Progress("reporting", None) as progress:
        summary = summarise(run, progress)
    for case in summary.cases:
        columns = case.column_order()
        rows = case.row_order(columns)
        planes.append(_plane(case, rows, columns))
        command = f"coderm explain {quote(run.path.name)} {quote(case.problem.task_id)}"
        payloads.append(pack(json.dumps(_payload(case, rows, columns) | {"explain": command}).encode()))
    resources = files("coderm.report")
    script, style = ((resources / name).read_text("utf-8") for name in ("page.js", "page.css"))
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
        (resources / "page.html.j2").read_text("utf-8"))
    html = template.render(s=summary, planes=pack(b"".join(planes)), payloads=payloads,
                           script=Markup(script), script_hash=_hash(script),
                           style=Markup(style), style_hash=_hash(style))
    with whole(out) as file:
        file.write(html.encode(errors="backslashreplace"))
    return out


def pack(data: bytes) -> str:
    """Deflate and base64: what `inflate` in page.js unpacks."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


def _hash(text: str) -> str:
    """The source expression that lets exactly this inline text run under a content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _plane(case: Case, rows: Any, columns: Any) -> bytes:
    """N rows of M + 1 bytes, sorted: 1 correct, 0 wrong, 2 unknown, then the verdict codes."""
    flags = np.full(len(rows), 2, np.uint8) if case.correct is None else case.correct[rows].astype(np.uint8)
    return np.column_stack([flags, case.matrix.codes[np.ix_(rows, columns)]]).astype(np.uint8).tobytes()


def _payload(case: Case, rows: Any, columns: Any) -> dict[str, Any]:
    """What the page needs of a problem beyond its plane; candidates and tests by their place after sorting."""
    place = {int(i): k for k, i in enumerate(rows)}
    column = {int(j): k for k, j in enumerate(columns)}
    solutions_of, tests_of = case.task.context.solutions or [], case.task.context.unit_tests or []
    solutions, row_text = _distinct([solutions_of[i] for i in rows])
    tests, column_text = _distinct([tests_of[j] for j in columns])
    return {
        "prompt": case.problem.prompt,
        "rows": rows.tolist(), "votes": case.votes[rows].tolist(), "columns": columns.tolist(),
        "solutions": solutions, "row_text": row_text, "tests": tests, "column_text": column_text,
        "reasons": [case.matrix.reasons[j] for j in columns],
        "chosen": place[case.champion], "tied": len(case.chosen),
        "rival": None if case.rival is None else place[case.rival], "rival_is": _RIVAL[case.outcome],
        "telling": [{"column": column[t.index], "helps": t.helps, "caption": t.caption} for t in telling_tests(case)],
    }


def _distinct(texts: list[str]) -> tuple[list[str], list[int]]:
    """The distinct texts and, for each text, which of them it is."""
    place = {text: k for k, text in enumerate(dict.fromkeys(texts))}
    return list(place), [place[text] for text in texts]
