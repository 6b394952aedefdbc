"""Reads rows of jsonl files that others wrote: plain or gzipped, checked against a schema, errors as file:line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from coderm.errors import FormatError, InputError
from coderm.runs import text_id

_LONGEST_ID = 240


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair, which is no text") from None
    return text


def _names_a_file(task_id: str) -> str:
    if len(quote(task_id, safe="")) > _LONGEST_ID:
        raise ValueError(f"longer than {_LONGEST_ID} characters once escaped; a file is named after it")
    return task_id


TaskId = Annotated[str, BeforeValidator(text_id), AfterValidator(_encodable), AfterValidator(_names_a_file)]
"""A problem's name, text in our files; MBPP's are numbers. Its reward matrix is a file of that name (see `Run`)."""
Prompt = Annotated[str, AfterValidator(_encodable)]
"""What models are sent."""


class Row(BaseModel):
    """A line of a foreign file: keys we do not know are ignored."""

    model_config = ConfigDict(extra="ignore")


R = TypeVar("R", bound=Row)


@dataclass
class Complaints:
    """What is wrong with the lines of a file: the first ends the work, or all are skipped and listed."""

    skip_bad: bool | None = None
    """None where the caller offers no such choice."""
    skipped: list[str] = field(default_factory=list)

    def add(self, place: str, reason: str) -> None:
        """Note one bad line; raises FormatError unless bad lines are to be skipped."""
        if not self.skip_bad:
            hint = "" if self.skip_bad is None else " (--skip-bad passes over such lines and lists them)"
            raise FormatError(f"{place}: {reason}{hint}")
        self.skipped.append(f"{place}: {reason}")


def read_lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """("file:line", line) for every line that is not blank. Raises InputError for a file that cannot be read."""
    number = 0
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            with gzip.open(raw) if packed else raw as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield f"{path}:{number}", line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}:{number + 1}: damaged gzip file: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def read_objects(path: Path, complaints: Complaints) -> Iterator[tuple[str, dict[str, Any]]]:
    """("file:line", object) for every line that holds a JSON object."""
    for place, line in read_lines(path):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            complaints.add(place, f"not JSON: {error}")
            continue
        if isinstance(value, dict):
            yield place, value
        else:
            complaints.add(place, f"expected a JSON object, found {type(value).__name__}")


def read_rows(path: Path, schema: type[R], complaints: Complaints) -> Iterator[tuple[str, R]]:
    """("file:line", row) for every line that fits the schema."""
    for place, value in read_objects(path, complaints):
        try:
            row = schema.model_validate(value)
        except ValidationError as error:
            complaints.add(place, explain(error))
            continue
        yield place, row


def explain(error: ValidationError) -> str:
    """The first thing that does not fit, in one line."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]
