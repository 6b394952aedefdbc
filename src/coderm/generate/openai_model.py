"""Any OpenAI-compatible chat endpoint: hosted APIs, vLLM, SGLang, Ollama, llama.cpp's server.

To what `Endpoint` does, this file adds what is peculiar to chat: a reply that is no reply is asked for again, what is
good of a reply is kept however sloppy the rest of it is (it was paid for), an endpoint that ignores or refuses n is
asked one at a time, and a parameter that a model does not know is dropped.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, cast

import openai

from coderm.errors import ModelError, ReplyError
from coderm.generate.endpoint import Endpoint
from coderm.generate.models import Completion, Message, Model, Sampling

ATTEMPTS = 3
"""How often a request is sent whose answer came whole and well-formed HTTP, but held no completion."""

_LOG = logging.getLogger("coderm")


class OpenAIModel(Model):
    """A chat endpoint; see `coderm.generate.models.Model`."""

    def __init__(self, endpoint: Endpoint, *, concurrency: int) -> None:
        self.spec = f"openai:{endpoint.model}@{endpoint.url}"
        self.concurrency, self.batch = concurrency, 128
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._length_parameter = "max_tokens"
        self._dropped: set[str] = set()

    def __enter__(self) -> OpenAIModel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._endpoint.__exit__(kind, error, tb)

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """Between 1 and n completions of one request; see `Model.request` for errors."""
        problem: ModelError = ReplyError(f"{self._endpoint.url}: the reply is no chat completion, {ATTEMPTS} times")
        for _ in range(ATTEMPTS):
            reply = self._send(messages, min(n, self.batch), sampling)
            choices = getattr(reply, "choices", None)
            if isinstance(choices, list) and (completions := self._completions(choices, reply.usage, n)):
                self._learn_batch(n, len(choices))
                return completions
            problem = self._endpoint.error_inside(reply) or problem
            if not isinstance(problem, ReplyError):
                break
        raise problem

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
                return self._endpoint.client.chat.completions.create(
                    model=self._endpoint.model, messages=cast(Any, list(messages)), **kept)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if not self._adapt(error, kept):
                    if n == 1:
                        raise self._endpoint.failure(error) from None
                    n = 1  # some endpoints refuse n; if this one is the reason, the short reply teaches us
            except openai.APIError as error:
                raise self._endpoint.failure(error) from None
            except ValueError:
                return None  # a body that is not JSON: asked for again like any other reply that is none

    def _completions(self, choices: list[Any], usage: object, n: int) -> list[Completion]:
        """The choices that hold a reply, n at most; the tokens of all are shared out among them."""
        good = [(text, choice) for choice in choices if (text := _text(choice)) is not None][:n]
        prompt, total = _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens")
        clean = self._endpoint.scrub_reply
        return [Completion(clean(text), prompt if k == 0 else 0, total // len(good) + (k < total % len(good)),
                           clean(str(choice.finish_reason or "stop")))
                for k, (text, choice) in enumerate(good)]

    def _learn_batch(self, asked: int, got: int) -> None:
        """An endpoint that returns fewer than asked ignores n, or caps it: ask for no more than it gives."""
        if got < asked:
            with self._lock:
                self.batch = min(self.batch, got)

    def _adapt(self, error: openai.APIStatusError, sent: dict[str, Any]) -> bool:
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


def _text(choice: object) -> str | None:
    """What a choice says, empty where the model said nothing; None where it holds no message."""
    message: Any = getattr(choice, "message", None)
    if not hasattr(message, "content"):
        return None
    content = message.content
    if isinstance(content, list):  # parts, of which those that are text have a "text"
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    return content or "" if content is None or isinstance(content, str) else None


def _tokens(usage: object, name: str) -> int:
    count = getattr(usage, name, None)
    return count if isinstance(count, int) else 0
