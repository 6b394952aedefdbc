"""The run directory: everything one run reads and writes, append-only, safe to kill at any moment.

    RUN/config.json               schema version, protocol, how each stage was called
        problems.jsonl            Problem as JSON, one a line
        solution_replies.jsonl    raw model output, one reply a line   (unit_test_replies.jsonl likewise)
        solutions.jsonl           {"task_id", "solutions": [str]}
        unit_tests.jsonl          {"task_id", "unit_tests": [str]}
        labels.jsonl              {"task_id", "correct": [bool]}
        rewards/TASK.parquet      one reward matrix, written whole or not at all
        .lock                     held by the one process that may write

A line is written with one write() call and ends in a newline; a line cut short by a kill is dropped when the
file is next opened for appending. A last line that lacks no more than its newline is whole: another tool may leave it
away. Other files appear by rename.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import quote

import coderm
from coderm import tables
from coderm.errors import FormatError, InputError, RunLockedError, SchemaError
from coderm.matrix import RewardMatrix
from coderm.records import Problem

SCHEMA = 1


class Run:
    """A run directory, opened for reading; `with run:` takes the lock for writing."""

    def __init__(self, path: str | Path) -> None:
        """Open an existing run. Raises InputError where there is none, SchemaError where it is newer."""
        self.path = Path(path)
        if not (self.path / "config.json").is_file():
            raise InputError(f"{self.path}: not a run directory (no config.json); make one with `coderm import`, "
                             "`coderm generate` or `coderm run`")
        config = read_json(self.path / "config.json")
        schema = config.get("schema") if isinstance(config, dict) else None
        if not isinstance(schema, int):
            raise InputError(f"{self.path}: not a run directory (its config.json has no schema version); name another")
        if schema > SCHEMA:
            raise SchemaError(f"{self.path / 'config.json'}: schema version {schema} is newer than this coderm "
                              f"reads ({SCHEMA}); upgrade coderm")
        self.config: dict[str, Any] = config
        self._lock: IO[str] | None = None

    @classmethod
    def create(cls, path: str | Path, **config: Any) -> Run:
        """Make the directory (or open it where it exists already: its own config wins) and return the run."""
        path = Path(path)
        if not (path / "config.json").exists():
            if path.exists() and any(file.suffix != ".partial" for file in path.iterdir()):
                raise InputError(f"{path}: exists and is not a run directory; choose an empty or new folder")
            path.mkdir(parents=True, exist_ok=True)
            write_json(path / "config.json", {"schema": SCHEMA, "coderm": coderm.__version__} | config)
        return cls(path)

    @classmethod
    def resume(cls, path: str | Path, **config: Any) -> Run:
        """As `create`, for work that only goes on in its own run: InputError where the one there says otherwise."""
        run = cls.create(path, **config)
        if any(run.config.get(key) != value for key, value in config.items()):
            raise InputError(f"{path}: holds another run; choose a new folder")
        return run

    def __enter__(self) -> Run:
        self._lock = (self.path / ".lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            self._lock = None
            raise RunLockedError(f"{self.path}: another coderm is working on this run; wait for it or end it") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        assert self._lock is not None
        self._lock.close()
        self._lock = None

    def update_config(self, **config: Any) -> None:
        """Record more of how the run came about; keys replace earlier ones."""
        self.config |= config
        write_json(self.path / "config.json", self.config)

    # -- jsonl ---------------------------------------------------------------------------------------------

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """The rows of NAME.jsonl in order; nothing where the file is absent; a cut last line is passed over."""
        path = self.path / f"{name}.jsonl"
        return read_jsonl(path, tail_may_be_cut=True) if path.exists() else iter(())

    def append(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows to NAME.jsonl, each durable against a kill of this process when the call returns."""
        assert self._lock is not None, "append needs the lock: use `with run:`"
        path = self.path / f"{name}.jsonl"
        with path.open("ab+") as file:
            _end_last_line(file)
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=True).encode() + b"\n")
                file.flush()

    def replace(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """Write NAME.jsonl anew, by rename: a kill leaves the old file or the new one."""
        assert self._lock is not None, "replace needs the lock: use `with run:`"
        with whole(self.path / f"{name}.jsonl") as file:
            file.writelines(json.dumps(row, ensure_ascii=True).encode() + b"\n" for row in rows)

    # -- the stages' own rows ------------------------------------------------------------------------------

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Append problems; one that the run already holds (by task_id) is left as it is."""
        have = {p.task_id for p in self.problems()}
        self.append("problems", (dataclasses.asdict(p) for p in problems if p.task_id not in have))

    def problems(self) -> list[Problem]:
        """The problems in the order of the run."""
        names = {f.name for f in dataclasses.fields(Problem)}
        problems = []
        for place, _, row in _rows_of_tasks(self.path / "problems.jsonl"):
            fields: dict[str, Any] = {"ground_truth": []} | {name: row[name] for name in names & row.keys()}
            if not isinstance(fields.get("prompt"), str) or not _is_list(fields["ground_truth"], str):
                raise FormatError(f'{place}: expected {{"task_id": str, "prompt": str, "ground_truth": [str, ...]}}')
            problems.append(Problem(**fields | {"ground_truth": tuple(fields["ground_truth"])}))
        return problems

    def solutions(self) -> dict[str, list[str]]:
        """task_id -> candidate solutions."""
        return self._lists("solutions", "solutions", str)

    def unit_tests(self) -> dict[str, list[str]]:
        """task_id -> unit tests, with multiplicity."""
        return self._lists("unit_tests", "unit_tests", str)

    def texts(self, name: str) -> TextsOnDisk:
        """As `solutions` or `unit_tests`, whichever `name` says, one problem in memory at a time."""
        return TextsOnDisk(self.path / f"{name}.jsonl", name)

    def labels(self) -> dict[str, list[bool]]:
        """task_id -> whether each candidate solution is correct; problems without a known truth are absent."""
        return self._lists("labels", "correct", bool)

    def _lists(self, name: str, field: str, kind: type) -> dict[str, list[Any]]:
        return {task_id: values for task_id, _, values in _lists_of_tasks(self.path / f"{name}.jsonl", field, kind)}

    def command(self, verb: str) -> str:
        """The command line of a verb on this run, to be shown and pasted."""
        return f"coderm {verb} {shlex.quote(str(self.path))}"

    # -- reward matrices -----------------------------------------------------------------------------------

    def reward_path(self, task_id: str) -> Path:
        """Where the matrix of a problem stands."""
        return self.path / "rewards" / f"{quote(task_id, safe='')}.parquet"

    def save_matrix(self, task_id: str, matrix: RewardMatrix) -> None:
        """Write one problem's matrix, whole or not at all."""
        path = self.reward_path(task_id)
        path.parent.mkdir(exist_ok=True)
        with whole(path) as file:
            tables.write_matrix(file, task_id, matrix)

    def matrix(self, task_id: str) -> RewardMatrix | None:
        """One problem's matrix, or None where it was not executed yet."""
        path = self.reward_path(task_id)
        return tables.read_matrix(path) if path.exists() else None

    def matrix_shape(self, task_id: str) -> tuple[int, int] | None:
        """The shape of one problem's matrix without reading it, or None where there is none to be made out: it was
        not executed yet, or the file is damaged and to be made anew."""
        path = self.reward_path(task_id)
        with suppress(FormatError):
            if path.exists():
                n, m = tables.read_about(path)["shape"]
                return n, m
        return None

    def not_run(self, task_id: str) -> int:
        """How many cells of one problem's matrix did not run, without reading it; it was executed."""
        return int(tables.read_about(self.reward_path(task_id)).get("not_run", 0))


class TextsOnDisk(Mapping[str, list[str]]):
    """task_id -> texts of a jsonl file, read when asked for; the order is the file's."""

    def __init__(self, path: Path, field: str) -> None:
        self._path, self._field = path, field
        self._at = {task_id: (offset, len(texts)) for task_id, offset, texts in _lists_of_tasks(path, field, str)}

    def __getitem__(self, task_id: str) -> list[str]:
        with self._path.open("rb") as file:
            file.seek(self._at[task_id][0])
            texts: list[str] = json.loads(file.readline())[self._field]
        return texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def count(self, task_id: str) -> int:
        """How many texts a problem has."""
        return self._at[task_id][1]


def load(path: str | Path) -> Run:
    """Open a run to look at: its problems, solutions, unit tests, labels and matrices."""
    return Run(path)


def read_json(path: Path) -> Any:
    """Parse a JSON file, FormatError with file:line where it is broken."""
    try:
        return json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: not JSON: {error}") from None


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes its place by rename at the end, so that a kill leaves the old one or the new one.

    A link stays and what it points to is written; so is a pipe or a device, which no file may take the place of.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        yield file
    partial.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole."""
    with whole(path) as file:
        file.write(json.dumps(value, indent=2, sort_keys=True).encode() + b"\n")


def read_jsonl(path: Path, *, tail_may_be_cut: bool = False) -> Iterator[dict[str, Any]]:
    """The objects of a jsonl file, one a line, a `task_id` as text. Raises FormatError with file:line.

    A last line without its end is what a kill leaves behind: with `tail_may_be_cut` it is passed over.
    """
    return (row for _, _, row in _placed_rows(path, tail_may_be_cut))


def _rows_of_tasks(path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """As `_placed_rows`, of a run's own file: it may be absent or cut short, and every row names its problem."""
    for place, offset, row in _placed_rows(path, tail_may_be_cut=True) if path.exists() else ():
        if not isinstance(row.get("task_id"), str):
            raise FormatError(f"{place}: has no task_id that is a text")
        yield place, offset, row


def _lists_of_tasks(path: Path, field: str, kind: type) -> Iterator[tuple[str, int, list[Any]]]:
    """(task_id, the byte its line begins at, list) of every row; a list of one kind, for a text would pass for one."""
    for place, offset, row in _rows_of_tasks(path):
        if not _is_list(row.get(field), kind):
            raise FormatError(f'{place}: expected {{"task_id": str, "{field}": [{kind.__name__}, ...]}}')
        yield row["task_id"], offset, row[field]


def text_id(task_id: Any) -> Any:
    """A problem's name as others' files hold it, as text where it is a number: MBPP's are."""
    return str(task_id) if isinstance(task_id, int) else task_id


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _placed_rows(path: Path, tail_may_be_cut: bool) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """("file:line", the byte it begins at, object) for every line of a jsonl file that is not blank."""
    end = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            offset, end = end, end + len(line)
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                if tail_may_be_cut and not line.endswith(b"\n"):
                    return
                raise FormatError(f"{path}:{number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise FormatError(f"{path}:{number}: expected a JSON object, found {type(row).__name__}")
            if "task_id" in row:
                row["task_id"] = text_id(row["task_id"])
            yield f"{path}:{number}", offset, row


def _end_last_line(file: IO[bytes]) -> None:
    """End a last line that lacks its newline, or truncate to the last newline where a kill cut it short."""
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return
    position = end
    while position > 0:
        step = min(65536, position)
        file.seek(position - step)
        found = file.read(step).rfind(b"\n")
        if found >= 0:
            position = position - step + found + 1
            break
        position -= step
    file.seek(position)
    if tail := file.read():
        try:
            json.loads(tail)
            file.write(b"\n")
        except (ValueError, RecursionError):
            file.truncate(position)
