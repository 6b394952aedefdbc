"""Frames between the supervisor and the jail: a JSON header and a blob of bytes, both length-prefixed.

Nothing here can execute anything. The same file serves both ends.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

_PREFIX = struct.Struct("<II")
MAX_FRAME = 1 << 30


class Closed(Exception):
    """The other end is gone."""


class Channel:
    """A pair of file descriptors that frames are read from and written to."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.read_fd, self.write_fd = read_fd, write_fd

    def send(self, kind: str, header: dict[str, Any], blob: bytes = b"") -> None:
        """Write one frame whole. Raises Closed."""
        text = json.dumps({"kind": kind} | header).encode()
        data = memoryview(_PREFIX.pack(len(text), len(blob)) + text + blob)
        try:
            while data:
                data = data[os.write(self.write_fd, data) :]
        except BrokenPipeError:
            raise Closed from None

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Read one frame. Raises Closed at the end, ValueError for what is not a frame."""
        header, size = self.receive_header()
        return header, self.receive_blob(size)

    def receive_header(self) -> tuple[dict[str, Any], int]:
        """Read a frame's header alone, and the size of the blob that follows."""
        sizes = _PREFIX.unpack(self._exactly(_PREFIX.size))
        if sum(sizes) > MAX_FRAME:
            raise ValueError(f"a frame of {sum(sizes)} bytes")
        header = json.loads(self._exactly(sizes[0]))
        if not isinstance(header, dict):
            raise ValueError("a frame whose header is not an object")
        return header, sizes[1]

    def receive_blob(self, size: int) -> bytes:
        """Read the blob behind a header."""
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self.read_fd, min(size, 1 << 20))
            if not part:
                raise Closed
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close both ends in this process."""
        os.close(self.read_fd)
        os.close(self.write_fd)
