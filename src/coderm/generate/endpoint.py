"""One OpenAI-compatible endpoint, whatever it is asked for: its client, its key, and what its errors mean.

The openai package retries what may pass (429 and 5xx with Retry-After, broken connections, timeouts). What would fail
for every request (a bad key, an unknown model, no credit) becomes a message that says what to set. The key is never
stored, and is cut out of anything the endpoint sends back.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import openai

from coderm.errors import ModelError, ReplyError
from coderm.generate.models import DEFAULT_URL, endpoint_of

MAX_RETRIES = 6
"""About 25 s of patience with an endpoint that is down: half a second, doubled up to eight."""
SECRET_LENGTH = 16
"""Keys shorter than this ("EMPTY", "test") may well be words of an honest reply: only errors are searched for them."""


QUIET_S = 60.0
"""Seconds between two lines about retries, for an endpoint that now answers and now does not."""

_LOG = logging.getLogger("coderm")


class Endpoint:
    """A model behind a URL; `client` speaks to it inside `with`."""

    def __init__(self, model: str, url: str, *, key: str | None, key_env: str, timeout: float) -> None:
        """`key` None: the endpoint is tried without one (servers of one's own need none)."""
        self.model, self.url = model, url.rstrip("/")
        self._key, self._key_env = key, key_env
        loopback = urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}
        self.client = openai.OpenAI(
            base_url=self.url,
            api_key=key or "none",
            timeout=timeout,
            max_retries=MAX_RETRIES,
            # A proxy from the environment cannot reach this machine's own loopback.
            http_client=openai.DefaultHttpxClient(trust_env=not loopback, event_hooks={
                "request": [self._before_request], "response": [self._after_response]}),
        )
        self._last = threading.local()
        self._retrying, self._told = False, -math.inf

    @classmethod
    def from_spec(cls, rest: str, *, timeout: float = 600.0, api_key_env: str = "OPENAI_API_KEY") -> Endpoint:
        """The endpoint of `MODEL[@URL]`, see `endpoint_of`, with the key that the environment holds.

        Raises InputError for a URL that is none or holds a secret, ModelError for a key that is missing or none.
        """
        model, url = endpoint_of(rest)
        key = os.environ.get(api_key_env, "").strip() or None
        if key is None and (url.rstrip("/") == DEFAULT_URL or api_key_env != "OPENAI_API_KEY"):
            raise ModelError(f"{url} needs a key: set {api_key_env}")
        if key is not None and not (key.isascii() and key.isprintable()):
            raise ModelError(f"{api_key_env} holds a line break or a character outside ASCII, which no key has: "
                             "set it to the key alone")
        return cls(model, url, key=key, key_env=api_key_env, timeout=timeout)

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.client.close()

    def failure(self, error: openai.APIError) -> ModelError:
        """What an error means: a ReplyError where another request may fare better."""
        status = getattr(error, "status_code", None)
        unreachable = isinstance(error, openai.APIConnectionError | openai.RateLimitError | openai.InternalServerError)
        return self._judge(error.message, status, error.code, unreachable)

    def error_inside(self, reply: object) -> ModelError | None:
        """The error that a reply of status 200 holds in place of what was asked for, as some gateways answer."""
        error = getattr(reply, "error", None)
        if not error:
            return None
        about = error if isinstance(error, dict) else {"message": error}
        code = str(about.get("code"))
        status = int(code) if code.isdecimal() else 200
        return self._judge(str(about.get("message") or error), status, code, status == 429 or status >= 500)

    def scrub_reply(self, text: str) -> str:
        """Text of a reply without the key."""
        return self._scrub(text) if self._key and len(self._key) >= SECRET_LENGTH else text

    def _before_request(self, request: Any) -> None:
        """Say at the first retry of a streak that there is trouble: with its pauses it may take half a minute."""
        status, self._last.status = getattr(self._last, "status", None), None  # retries stay in their thread
        if request.headers.get("x-stainless-retry-count", "0") == "0" or self._retrying:
            return
        self._retrying, now = True, time.monotonic()
        if now - self._told >= QUIET_S:
            self._told = now
            _LOG.warning("%s: %s; asking again, up to %d times a request", self.url,
                         f"HTTP status {status}" if status else "no answer", MAX_RETRIES)

    def _after_response(self, response: Any) -> None:
        self._last.status = response.status_code
        self._retrying = self._retrying and not response.is_success

    def _judge(self, message: str, status: int | None, code: str | None, unreachable: bool) -> ModelError:
        told = f"{self.url}: {self._scrub(' '.join(message.split()))[:500]}"
        if status in {401, 403}:
            return ModelError(f"{told}; set {self._key_env} to a key that {self.url} accepts")
        if status == 404:
            return ModelError(f"{told}; is {self.model!r} a model of this endpoint, and should its URL end in /v1?")
        if status == 402 or code == "insufficient_quota":
            return ModelError(f"{told}; add credit, or set another key or endpoint")
        return ReplyError(told, unreachable=unreachable)

    def _scrub(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text
