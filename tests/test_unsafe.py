"""The degraded mode: without namespaces, and saying so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from coderm import Engine
from coderm.execute.inside.landlock import version
from coderm.records import Problem
from coderm.runs import Run

TEST = "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(), 1)\n"


@pytest.mark.parametrize("isolation", ["shared", "split"])
def test_files_are_out_of_reach_where_the_kernel_can_do_that(tmp_path: Path, isolation: str) -> None:
    if not version():
        pytest.skip("this kernel has no Landlock")
    (tmp_path / "secret").write_text("s")
    (tmp_path / "mine").touch()
    tried = [f"open({str(tmp_path / 'secret')!r}).read()", f"os.listdir({str(tmp_path)!r})",
             f"open({str(tmp_path / 'mine')!r}, 'w')", f"os.truncate({str(tmp_path / 'mine')!r}, 9)",
             f"os.unlink({str(tmp_path / 'mine')!r})", f"os.symlink('x', {str(tmp_path / 'link')!r})",
             f"os.rename({str(tmp_path / 'mine')!r}, 'here')"]
    refused = [f"import os\ndef f():\n    try: {line}\n    except OSError: return 1\n" for line in tried]
    honest = ["import os, tempfile\ndef f():\n    with tempfile.TemporaryFile() as g: g.write(b'x')\n    return 1\n",
              "import os\ndef f():\n    os.mkdir('d'); open('d/x', 'w').write('y'); return len(open('d/x').read())\n",
              "import multiprocessing\ndef f():\n    with multiprocessing.Lock(): return 1\n",
              "import xml.dom.minidom, random\ndef f(): return random.SystemRandom().randint(1, 1)\n"]
    with Engine(isolation, workers=1, unsafe=True) as engine:  # type: ignore[arg-type]
        matrix = engine.execute([*refused, *honest], [TEST])
    assert matrix.verdicts[:, 0].tolist() == ["pass"] * len(matrix.verdicts)
    assert matrix.info["unsafe"] and (tmp_path / "mine").read_bytes() == b""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "secret"]


def test_it_is_said_aloud(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r")
    with run:
        run.add_problems([Problem("t/0", "one")])
        run.append("solutions", [{"task_id": "t/0", "solutions": ["def f(): return 1\n"]}])
        run.append("unit_tests", [{"task_id": "t/0", "unit_tests": [TEST]}])
    command = [sys.executable, "-m", "coderm", "execute", str(run.path), "--json"]
    done = subprocess.run([*command, "--unsafe"], capture_output=True, text=True, check=True)
    assert "WITHOUT THE JAIL" in done.stderr and json.loads(done.stdout)["settings"]["unsafe"] is True
    assert "WITHOUT THE JAIL" not in subprocess.run([*command, "--redo"], capture_output=True, text=True).stderr
