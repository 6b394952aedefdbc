"""Messages between judge and candidate: length-prefixed JSON over a socket, bounded in size."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
from typing import Any

from .plain import Malformed

MAX_MESSAGE = 16 * 1024 * 1024
_LENGTH = struct.Struct("<I")
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_loads = json.JSONDecoder().decode


def fingerprint(answer: Any) -> str:
    """Equal for answers that are equal as they travel, on either end."""
    return hashlib.blake2b(_dumps(answer).encode(), digest_size=8).hexdigest()


class Gone(Exception):
    """The other end is closed."""


class Line:
    """One end of the socket."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._buffer = b""

    def send(self, message: Any) -> None:
        """Send one message. Raises Gone, and Malformed for one that is too large."""
        try:
            text = _dumps(message).encode()
        except RecursionError:
            raise Malformed("nested too deeply") from None
        if len(text) > MAX_MESSAGE:
            raise Malformed(f"a message of {len(text)} bytes")
        left = memoryview(_LENGTH.pack(len(text)) + text)
        while left:
            try:
                left = left[self.socket.send(left) :]
            except BlockingIOError:
                self.tick()
            except OSError:
                raise Gone from None

    def receive(self) -> Any:
        """Wait for one message. Raises Gone or Malformed."""
        data = self._buffer
        while len(data) < 4:
            data += self._more()
        length = _LENGTH.unpack_from(data)[0]
        if length > MAX_MESSAGE:
            raise Malformed(f"a message of {length} bytes")
        if len(data) < 4 + length:
            parts, have = [data], len(data)
            while have < 4 + length:
                parts.append(self._more())
                have += len(parts[-1])
            data = b"".join(parts)
        self._buffer = data[4 + length :]
        try:
            return _loads(data[4 : 4 + length].decode())
        except (ValueError, RecursionError) as error:
            raise Malformed(f"not a message: {type(error).__name__}") from None

    def _more(self) -> bytes:
        while True:
            try:
                part = self.socket.recv(65536)
            except BlockingIOError:
                self.tick()
                continue
            except OSError:
                raise Gone from None
            if not part:
                raise Gone
            return part

    def tick(self) -> None:
        """Called whenever nothing has come or gone for as long as the socket's timeout, if it has one."""
