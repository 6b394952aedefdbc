"""The board: memory that a cell and the process watching it share. It has no file descriptor to write to.

    header   what the cell is doing now
    records  one a test: state, verdict, flags, test cases run and passed, CPU time
    text     what `explain` shows
    counts   how many events each test has
    events   calls of the solution's functions and what they returned, where behaviour is recorded

The cell writes, its watcher reads; nothing on it is trusted beyond its own cell. Every field is stored as one copy of
bytes packed before: `struct.pack_into` clears the place before it writes, which the watcher would now and then see.
"""

from __future__ import annotations

import mmap
import struct
from typing import Any, NamedTuple

_HEADER = struct.Struct("@iBBBxI4xdQ")  # native: whoever reads a field while it is written sees it old or new, whole
_BEGIN = struct.Struct("@iBBBx")
_FINISHED = struct.Struct("@BB")
_VERIFIED = struct.Struct("@I")
_CLOCKS = struct.Struct("@dQ")
_CLOCKS_AT, _FINISHED_AT, _LOADED_AT, _VERIFIED_AT = 16, 4, 6, 8
_RECORD = struct.Struct("<BBBxHHI")
RECORD_SIZE = _RECORD.size
_EVENT, _RESULT, _COUNT = struct.Struct("<Iqq"), struct.Struct("<q"), struct.Struct("<I")
EVENT_SIZE = _EVENT.size
_TEXT_LENGTH = struct.Struct("<I")

IDLE = -1
NOTHING, DONE = 0, 1
WALL, SELF_JUDGED, SLOWED = 1, 2, 4


class Header(NamedTuple):
    """What the cell is doing: `current` is the place of the pair being run, or of the last, IDLE before the first.

    `loaded` says that its solution has been executed and the test has begun, `verified` how many rows of a plain
    cell were followed by a clean check; `started` and `cpu_ns` are the clocks when the pair began.
    """

    current: int
    finished: int
    clean: int
    loaded: int
    verified: int
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
    """A header, `places` records, room for `text_room` bytes of text and for `events` events a place.

    Every place has the same room, so that of a test with more calls than that all candidates lose the same ones.
    """

    def __init__(self, places: int, text_room: int = 0, events: int = 0) -> None:
        self._text_at = _HEADER.size + RECORD_SIZE * places
        self._room = text_room
        self._counts_at = self._text_at + _TEXT_LENGTH.size + text_room
        self._counts = struct.Struct(f"<{places}I")
        self._events_at = self._counts_at + self._counts.size
        self._event_room = events
        self._memory = mmap.mmap(-1, self._events_at + places * events * _EVENT.size)
        self.clear()

    def keep_from_children(self) -> None:
        """What this process forks from now on has no such memory."""
        self._memory.madvise(mmap.MADV_DONTFORK)

    def clear(self) -> None:
        """Forget every record, text and event."""
        self._memory[: self._events_at] = bytes(self._events_at)
        self._memory[: _BEGIN.size] = _BEGIN.pack(IDLE, 0, 0, 0)

    def begin(self, place: int, started: float, cpu_ns: int) -> None:
        """A pair begins. Who sees its place sees its clocks as well, or later ones."""
        self._memory[_CLOCKS_AT : _CLOCKS_AT + _CLOCKS.size] = _CLOCKS.pack(started, cpu_ns)
        self._memory[: _BEGIN.size] = _BEGIN.pack(place, 0, 0, 0)

    def loaded(self) -> None:
        """The solution of the current pair has been executed."""
        self._memory[_LOADED_AT] = 1

    def verify(self, rows: int) -> None:
        """So many rows are done and were followed by a clean check."""
        self._memory[_VERIFIED_AT : _VERIFIED_AT + _VERIFIED.size] = _VERIFIED.pack(rows)

    def finish(self, clean: bool) -> None:
        """The cell has run all that it will."""
        self._memory[_FINISHED_AT : _FINISHED_AT + _FINISHED.size] = _FINISHED.pack(1, clean)

    def read_header(self) -> Header:
        return Header._make(_HEADER.unpack_from(self._memory, 0))

    def write(self, place: int, verdict: int, flags: int, cases: int, passed: int, cpu_us: int) -> None:
        """A pair is done. Counts beyond 65,535 test cases are capped.

        Whoever goes on behind the first failure, to record behaviour, writes then and again at the end: the verdict
        and the counts of the first time stand.
        """
        at = _HEADER.size + RECORD_SIZE * place
        if self._memory[at] == DONE:
            _, verdict, _, cases, passed, _ = _RECORD.unpack_from(self._memory, at)
        self._memory[at : at + RECORD_SIZE] = _RECORD.pack(
            DONE, verdict, flags, cases if cases < 65536 else 65535, passed if passed < 65536 else 65535, cpu_us)

    def forget(self, place: int) -> None:
        """A pair that is done is going to be run again."""
        at, counter = _HEADER.size + RECORD_SIZE * place, self._counts_at + _COUNT.size * place
        self._memory[at : at + RECORD_SIZE] = bytes(RECORD_SIZE)
        self._memory[counter : counter + _COUNT.size] = bytes(_COUNT.size)

    def read(self, place: int) -> Record:
        return Record._make(_RECORD.unpack_from(self._memory, _HEADER.size + RECORD_SIZE * place))

    def write_text(self, text: bytes) -> None:
        """Keep as much of the text as there is room for."""
        text = text[: self._room]
        start = self._text_at + _TEXT_LENGTH.size
        self._memory[self._text_at : start] = _TEXT_LENGTH.pack(len(text))
        self._memory[start : start + len(text)] = text

    def read_text(self) -> bytes:
        length = min(_TEXT_LENGTH.unpack_from(self._memory, self._text_at)[0], self._room)
        start = self._text_at + _TEXT_LENGTH.size
        return self._memory[start : start + length]

    def note(self, place: int, call: int) -> int:
        """A call begins; where its event stands. What there is no room for is not noted."""
        counter = self._counts_at + _COUNT.size * place
        count: int = _COUNT.unpack_from(self._memory, counter)[0]
        if count >= self._event_room:
            return -1
        at = self._events_at + (place * self._event_room + count) * _EVENT.size
        self._memory[at : at + EVENT_SIZE] = _EVENT.pack(place, call, 0)
        self._memory[counter : counter + _COUNT.size] = _COUNT.pack(count + 1)
        return at

    def amend(self, at: int, result: int) -> None:
        """The call whose event stands there has come back."""
        if at >= 0:
            self._memory[at + EVENT_SIZE - _RESULT.size : at + EVENT_SIZE] = _RESULT.pack(result)

    def events(self) -> list[tuple[int, int, int]]:
        """(place, call, result) of every event, those of a place in order."""
        found: list[Any] = []
        for place, count in enumerate(self._counts.unpack_from(self._memory, self._counts_at)):
            if count:
                start = self._events_at + place * self._event_room * _EVENT.size
                found += _EVENT.iter_unpack(self._memory[start : start + min(count, self._event_room) * _EVENT.size])
        return found


def pack_record(record: Record) -> bytes:
    """A record as it travels to the supervisor."""
    return _RECORD.pack(*record)


def pack_event(test: int, call: int, result: int) -> bytes:
    """An event as it travels to the supervisor."""
    return _EVENT.pack(test, call, result)


def unpack_records(raw: bytes) -> list[Any]:
    """Records from bytes; a length that is not a whole number of records is an error of the sender."""
    return [Record._make(fields) for fields in _RECORD.iter_unpack(raw)]
