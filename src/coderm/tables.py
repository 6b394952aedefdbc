"""Reward matrices as parquet files: one row a cell, what holds for the whole matrix in the file's metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from coderm.errors import FormatError, SchemaError
from coderm.matrix import RewardMatrix
from coderm.records import VERDICT_WORDS

SCHEMA = 1
_KEY = b"coderm"


def write_matrix(file: IO[bytes], task_id: str, matrix: RewardMatrix) -> None:
    """Write one matrix: columns task_id, solution, unit_test, verdict, cases, passed, cpu_ms."""
    n, m = matrix.shape
    words = pa.array(VERDICT_WORDS)
    columns = {
        "task_id": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n * m, np.int32)), pa.array([task_id])),
        "solution": pa.array(np.repeat(np.arange(n, dtype=np.int32), m)),
        "unit_test": pa.array(np.tile(np.arange(m, dtype=np.int32), n)),
        "verdict": pa.DictionaryArray.from_arrays(pa.array(matrix.codes.ravel().astype(np.int32)), words),
        "cases": pa.array(matrix.cases.ravel()),
        "passed": pa.array(matrix.cases_passed.ravel()),
        "cpu_ms": pa.array(matrix.cpu_ms.ravel()),
    }
    if matrix.self_judged is not None:
        columns["self_judged"] = pa.array(matrix.self_judged.ravel())
    about: dict[str, Any] = {"schema": SCHEMA, "task_id": task_id, "shape": [n, m], "reasons": matrix.reasons,
                             "not_run": int((~matrix.ran).sum()), "info": matrix.info}
    if matrix.behaviour is not None:
        about["behaviour"] = matrix.behaviour.tolist()
    if matrix.calls is not None:
        about["calls"] = [np.flatnonzero(row).tolist() for row in matrix.calls]
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(about, sort_keys=True)})
    pq.write_table(table, file, compression="zstd")


def read_about(path: Path) -> dict[str, Any]:
    """What the file says of the whole matrix: shape, reasons, info, cells that did not run.

    Raises FormatError for a file that is no reward matrix or a damaged one, SchemaError for a newer one.
    """
    with _damage_told(path), path.open("rb") as file:
        about: dict[str, Any] = json.loads(pq.read_schema(file).metadata[_KEY])
        schema = int(about["schema"])
    if schema > SCHEMA:
        raise SchemaError(f"{path}: written by a newer coderm (schema {schema}); upgrade coderm")
    return about


def read_matrix(path: Path) -> RewardMatrix:
    """Read one matrix. Raises as `read_about`."""
    about = read_about(path)
    with _damage_told(path):
        return _matrix(about, pq.read_table(path))


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Whatever the contents make the reading fail with is damage; what the system says of the file (errno) is not."""
    try:
        yield
    except (pa.ArrowException, OSError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"{path}: not a reward matrix, or a damaged one; delete it and run `coderm execute` "
                          "again") from error


def _matrix(about: dict[str, Any], table: Any) -> RewardMatrix:
    n, m = about["shape"]

    def grid(name: str) -> Any:
        column = table.column(name).combine_chunks()
        return column.to_numpy(zero_copy_only=False).reshape(n, m)

    verdict = table.column("verdict").combine_chunks()
    code_of = np.array([VERDICT_WORDS.index(word) for word in verdict.dictionary.to_pylist()], dtype=np.uint8)
    codes = code_of[verdict.indices.to_numpy()].reshape(n, m) if n * m else np.zeros((n, m), np.uint8)
    return RewardMatrix(
        codes=codes,
        cases=grid("cases"),
        cases_passed=grid("passed"),
        cpu_ms=grid("cpu_ms"),
        reasons=tuple(about["reasons"]),
        behaviour=np.array(about["behaviour"], dtype=np.int64) if "behaviour" in about else None,
        calls=_calls(about["calls"], len(about["behaviour"][0]) if n else 0) if "calls" in about else None,
        self_judged=grid("self_judged") if "self_judged" in table.column_names else None,
        info=about["info"],
    )


def _calls(made: list[list[int]], count: int) -> Any:
    grid = np.zeros((len(made), count), dtype=bool)
    for j, columns in enumerate(made):
        grid[j, columns] = True
    return grid
