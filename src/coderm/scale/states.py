"""What a language model makes of a question: the hidden state of its last prompt token, one vector a problem.

Sources, by spec:
    local:FILE.gguf          llama.cpp in this process, final layer, last-token pooling, unnormalised   (extra `local`)
    hf:DIR or hf:DIR#LAYER   transformers, any layer: 0 is the embedding, -1 the last                   (extra `train`)
    openai:MODEL[@URL]       vectors of an embeddings endpoint: features of the question, not a model's own state
    text                     no model: lengths, words and shape of the question, the baseline to beat
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.errors import InputError, MissingExtra, ModelError, NotAModel
from coderm.progress import Progress

_TOKENS = 4096
_HASHED = 64


@dataclass(frozen=True, eq=False)
class States:
    """One vector a problem and where it came from."""

    values: NDArray[np.float64]
    """[problems, width]."""
    model: str
    """Which model, told by name and content: a probe works on the states of that one only."""
    layer: str
    """`last`, a layer's number, `embedding` for an endpoint's vectors, or `text`."""


def read_states(spec: str, prompts: Sequence[str], *, quiet: bool = True) -> States:
    """The states of the prompts under a source's spec. Raises InputError for a spec or file that is none."""
    if spec == "text":
        return States(np.array([_text_features(prompt) for prompt in prompts]), "text", "text")
    kind, _, rest = spec.partition(":")
    read = {"local": _llama, "hf": _transformers, "openai": _endpoint}.get(kind)
    if read is None or not rest or (kind != "openai" and "://" in rest):
        raise InputError(f"{kind!r}: states come from local:FILE.gguf, hf:DIR[#LAYER], openai:MODEL[@URL] or text")
    with Progress("reading states", len(prompts), quiet=quiet) as progress:
        return read(rest, prompts, progress)


def _llama(rest: str, prompts: Sequence[str], progress: Progress) -> States:
    path = Path(rest)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    # Threads that spin while they wait for one another starve a machine with other work, themselves included.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import xllamacpp
    except ImportError:
        raise MissingExtra("local", "xllamacpp") from None
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.embedding, params.embd_normalize = True, -1
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_LAST
    params.n_ctx = params.n_batch = params.n_ubatch = _TOKENS  # a pooled prompt must fit one batch
    params.n_parallel, params.warmup, params.verbosity = 1, False, 0
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.poll = 0
    try:
        server = xllamacpp.Server(params)
    except Exception as error:  # the binding raises bare RuntimeErrors of many kinds
        raise NotAModel(path, "llama.cpp", error) from None
    rows = []
    for prompt in prompts:
        answer = server.handle_embeddings({"input": prompt})
        if "data" not in answer:
            raise ModelError(f"{path}: no state for a prompt of {len(prompt):,} characters ({answer})")
        rows.append(answer["data"][0]["embedding"])
        progress.advance()
    return States(np.array(rows), f"{path.name} {_digest(path)}", "last")


def _transformers(rest: str, prompts: Sequence[str], progress: Progress) -> States:
    folder, _, number = rest.partition("#")
    try:
        layer = int(number or -1)
    except ValueError:
        raise InputError(f"{number!r}: a layer is a whole number") from None
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra("train", error.name or "transformers") from None
    try:
        # Never code from the folder: a model folder is data.
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        model = transformers.AutoModel.from_pretrained(folder, trust_remote_code=False, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise NotAModel(folder, "transformers", error) from None
    model.eval()
    rows = []
    with torch.inference_mode():
        for prompt in prompts:
            tokens = tokenizer(prompt, return_tensors="pt", truncation=True, max_length=_TOKENS)
            layers = model(input_ids=tokens["input_ids"], output_hidden_states=True).hidden_states
            if not -len(layers) <= layer < len(layers):
                raise InputError(f"{folder}: has layers 0 to {len(layers) - 1}, not {layer}")
            rows.append(layers[layer][0, -1].float().numpy())
            progress.advance()
    weights = sorted(Path(folder).glob("*.safetensors"))
    return States(np.array(rows, np.float64), f"{Path(folder).name} {_digest(*weights)}", str(layer))


def _endpoint(rest: str, prompts: Sequence[str], progress: Progress) -> States:
    import openai

    from coderm.generate.endpoint import Endpoint

    rows: list[NDArray[np.float64]] = []
    with Endpoint.from_spec(rest) as endpoint:
        for prompt in prompts:
            reply: Any = None
            try:
                # Of any other format the package itself judges what is no vector, and says less.
                reply = endpoint.client.embeddings.create(model=endpoint.model, input=prompt, encoding_format="float")
                vector = np.array(reply.data[0].embedding, np.float64)
            except openai.APIError as error:
                raise endpoint.failure(error) from None
            except (AttributeError, IndexError, TypeError, ValueError):
                vector = np.empty(0)
            if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
                raise endpoint.error_inside(reply) or ModelError(f"{endpoint.url}: the reply holds no embedding")
            if rows and len(vector) != len(rows[0]):
                raise ModelError(f"{endpoint.url}: embeddings of {len(rows[0])} numbers and of {len(vector)}")
            rows.append(vector)
            progress.advance()
    return States(np.array(rows), endpoint.model, "embedding")


def _text_features(prompt: str) -> list[float]:
    """Shape of a question and its words hashed into a few buckets: no model, nothing to download."""
    words = re.findall(r"[a-z]+", prompt.lower())
    buckets = np.zeros(_HASHED)
    for word in set(words):
        buckets[int.from_bytes(hashlib.blake2b(word.encode(), digest_size=2).digest()) % _HASHED] = 1.0
    signature = re.findall(r"def \w+\(([^)]*)\)", prompt)
    shape: list[Any] = [
        np.log1p(len(prompt)), np.log1p(len(words)), prompt.count("\n"), len(set(words)) / max(len(words), 1),
        np.mean([len(word) for word in words] or [0]), prompt.count(">>>"), len(re.findall(r"\d", prompt)),
        len(signature), signature[-1].count(":") if signature else 0, prompt.lower().count("list"),
        prompt.lower().count("string") + prompt.lower().count("str"),
    ]
    return [*map(float, shape), *buckets]


def _digest(*paths: Path) -> str:
    """A short name for a model's content: sizes and first mebibytes."""
    digest = hashlib.blake2b(digest_size=6)
    for path in paths:
        digest.update(str(path.stat().st_size).encode())
        with path.open("rb") as file:
            digest.update(file.read(1 << 20))
    return digest.hexdigest()
