"""What a language model is to CodeRM: one method that turns a chat into completions, and the specs that name one.

    openai:MODEL[@URL]    any OpenAI-compatible chat endpoint        local:FILE.gguf    llama.cpp in this process
    hf:DIR                a Hugging Face folder, transformers        replay:RUN         the replies of a recorded run
    fake                  a deterministic stand-in for tests and docs
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, TypedDict

from coderm.errors import InputError

Kind = Literal["solution", "unit_test"]
"""What a model is asked for: a policy model writes solutions, a unit test generator writes unit tests."""

SPECS = "openai:MODEL[@URL] | local:FILE.gguf | hf:DIR | replay:RUN | fake"


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
    Raises InputError for a spec that names nothing, MissingExtra where its library is not installed.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "openai" and rest:
        from coderm.generate.openai_model import OpenAIModel

        return OpenAIModel.from_spec(rest, concurrency=concurrency or 16, timeout=timeout, api_key_env=api_key_env)
    if scheme == "local" and rest:
        from coderm.generate.local_model import LocalModel

        return LocalModel(_existing(rest), slots=concurrency or 8)
    if scheme == "hf" and rest:
        from coderm.generate.hf_model import HFModel

        return HFModel(_existing(rest), batch=concurrency or 16)
    if scheme == "replay" and rest:
        from coderm.generate.replay_model import ReplayModel

        return ReplayModel(_existing(rest), kind)
    if spec == "fake":
        from coderm.generate.fake_model import FakeModel

        return FakeModel(kind)
    raise InputError(f"no such model: {spec!r}; a model is one of {SPECS}")


def _existing(path: str) -> Path:
    if not Path(path).exists():
        raise InputError(f"{path}: no such file or folder")
    return Path(path)
