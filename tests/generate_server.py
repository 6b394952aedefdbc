"""A chat endpoint on loopback that misbehaves on request and counts what it delivered.

`python generate_server.py PORT LOG` runs it as a process of its own that can be killed.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Fault = Callable[["Handler", dict[str, Any]], None]
_numbers = itertools.count()

KEY = "sk-a-secret-that-must-not-show-1234567890"
CHAT: Any = [{"role": "user", "content": "Write f."}]


class Server(ThreadingHTTPServer):
    """Answers with numbered replies; `faults` are used up by the first requests, `always` meets every other one."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int = 0, log: str | None = None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.times: list[float] = []
        self.delivered: list[str] = []
        self.lock = threading.Lock()
        self.log = log

    def __enter__(self) -> Server:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(body)
            self.server.keys.append(self.headers.get("Authorization", ""))
            self.server.times.append(time.monotonic())
            fault = self.server.faults.pop(0) if self.server.faults else self.server.always
        if fault is None:
            self.completion(body)
        else:
            fault(self, body)

    def log_message(self, *_: object) -> None:
        pass

    def send(self, payload: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        headers = {"Content-Length": str(len(payload)), "Content-Type": "application/json"} | headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def reply(self, n: int, finish: str = "stop") -> bytes:
        texts = [f"reply {os.getpid()}-{next(_numbers)}\n```python\ndef f(x):\n    return x\n```" for _ in range(n)]
        with self.server.lock:
            self.server.delivered += texts
        if self.server.log:
            with Path(self.server.log).open("a") as file:
                file.writelines(json.dumps(text) + "\n" for text in texts)
        return json.dumps({
            "id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": k, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
                        for k, text in enumerate(texts)],
            "usage": {"prompt_tokens": 10, "completion_tokens": 7 * n, "total_tokens": 10 + 7 * n},
        }).encode()

    def completion(self, body: dict[str, Any]) -> None:
        self.send(self.reply(body.get("n", 1)))

    def error(self, status: int, message: str, **fields: Any) -> None:
        self.send(json.dumps({"error": {"message": message} | fields}).encode(), status)


# -- faults: each takes the place of one answer; none of them delivers a reply unless its comment says so ------------


def status(number: int, message: str = "no", *, headers: dict[str, str] | None = None, **fields: Any) -> Fault:
    return lambda h, _: h.send(json.dumps({"error": {"message": message} | fields}).encode(), number, **headers or {})


def reset_mid_body(h: Handler, body: dict[str, Any]) -> None:
    h.send_response(200)
    h.send_header("Content-Type", "application/json")
    h.send_header("Content-Length", "5000")
    h.end_headers()
    h.wfile.write(b'{"id": "x", "choices": [{"index": 0, ')
    h.wfile.flush()
    h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() sends RST
    h.connection.close()


def body(payload: bytes, content_type: str = "application/json") -> Fault:
    return lambda h, _: h.send(payload, **{"Content-Type": content_type})


def slow(h: Handler, body: dict[str, Any]) -> None:
    """A whole reply, a few bytes at a time: it is delivered."""
    payload = h.reply(body.get("n", 1))
    h.send_response(200)
    h.send_header("Content-Type", "application/json")
    h.send_header("Content-Length", str(len(payload)))
    h.end_headers()
    for start in range(0, len(payload), 40):
        h.wfile.write(payload[start:start + 40])
        h.wfile.flush()
        time.sleep(0.02)


def silent(h: Handler, body: dict[str, Any]) -> None:
    time.sleep(3)


def one_only(h: Handler, body: dict[str, Any]) -> None:
    """n is ignored: one reply is delivered."""
    h.send(h.reply(1))


def cut_at_length(h: Handler, body: dict[str, Any]) -> None:
    """Replies that stopped at the token limit are delivered."""
    h.send(h.reply(body.get("n", 1), "length"))


def refuse_n(h: Handler, body: dict[str, Any]) -> None:
    if body.get("n", 1) > 1:
        h.error(400, "only one completion choice is allowed")
    else:
        h.completion(body)


def slow_start(h: Handler, body: dict[str, Any]) -> None:
    """A reply after a moment: it is delivered."""
    time.sleep(0.15)
    h.completion(body)


if __name__ == "__main__":
    server = Server(int(sys.argv[1]), sys.argv[2])
    server.always = slow_start
    server.serve_forever()
