"""Where a base model comes from: a folder, a GGUF file (dequantised), a name on the Hugging Face hub, or `tiny`.

`tiny` is a random model of about 100,000 parameters whose tokenizer is trained on the rows themselves: it learns
nothing of use, needs no download and walks the whole path in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coderm.errors import InputError, MissingExtra, NotAModel

PLAIN_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% else %}{{ message['content'] + '\\n' }}{% endif %}{% endfor %}"
)
"""For base models that bring no chat template (ours): the prompt, a line break, the answer, the end token."""


def open_base(base: str, texts: Sequence[str], *, seed: int, half: bool) -> tuple[Any, Any]:
    """(model, tokenizer) of a base; `half` loads the weights as bfloat16, `texts` are what `tiny` learns to spell.

    Raises MissingExtra without the extra `train`, InputError for a file that is not there, NotAModel for one that
    transformers cannot load.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra("train", error.name or "transformers") from None
    if base == "tiny":
        return _tiny(texts, seed)
    path = Path(base.removeprefix("hf:"))
    # Never code from the folder: a model folder is data.
    where: dict[str, Any] = {"pretrained_model_name_or_path": str(path), "trust_remote_code": False}
    if path.suffix == ".gguf":
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        where |= {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            **where, dtype=torch.bfloat16 if half else torch.float32)
        if "gguf_file" in where:
            model = _plain(model)
    except (OSError, ValueError, ImportError) as error:
        raise NotAModel(base, "transformers", error) from None
    if tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _plain(model: Any) -> Any:
    """A model read from GGUF as an ordinary one: transformers still calls it quantised and refuses to train it."""
    from transformers import AutoModelForCausalLM

    config = model.config.__class__.from_dict(
        {key: value for key, value in model.config.to_dict().items() if key != "quantization_config"})
    plain = AutoModelForCausalLM.from_config(config, dtype=model.dtype)
    plain.load_state_dict(model.state_dict())
    plain.generation_config = model.generation_config
    return plain


def _tiny(texts: Sequence[str], seed: int) -> tuple[Any, Any]:
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    def lines() -> Iterator[str]:
        return (line for text in texts for line in text.splitlines(keepends=True))

    spelling = ByteLevelBPETokenizer()
    spelling.train_from_iterator(lines(), vocab_size=512, special_tokens=["<end>", "<pad>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=spelling._tokenizer, eos_token="<end>", pad_token="<pad>",
                                        chat_template=PLAIN_TEMPLATE)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None))
    return model, tokenizer
