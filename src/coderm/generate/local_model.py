"""A GGUF file served by llama.cpp inside this process (extra `local`), spoken to by the OpenAI client on loopback.

The server starts with `with`, listens on a free port of 127.0.0.1 behind a random key, and ends with `with`.
Requests are asked for one reply at a time and batched in the server's slots: each then has its own seed and an
exact token count (the server's own n > 1 counts the tokens of one choice only).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from coderm.errors import MissingExtra, NotAModel
from coderm.generate.endpoint import Endpoint
from coderm.generate.models import Completion, Message, Model, Sampling
from coderm.generate.openai_model import OpenAIModel

SLOT_TOKENS = 4096
"""Context of one slot: prompt and reply together."""


class LocalModel(Model):
    """A llama.cpp model; see `coderm.generate.models.Model`."""

    batch = 1

    def __init__(self, path: Path, *, slots: int) -> None:
        self.path, self.spec, self.concurrency = path, f"local:{path}", slots
        self._server: Any = None
        self._client: OpenAIModel | None = None

    def __enter__(self) -> LocalModel:
        # Threads that spin while they wait for one another bring a machine with other work to a standstill. OpenMP
        # reads this once, when it is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        try:
            import xllamacpp
        except ImportError:
            raise MissingExtra("local", "xllamacpp") from None
        params = xllamacpp.CommonParams()
        params.model.path = str(self.path)
        params.n_parallel = self.concurrency
        params.n_ctx = SLOT_TOKENS * self.concurrency
        params.verbosity = 0
        params.warmup = False
        for threads in (params.cpuparams, params.cpuparams_batch):
            threads.poll = 0
        key = secrets.token_hex(16)
        params.api_keys = [key]
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:  # the binding raises bare RuntimeErrors of many kinds
            raise NotAModel(self.path, "llama.cpp", error) from None
        endpoint = Endpoint(self.path.stem, f"{self._server.listening_address}/v1", key=key, key_env="(internal)",
                            timeout=3600.0)
        self._client = OpenAIModel(endpoint, concurrency=self.concurrency)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._client is not None:
            self._client.__exit__(kind, error, tb)
        self._client = self._server = None  # the server stops when its last reference goes

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """One completion; see `Model.request` for errors."""
        assert self._client is not None, "a local model is used inside `with`"
        return self._client.request(messages, 1, sampling)
