"""The HTML report as a file: self-contained, escaped, complete."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from report_runs import HOSTILE, synthetic_run

from coderm.errors import InputError, MissingExtra
from coderm.matrix import RewardMatrix
from coderm.records import Problem
from coderm.report.page import write_report
from coderm.runs import Run


class Page(HTMLParser):
    """Tags with attributes, and the text of the script and style elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.blocks.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.blocks and self.cdata_elem:
            tag, attributes, text = self.blocks[-1]
            self.blocks[-1] = (tag, attributes, text + data)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return synthetic_run(tmp_path_factory.mktemp("runs") / "made-up", problems=10, n=12, m=9)


@pytest.fixture(scope="module")
def page(run: Run) -> Page:
    return Page(write_report(run, run.path / "report.html").read_text(encoding="utf-8"))


def unpack(page: Page, name: str) -> bytes:
    text = next(text for _, attributes, text in page.blocks if attributes.get("id") == name)
    return zlib.decompress(base64.b64decode(text))


def test_words_have_no_markup_of_their_own_and_agree_with_their_number(tmp_path: Path) -> None:
    run = synthetic_run(tmp_path / "run", problems=1, n=4, m=3)
    text = write_report(run, tmp_path / "out.html").read_text("utf-8")
    words = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert "`" not in words and "1 problem, each with 4 solutions and 3 unit tests" in words


def test_only_its_own_script_and_style_may_run(page: Page) -> None:
    policy = next(a["content"] or "" for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
    for kind in ("script", "style"):
        inline = [text for tag, attributes, text in page.blocks if tag == kind and "type" not in attributes]
        assert len(inline) == 1
        digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_nothing_is_loaded_and_nothing_is_scripted_inline(page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("src", "style", "srcdoc"), (tag, name)
            if name == "href":
                assert value and value.startswith("#")


def test_script_never_parses_text_as_html(page: Page) -> None:
    script = next(text for tag, attributes, text in page.blocks if tag == "script" and "type" not in attributes)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function|fetch|import\(", script)


def test_hostile_texts_come_back_unchanged_from_the_packed_data(page: Page, run: Run) -> None:
    payload = json.loads(unpack(page, "problem-3"))
    shown = [payload["solutions"][k] for k in payload["row_text"]]
    assert [shown[payload["rows"].index(i)] for i in range(len(HOSTILE))] == list(HOSTILE)


def test_hostile_names_and_prompts_are_escaped(tmp_path: Path) -> None:
    evil = "</title></script><script>alert(1)</script><!-- {{ 7*7 }} \u2028 \ud800 \" onload='x'"
    task = evil.replace("\ud800", "")
    run = Run.create(tmp_path / "run", dataset=evil, policy=evil)
    with run:
        run.add_problems([Problem(task, evil)])
        run.append("solutions", [{"task_id": task, "solutions": [evil]}])
        run.append("unit_tests", [{"task_id": task, "unit_tests": [evil]}])
        run.save_matrix(task, RewardMatrix.from_verdicts([[1]], reasons=(evil,)))
    page = Page(write_report(run, tmp_path / "out.html").read_text(encoding="utf-8"))
    assert sum(tag == "script" and "type" not in a for tag, a in page.tags) == 1
    assert {name for _, a in page.tags for name in a if name.startswith("on")} == set()
    assert "49" not in json.loads(unpack(page, "problem-0"))["prompt"]


def test_planes_hold_every_verdict_once_sorted_by_votes(page: Page, run: Run) -> None:
    plane = np.frombuffer(unpack(page, "planes"), np.uint8).reshape(10, 12, 10)
    for k in range(10):
        task, payload = f"Made/{k}", json.loads(unpack(page, f"problem-{k}"))
        matrix, labels = run.matrix(task), run.labels()[task]
        assert matrix is not None
        np.testing.assert_array_equal(plane[k, :, 1:], matrix.codes[np.ix_(payload["rows"], payload["columns"])])
        assert plane[k, :, 0].tolist() == [labels[i] for i in payload["rows"]]
        votes = (plane[k, :, 1:] == 9).sum(axis=1)
        assert (np.diff(votes) <= 0).all()
        assert votes[payload["chosen"]] == votes.max()


def test_run_without_labels_tests_or_matrices(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    with run:
        run.add_problems([Problem("a", "prose"), Problem("b", "prose")])
        run.append("solutions", [{"task_id": t, "solutions": ["x = 1", "x = 2"]} for t in "ab"])
        run.append("unit_tests", [{"task_id": "a", "unit_tests": ["t"]}, {"task_id": "b", "unit_tests": ["t"]}])
        with pytest.raises(InputError, match="executed yet"):
            write_report(run, tmp_path / "out.html")
        run.append("solutions", [{"task_id": "c", "solutions": ["x = 3"]}])
    assert "not known" in write_report(run, tmp_path / "out.html").read_text()


def test_without_the_template_engine_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtra, match=r"coderm\[report\]"):
        write_report(run, run.path / "report.html")


def test_rules_over_behaviour_survive_a_problem_without_tests(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    with run:
        run.add_problems([Problem(t, "prose") for t in "ab"])
        run.append("solutions", [{"task_id": t, "solutions": ["x = 1", "x = 2"]} for t in "ab"])
        run.append("unit_tests", [{"task_id": "a", "unit_tests": ["t"]}, {"task_id": "b", "unit_tests": []}])
        run.append("labels", [{"task_id": t, "correct": [True, False]} for t in "ab"])
        run.save_matrix("a", RewardMatrix.from_verdicts([[9], [8]], behaviour=np.array([[5], [6]]),
                                                        calls=np.array([[True]])))
    html = write_report(run, tmp_path / "out.html").read_text()
    assert "<td>srank</td>" in html and html.count("<details class=\"problem") == 2


def test_files_that_disagree_are_an_error(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    with run:
        run.add_problems([Problem("a", "prose")])
        run.append("solutions", [{"task_id": "a", "solutions": ["x = 1"]}])
        run.append("unit_tests", [{"task_id": "a", "unit_tests": ["t"]}])
        run.save_matrix("a", RewardMatrix.from_passed(np.zeros((2, 1))))
    with pytest.raises(InputError, match="2 x 1 cells"):
        write_report(run, tmp_path / "out.html")
