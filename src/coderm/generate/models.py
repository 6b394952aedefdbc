"""What a language model is to CodeRM: one method that turns a chat into completions, and the specs that name one.

    openai:MODEL[@URL]    any OpenAI-compatible chat endpoint        local:FILE.gguf    llama.cpp in this process
    hf:DIR                a Hugging Face folder, transformers        replay:RUN         the replies of a recorded run
    fake                  a deterministic stand-in for tests and docs
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, TypedDict
from urllib.parse import urlsplit

from coderm.errors import InputError

Kind = Literal["solution", "unit_test"]
"""What a model is asked for: a policy model writes solutions, a unit test generator writes unit tests."""

SPECS = "openai:MODEL[@URL] | local:FILE.gguf | hf:DIR | replay:RUN | fake"
DEFAULT_URL = "https://api.openai.com/v1"


class Message(TypedDict):
    """One turn of a chat, as the OpenAI protocol writes it."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample; the defaults are the paper's (Ma et al. 2025, §4): temperature 0.8, top_p 0.95."""

    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 1024
    """The most tokens a reply may have."""
    seed: int | None = None
    """The seed of one request; None leaves it to the model."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply. Token counts sum to what the request cost: a prompt shared by n replies counts once."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    """"stop", "length" where max_tokens cut it, or the endpoint's own word."""


class Model(Protocol):
    """A language model; its methods may be called from several threads at once."""

    spec: str
    """How a run records it; never holds a secret."""
    concurrency: int
    """How many requests the model can use at the same time."""
    batch: int
    """The most completions that one request is worth asking for; a model may lower it as it learns."""

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """Between 1 and n completions, as one request gives them.

        Raises ReplyError where this request failed for good, ModelError where every other would fail too.
        """
        ...

    def sample(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """Exactly n completions, by as many requests as it takes; errors as `request`."""
        completions: list[Completion] = []
        while len(completions) < n:
            seed = None if sampling.seed is None else sampling.seed + len(completions)
            completions += self.request(messages, n - len(completions), replace(sampling, seed=seed))
        return completions


def check_spec(spec: str) -> str:
    """The spec as a run records it: with the endpoint's URL where OPENAI_BASE_URL decides it.

    Opens nothing, so it can come before a spec is written or shown anywhere. Raises InputError, in which no secret is
    repeated, for a spec that names nothing and for one whose URL holds a secret.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "openai" and rest:
        model, url = endpoint_of(rest)
        return spec if url == DEFAULT_URL else f"openai:{model}@{url}"
    if spec != "fake" and (scheme not in {"local", "hf", "replay"} or not rest or "://" in rest):
        raise InputError(f"no such model: {scheme!r}; a model is one of {SPECS}")
    return spec


def endpoint_of(rest: str) -> tuple[str, str]:
    """Model and URL of `MODEL[@URL]`; without a URL, that in OPENAI_BASE_URL or OpenAI's own.

    A model's name may hold an @, but nothing that looks like an address, which would be sent elsewhere and recorded.
    Raises InputError as `check_spec`.
    """
    model, *given = re.split("@(?=https?://)", rest, maxsplit=1, flags=re.IGNORECASE)
    url = given[0] if given else os.environ.get("OPENAI_BASE_URL", "").strip().rstrip("/") or DEFAULT_URL
    place = "the URL" if given else "OPENAI_BASE_URL"
    if re.search("[@?#]", url):
        raise InputError(f"{place} of an openai: model must hold no user, password or parameters (runs record it); put "
                         "the key in the environment variable OPENAI_API_KEY, or the one that --api-key-env names")
    if not model or re.search("@[^/]*:|//", model):
        raise InputError("expected openai:MODEL or openai:MODEL@http://HOST:PORT/v1")
    if not _is_url(url):
        raise InputError(f"openai:{model}: {place} is not of the form http://HOST:PORT/v1")
    return model, url


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        return known and text.isprintable() and " " not in text
    except ValueError:  # a port that is none, a bracket left open
        return False


def open_model(
    spec: str,
    kind: Kind,
    *,
    concurrency: int | None = None,
    timeout: float = 600.0,
    api_key_env: str = "OPENAI_API_KEY",
) -> AbstractContextManager[Model]:
    """The model that a spec names, to be used as `with open_model(...) as model:`.

    `concurrency` bounds the requests in flight (None: the model's own default), `timeout` is the seconds an
    endpoint may stay silent, `api_key_env` names the environment variable that holds an endpoint's key.
    Raises InputError as `check_spec` or for a file that is not there, ModelError for a key that is missing or none,
    MissingExtra where a library is not installed.
    """
    scheme, _, rest = check_spec(spec).partition(":")
    if scheme == "openai":
        from coderm.generate.endpoint import Endpoint
        from coderm.generate.openai_model import OpenAIModel

        return OpenAIModel(Endpoint.from_spec(rest, timeout=timeout, api_key_env=api_key_env),
                           concurrency=concurrency or 16)
    if scheme == "local":
        from coderm.generate.local_model import LocalModel

        return LocalModel(_existing(rest), slots=concurrency or 8)
    if scheme == "hf":
        from coderm.generate.hf_model import HFModel

        return HFModel(_existing(rest), batch=concurrency or 16)
    if scheme == "replay":
        from coderm.generate.replay_model import ReplayModel

        return ReplayModel(_existing(rest), kind)
    from coderm.generate.fake_model import FakeModel

    return FakeModel(kind)


def _existing(path: str) -> Path:
    if not Path(path).exists():
        raise InputError(f"{path}: no such file or folder")
    return Path(path)
