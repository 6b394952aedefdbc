"""The public names, pinned; what importing them must not load; the files' schema versions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import coderm
from coderm.errors import SchemaError
from coderm.runs import Run

NAMES = ["Engine", "RewardMatrix", "SELECTORS", "allocate", "best_of_n", "execute", "load", "score", "select", "solve"]


def test_the_public_names() -> None:
    assert sorted(coderm.__all__) == NAMES
    for name in NAMES:
        assert getattr(coderm, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        coderm.nothing  # noqa: B018


def test_names_survive_the_import_of_the_modules_behind_them() -> None:
    code = ("import coderm, coderm.execute.engine, coderm.choose, coderm.solver, coderm.scale, coderm.reward\n"
            "assert all(callable(getattr(coderm, n)) for n in ('execute', 'solve', 'best_of_n', 'allocate', 'score', 'select'))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command_lines_help_loads_nothing_heavy() -> None:
    code = ("import sys\nfrom coderm.cli import app\n"
            "print(sorted({'numpy', 'pyarrow', 'openai', 'torch', 'matplotlib', 'sklearn'} & sys.modules.keys()))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_newer_run_is_refused(tmp_path: Path) -> None:
    Run.create(tmp_path / "r")
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    (tmp_path / "r" / "config.json").write_text(json.dumps(config | {"schema": 99}))
    with pytest.raises(SchemaError, match="newer than this coderm"):
        Run(tmp_path / "r")
