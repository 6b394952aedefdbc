"""The board: memory that a cell and the process watching it share. It has no file descriptor to write to.

    header   what the cell is doing now
    records  one a test: state, verdict, flags, test cases run and passed, CPU time
    text     what `explain` shows

The cell writes, its watcher reads; nothing on it is trusted beyond its own cell.
"""

from __future__ import annotations

import mmap
import struct
from typing import Any, NamedTuple

_HEADER = struct.Struct("<iBBBxdQ")
_LOADED_AT = 6
_RECORD = struct.Struct("<BBBxHHI")
RECORD_SIZE = _RECORD.size
_TEXT_LENGTH = struct.Struct("<I")

IDLE = -1
NOTHING, STARTED, DONE = 0, 1, 2
WALL, SELF_JUDGED, SLOWED = 1, 2, 4


class Header(NamedTuple):
    """`current` is the test being run or IDLE; `started` and `cpu_ns` are clocks when it began.

    `loaded` says that the solution has been executed and the test has begun.
    """

    current: int
    finished: int
    clean: int
    loaded: int
    started: float
    cpu_ns: int


class Record(NamedTuple):
    """The outcome of one pair; `cpu_us` in microseconds."""

    state: int
    verdict: int
    flags: int
    cases: int
    passed: int
    cpu_us: int


class Board:
    """A header, `tests` records and room for `text_room` bytes of text."""

    def __init__(self, tests: int, text_room: int = 0) -> None:
        self.tests = tests
        self._text_at = _HEADER.size + RECORD_SIZE * tests
        self._room = text_room
        self._memory = mmap.mmap(-1, self._text_at + _TEXT_LENGTH.size + text_room)

    def clear(self) -> None:
        """Forget every record and text."""
        self._memory[:] = bytes(len(self._memory))

    def header(self, current: int, started: float, cpu_ns: int, finished: int = 0, clean: int = 0) -> None:
        _HEADER.pack_into(self._memory, 0, current, finished, clean, 0, started, cpu_ns)

    def loaded(self) -> None:
        self._memory[_LOADED_AT] = 1

    def read_header(self) -> Header:
        return Header._make(_HEADER.unpack_from(self._memory, 0))

    def write(self, test: int, *fields: int) -> None:
        _RECORD.pack_into(self._memory, _HEADER.size + RECORD_SIZE * test, *fields)

    def read(self, test: int) -> Record:
        return Record._make(_RECORD.unpack_from(self._memory, _HEADER.size + RECORD_SIZE * test))

    def write_text(self, text: bytes) -> None:
        """Keep as much of the text as there is room for."""
        text = text[: self._room]
        _TEXT_LENGTH.pack_into(self._memory, self._text_at, len(text))
        start = self._text_at + _TEXT_LENGTH.size
        self._memory[start : start + len(text)] = text

    def read_text(self) -> bytes:
        length = min(_TEXT_LENGTH.unpack_from(self._memory, self._text_at)[0], self._room)
        start = self._text_at + _TEXT_LENGTH.size
        return self._memory[start : start + length]


def pack_record(record: Record) -> bytes:
    """A record as it travels to the supervisor."""
    return _RECORD.pack(*record)


def unpack_records(raw: bytes) -> list[Any]:
    """Records from bytes; a length that is not a whole number of records is an error of the sender."""
    return [Record._make(fields) for fields in _RECORD.iter_unpack(raw)]
