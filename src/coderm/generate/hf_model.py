"""A Hugging Face model folder through transformers (extra `train`): for models that were trained here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from coderm.errors import MissingExtra, NotAModel
from coderm.generate.models import Completion, Message, Model, Sampling


class HFModel(Model):
    """A causal language model in one folder; see `coderm.generate.models.Model`."""

    concurrency = 1

    def __init__(self, path: Path, *, batch: int) -> None:
        self.path, self.spec, self.batch = path, f"hf:{path}", batch
        self._model: Any = None
        self._tokenizer: Any = None

    def __enter__(self) -> HFModel:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise MissingExtra("train", error.name or "transformers") from None
        try:
            # Never code from the folder: a model folder is data.
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(self.path, trust_remote_code=False)
            self._model = transformers.AutoModelForCausalLM.from_pretrained(
                self.path, dtype="auto", trust_remote_code=False, use_safetensors=True
            ).to("cuda" if torch.cuda.is_available() else "cpu")
        except (OSError, ValueError) as error:
            raise NotAModel(self.path, "transformers", error) from None
        self._model.eval()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._model = self._tokenizer = None

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """Up to `batch` completions as one generate call."""
        import torch

        tokenizer, model = self._tokenizer, self._model
        prompt = tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        length = prompt["input_ids"].shape[1]
        if sampling.seed is not None:
            torch.manual_seed(sampling.seed)
        greedy = sampling.temperature == 0
        n = 1 if greedy else min(n, self.batch)
        how = {} if greedy else {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        with torch.inference_mode():
            output = model.generate(
                **prompt, do_sample=not greedy, num_return_sequences=n, max_new_tokens=sampling.max_tokens,
                pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
                **how,
            )
        ends = model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        completions = []
        for k, row in enumerate(output[:, length:].tolist()):
            stop = next((i for i, token in enumerate(row) if token in ends), None)
            tokens = row if stop is None else row[:stop]
            completions.append(Completion(tokenizer.decode(tokens, skip_special_tokens=True), length if k == 0 else 0,
                                          len(tokens), "length" if stop is None else "stop"))
        return completions
