"""Supervised fine-tuning: prompt and completion rows in, a model folder with its card out, resumable in between.

    OUT/config.json, model.safetensors, tokenizer...    the model, LoRA merged in: any transformers or vLLM user's
        README.md                                       its card, written from what happened
        training.json                                   settings, counts, the loss at every logged step
        checkpoints/                                    where the same command goes on after a kill
"""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coderm.errors import InputError
from coderm.progress import Progress
from coderm.runs import read_json, read_jsonl, write_json
from coderm.train.base import open_base
from coderm.train.card import model_card


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train. Ma et al. 2025, §3.1 state the base (Llama3.1-8B-Instruct) and about 60k rows; all else is ours."""

    base: str
    """A folder, a FILE.gguf, a name on the hub, or "tiny"."""
    lora: bool = True
    """Train low-rank adapters (rank 16, alpha 32, on all linear layers) and merge them; False trains all weights."""
    epochs: float = 3.0
    learning_rate: float | None = None
    """None: 2e-4 for LoRA, 1e-5 for all weights."""
    batch: int = 16
    """Rows an optimiser step."""
    at_once: int = 1
    """Rows a device holds at once; must divide `batch`."""
    max_length: int = 4096
    """Tokens of a row; longer rows are left out, never cut."""
    packing: bool = False
    """Put several rows into one sequence of max_length; needs an attention kernel that keeps them apart."""
    save_every: int = 100
    """Optimiser steps between checkpoints."""
    seed: int = 0

    @property
    def rate(self) -> float:
        """The learning rate in force."""
        return self.learning_rate or (2e-4 if self.lora else 1e-5)


def train(data: str | Path, out: str | Path, settings: Settings) -> dict[str, Any]:
    """Train on DATA (a synthesis run or an sft.jsonl) into the folder OUT; returns what training.json holds.

    A checkpoint in OUT from an earlier call with the same settings is resumed exactly: data order, optimiser and
    random state included. Raises InputError for rows that are none, for settings that cannot be, and where OUT was
    begun with other settings or data.
    """
    data, out = Path(data), Path(out)
    rows = read_rows(data)
    if settings.batch % settings.at_once:
        raise InputError(f"at_once ({settings.at_once}) must divide batch ({settings.batch})")
    begun = {"settings": dataclasses.asdict(settings), "rows": len(rows), "data": str(data)}
    if (out / "begun.json").exists() and (before := read_json(out / "begun.json")) != begun:
        differing = sorted(key for key in begun if before.get(key) != begun[key])
        raise InputError(f"{out}: begun with other {', '.join(differing)}; choose another folder")
    if out.exists() and any(out.iterdir()) and not (out / "begun.json").exists():
        raise InputError(f"{out}: exists and is no training folder; choose an empty or new one")
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "begun.json", begun)
    report = begun | _fit(rows, out, settings)
    funnel = data / "funnel.json"
    report["funnel"] = read_json(funnel) if funnel.is_file() else None
    write_json(out / "training.json", report)
    (out / "README.md").write_text(model_card(report))
    return report


def read_rows(data: Path) -> list[dict[str, Any]]:
    """The rows {"prompt": [messages], "completion": [messages]} of a run's sft.jsonl or a file. Raises InputError."""
    path = data / "sft.jsonl" if data.is_dir() else data
    if not path.is_file():
        raise InputError(f"{path}: no such file; make one with `coderm synthesize`")
    rows = []
    for number, row in enumerate(read_jsonl(path), 1):
        if not all(isinstance(row.get(key), list) and row[key] for key in ("prompt", "completion")):
            raise InputError(f"{path}:{number}: needs prompt and completion, each a list of messages")
        rows.append({"prompt": row["prompt"], "completion": row["completion"]})
    if not rows:
        raise InputError(f"{path}: holds no rows")
    return rows


def _fit(rows: list[dict[str, Any]], out: Path, settings: Settings) -> dict[str, Any]:
    """Load, train, merge and save; what there is to report of it."""
    texts = [message["content"] for row in rows for message in row["prompt"] + row["completion"]]
    cuda, bf16 = _hardware()
    model, tokenizer = open_base(settings.base, texts, seed=settings.seed, half=bf16 and settings.lora)
    kept = [row for row in rows if _length(tokenizer, row) <= settings.max_length]
    if not kept:
        raise InputError(f"no row is shorter than {settings.max_length} tokens")

    from datasets import Dataset, disable_progress_bars
    from transformers.trainer_utils import get_last_checkpoint
    from transformers.utils import logging

    disable_progress_bars()
    logging.disable_progress_bar()
    trainer = _trainer(model, tokenizer, Dataset.from_list(kept), out / "checkpoints", settings, cuda, bf16)
    started = time.monotonic()
    last = get_last_checkpoint(str(out / "checkpoints")) if (out / "checkpoints").is_dir() else None
    trainer.train(resume_from_checkpoint=last)
    seconds = time.monotonic() - started
    trained = trainer.model.merge_and_unload() if settings.lora else trainer.model
    trained.save_pretrained(out)
    tokenizer.save_pretrained(out)
    log = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "rows_trained": len(kept), "rows_too_long": len(rows) - len(kept), "steps": trainer.state.global_step,
        "parameters": trained.num_parameters(), "seconds": round(seconds, 1), "resumed": last is not None,
        "machine": _machine(cuda), "bf16": bf16,
        "log": [{"step": entry["step"], "loss": round(entry["loss"], 4)} for entry in log],
    }


def _trainer(model: Any, tokenizer: Any, dataset: Any, checkpoints: Path, settings: Settings, cuda: bool,
             bf16: bool) -> Any:
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    config = SFTConfig(
        output_dir=str(checkpoints),
        num_train_epochs=settings.epochs,
        learning_rate=settings.rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.03,
        per_device_train_batch_size=settings.at_once,
        gradient_accumulation_steps=settings.batch // settings.at_once,
        activation_checkpointing=cuda,
        max_length=settings.max_length,
        packing=settings.packing,
        completion_only_loss=True,
        bf16=bf16,
        use_cpu=not cuda,
        seed=settings.seed,
        data_seed=settings.seed,
        save_steps=settings.save_every,
        save_total_limit=2,
        logging_steps=1,
        logging_first_step=True,
        report_to="none",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(model=model, processing_class=tokenizer, args=config, train_dataset=dataset,
                         peft_config=lora if settings.lora else None)
    # it prints to standard output, which belongs to --json
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_progress_callback())
    return trainer


def _progress_callback() -> Any:
    """A callback of the trainer that shows steps and loss on stderr."""
    from transformers import TrainerCallback

    class Steps(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.progress = Progress("training", state.max_steps).__enter__()
            self.progress.advance(state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
            if "loss" in logs:
                self.progress.advance(state.global_step - self.progress.done, note=f"loss {logs['loss']:.3f}")

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.progress.__exit__(None, None, None)

    return Steps()


def _length(tokenizer: Any, row: dict[str, Any]) -> int:
    ids: Sequence[int] = tokenizer.apply_chat_template(row["prompt"] + row["completion"], return_dict=True)["input_ids"]
    return len(ids)


def _hardware() -> tuple[bool, bool]:
    """(whether there is a CUDA device, whether it computes in bfloat16)."""
    try:
        import torch
    except ImportError:
        from coderm.errors import MissingExtra

        raise MissingExtra("train", "torch") from None
    cuda = torch.cuda.is_available()
    return cuda, cuda and torch.cuda.is_bf16_supported()


def _machine(cuda: bool) -> str:
    import torch

    return torch.cuda.get_device_name() if cuda else f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
