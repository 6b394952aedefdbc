"""Split mode: streams that a test puts in place of stdin and stdout, or passes to the candidate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hazard_cases import unit_test

from coderm.execute import Engine

HEAD = "import io, sys\nfrom unittest import mock\nfrom unittest.mock import patch\n"
READS_LINE = "import sys\ndef f(): return int(sys.stdin.readline())"
READS_BUFFER = "import sys\ndef f(): return [int(n) for n in sys.stdin.buffer.read().split()]"
# name -> (solution, body of the test method)
CASES: dict[str, tuple[str, str]] = {
    "readline patched": (READS_LINE, "with patch('sys.stdin.readline', side_effect=['1\\n', '2\\n']):\n"
                                     "    self.assertEqual((f(), f()), (1, 2))"),
    "readline patched for input": ("def f(): return int(input())", "with patch('sys.stdin.readline', side_effect=['1\\n']):\n"
                                                                   "    self.assertEqual(f(), 1)"),
    "read patched": ("import sys\ndef f(): return sys.stdin.read()", "with patch('sys.stdin.read', return_value='1 2'):\n"
                                                                     "    self.assertEqual(f(), '1 2')"),
    "buffer of stdin": (READS_BUFFER, "with patch('sys.stdin', io.TextIOWrapper(io.BytesIO(b'1 2'))):\n"
                                      "    self.assertEqual(f(), [1, 2])"),
    "no buffer": (READS_BUFFER, "with patch('sys.stdin', io.StringIO('1 2')):\n    self.assertRaises(AttributeError, f)"),
    "buffer of a mock": (READS_BUFFER, "with patch('sys.stdin', mock.Mock(buffer=io.BytesIO(b'1 2'))):\n"
                                       "    self.assertEqual(f(), [1, 2])"),
    "buffer of stdout": ("import sys\ndef f():\n    print('a'); sys.stdout.buffer.write(b'b')",
                         "out = io.TextIOWrapper(io.BytesIO(), write_through=True)\nwith patch('sys.stdout', out): f()\n"
                         "self.assertEqual(out.buffer.getvalue(), b'a\\nb')"),
    "a list of lines": ("import sys\ndef f(): return [int(line) for line in sys.stdin]",
                        "with patch('sys.stdin', ['1\\n', '2\\n']): self.assertEqual(f(), [1, 2])"),
    "stdout is a mock": ("def f(): print('a')", "with patch('sys.stdout') as out: f()\nout.write.assert_any_call('a')"),
    "write is a mock": ("def f(): print('a')", "with patch('sys.stdout.write') as write: f()\nwrite.assert_any_call('a')"),
    "read from an argument": ("import json\ndef f(s): return json.load(s)", "self.assertEqual(f(io.StringIO('[1]')), [1])"),
    "lines of an argument": ("def f(s): return [line.strip() for line in s]",
                             "self.assertEqual(f(io.StringIO('a\\nb')), ['a', 'b'])"),
    "written to an argument": ("def f(s):\n    s.write('a')\n    print('b', file=s)\n    return s",
                               "out = io.StringIO()\nself.assertIs(f(out), out)\nself.assertEqual(out.getvalue(), 'ab\\n')"),
    "a block of bytes": ("def f(s):\n    with s: return s.read()",
                         "s = io.BytesIO(b'\\xff')\nself.assertEqual(f(s), b'\\xff')\nself.assertTrue(s.closed)"),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("split", time_limit=2.0, workers=1) as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_streams_are_those_of_one_process(engine: Engine, name: str) -> None:
    solution, body = CASES[name]
    matrix = engine.execute([solution], [HEAD + unit_test(body)])
    assert matrix.verdicts[0, 0] == "pass", engine.explain(solution, HEAD + unit_test(body))


def test_a_stream_leads_to_nothing_else_of_the_tests(engine: Engine) -> None:
    solution = "def f(s):\n    return s._candidate.ask_judge(s.number, {!r}, (), {{}})"
    body = "s = mock.Mock(secret=lambda: 5)\nwith patch('sys.stdin', s):\n    self.assertEqual(g(), 5)"
    for method, verdict in (("secret", "error"), ("buffer.buffer.read", "error"), ("__class__", "error"), ("tell", "fail")):
        candidate = "import sys\n" + solution.format(method) + "\ndef g(): return f(sys.stdin)"
        assert engine.execute([candidate], [HEAD + unit_test(body)]).verdicts[0, 0] == verdict
