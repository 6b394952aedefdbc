"""Any OpenAI-compatible chat endpoint: hosted APIs, vLLM, SGLang, Ollama, llama.cpp's server.

The openai package retries what may pass (429 and 5xx with Retry-After, broken connections, timeouts); this file
adds what it does not do: a reply that is no reply is asked for again, an endpoint that ignores or refuses n is
asked one at a time, a parameter that a model does not know is dropped, and whatever would fail for every request
(a bad key, an unknown model) stops the run with a message that says what to set. The key is never stored, and is
cut out of anything an endpoint sends back.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

import openai

from coderm.errors import InputError, ModelError, ReplyError
from coderm.generate.models import Completion, Message, Model, Sampling

DEFAULT_URL = "https://api.openai.com/v1"
MAX_RETRIES = 6
"""About 25 s of patience with an endpoint that is down: half a second, doubled up to eight."""
ATTEMPTS = 3
"""How often a request is sent whose answer came whole and well-formed HTTP, but held no completion."""
SECRET_LENGTH = 16
"""Keys shorter than this ("EMPTY", "test") may well be words of an honest reply: only errors are searched for them."""

_LOG = logging.getLogger("coderm")


class OpenAIModel(Model):
    """A chat endpoint; see `coderm.generate.models.Model`."""

    def __init__(self, name: str, url: str, *, key: str | None, key_env: str, concurrency: int, timeout: float) -> None:
        """`key` None: the endpoint is tried without one (servers of one's own need none)."""
        self.name, self.url, self.spec = name, url, f"openai:{name}@{url}"
        self.concurrency, self.batch = concurrency, 128
        self._key, self._key_env = key, key_env
        loopback = urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}
        self._client = openai.OpenAI(
            base_url=url,
            api_key=key or "none",
            timeout=timeout,
            max_retries=MAX_RETRIES,
            # A proxy from the environment cannot reach this machine's own loopback.
            http_client=openai.DefaultHttpxClient(trust_env=not loopback),
        )
        self._lock = threading.Lock()
        self._length_parameter = "max_tokens"
        self._dropped: set[str] = set()

    @classmethod
    def from_spec(cls, rest: str, *, concurrency: int, timeout: float, api_key_env: str) -> OpenAIModel:
        """The model of `MODEL[@URL]`; without a URL, OPENAI_BASE_URL or OpenAI's own.

        Raises InputError for a URL that is none or holds a password, ModelError where OpenAI's key is missing.
        """
        name, at, url = rest.partition("@http")
        url = "http" + url if at else os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
        parts = urlsplit(url)
        if not name or not parts.hostname:
            raise InputError(f"openai:{name}: expected openai:MODEL or openai:MODEL@http://HOST:PORT/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InputError(f"openai:{name}: the URL must hold no user, password or parameters (runs record it); "
                             f"put the key in the environment variable {api_key_env}")
        key = os.environ.get(api_key_env) or None
        if key is None and (url == DEFAULT_URL or api_key_env != "OPENAI_API_KEY"):
            raise ModelError(f"{url} needs a key: set {api_key_env}")
        return cls(name, url.rstrip("/"), key=key, key_env=api_key_env, concurrency=concurrency, timeout=timeout)

    def __enter__(self) -> OpenAIModel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._client.close()

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """Between 1 and n completions of one request; see `Model.request` for errors."""
        problem = ""
        for _ in range(ATTEMPTS):
            reply = self._send(messages, min(n, self.batch), sampling)
            try:
                completions = self._completions(reply)
            except (AttributeError, TypeError, ValueError) as error:
                problem = f"the reply is not a chat completion ({type(error).__name__})"
                continue
            if completions:
                self._learn_batch(n, len(completions))
                return completions[:n]
            problem = "the reply holds no choices"
        raise ReplyError(f"{self.url}: {problem}, {ATTEMPTS} times")

    def _send(self, messages: Sequence[Message], n: int, sampling: Sampling) -> Any:
        while True:
            request: dict[str, Any] = {
                "n": n if n > 1 else None,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "seed": sampling.seed,
                self._length_parameter: sampling.max_tokens,
            }
            kept = {k: v for k, v in request.items() if v is not None and k not in self._dropped}
            try:
                return self._client.chat.completions.create(model=self.name, messages=cast(Any, list(messages)), **kept)
            except openai.BadRequestError as error:
                if not self._adapt(error, kept):
                    if n == 1:
                        raise ReplyError(self._say(error)) from None
                    n = 1  # some endpoints refuse n; if this one is the reason, the short reply teaches us
            except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
                raise ModelError(f"{self._say(error)}; set {self._key_env} to a key that {self.url} accepts") from None
            except openai.NotFoundError as error:
                raise ModelError(f"{self._say(error)}; is {self.name!r} a model of this endpoint, and should its URL "
                                 "end in /v1?") from None
            except openai.RateLimitError as error:
                if error.code == "insufficient_quota":
                    raise ModelError(f"{self._say(error)}; add credit, or set another key or endpoint") from None
                raise ReplyError(self._say(error), unreachable=True) from None
            except (openai.APIConnectionError, openai.InternalServerError) as error:
                raise ReplyError(self._say(error), unreachable=True) from None
            except openai.APIError as error:
                raise ReplyError(self._say(error)) from None
            except ValueError:
                return None  # a body that is not JSON: asked for again like any other reply that is none

    def _completions(self, reply: Any) -> list[Completion]:
        choices = list(reply.choices or ())
        usage = reply.usage
        prompt, total = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        completions = []
        for k, choice in enumerate(choices):
            text = choice.message.content or ""
            if not isinstance(text, str):
                raise TypeError("content")
            share = total // len(choices) + (k < total % len(choices))
            if self._key and len(self._key) >= SECRET_LENGTH:
                text = self._scrub(text)
            completions.append(Completion(text, prompt if k == 0 else 0, share,
                                          str(choice.finish_reason or "stop")))
        return completions

    def _learn_batch(self, asked: int, got: int) -> None:
        """An endpoint that returns fewer than asked ignores n, or caps it: ask for no more than it gives."""
        if got < asked:
            with self._lock:
                self.batch = min(self.batch, got)

    def _adapt(self, error: openai.BadRequestError, sent: dict[str, Any]) -> bool:
        """Whether the refused request can be sent again in a way that this endpoint accepts."""
        named = next((k for k in sent if error.param == k or f"'{k}'" in error.message), None)
        with self._lock:
            if named == "max_tokens":
                self._length_parameter = "max_completion_tokens"
                return True
            if named in {"temperature", "top_p", "seed"}:
                self._dropped.add(named)
            else:
                return False
        _LOG.warning("%s does not take %s: sampling without it", self.spec, named)
        return True

    def _say(self, error: openai.APIError) -> str:
        return f"{self.url}: {self._scrub(' '.join(error.message.split()))[:500]}"

    def _scrub(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text
