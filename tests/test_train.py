"""Training: loss falls, a stopped run resumes exactly, the saved model is a model. Nothing is downloaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from coderm.cli import app
from coderm.errors import InputError
from coderm.train.sft import Settings, read_rows, train

pytest.importorskip("torch", reason="the extra train is not installed (pip install torch first, then coderm[train])")
pytest.importorskip("trl", reason="the extra train is not installed")

SETTINGS = Settings(base="tiny", lora=False, epochs=4, learning_rate=5e-3, batch=4, at_once=2, max_length=256,
                    save_every=4)


def rows() -> list[dict[str, Any]]:
    made = []
    for name in ("double", "halve", "square", "negate", "increment", "shorten"):
        for k in range(2):
            test = ("import unittest\nclass T(unittest.TestCase):\n    def test(self):\n"
                    f"        self.assertEqual({name}({k}), 0)")
            made.append({"prompt": [{"role": "user", "content": f"Write test cases for {name}."}],
                         "completion": [{"role": "assistant", "content": f"```python\n{test}\n```"}]})
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "sft.jsonl"
    too_long = rows()[0] | {"completion": [{"role": "assistant", "content": "x = 1\n" * 400}]}
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows(), too_long]))
    return path


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained as a user does it; what the command prints is JSON and nothing else."""
    out = tmp_path_factory.mktemp("trained") / "model"
    command = ["train", str(data), "--base", "tiny", "--full", "--epochs", "4", "--learning-rate", "0.005",
               "--batch", "4", "--at-once", "2", "--max-length", "256", "--save-every", "4", "--out", str(out),
               "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads((out / "training.json").read_text())
    return out


def test_loss_falls_and_the_card_says_what_happened(trained: Path) -> None:
    report = json.loads((trained / "training.json").read_text())
    # the row that is too long is left out, never cut
    assert (report["rows_trained"], report["rows_too_long"], report["steps"]) == (12, 1, 12)
    assert report["log"][-1]["loss"] < report["log"][0]["loss"] - 1
    card = (trained / "README.md").read_text()
    assert "12 rows" in card and "seed 0" in card and f"Loss {report['log'][0]['loss']:.3f}" in card
    assert "toy size" in card and "base_model" not in card


def test_the_saved_model_generates_as_a_tester(trained: Path) -> None:
    from coderm.generate.models import Sampling, open_model

    with open_model(f"hf:{trained}", "unit_test") as model:
        replies = model.sample(rows()[0]["prompt"], 2, Sampling(max_tokens=24, seed=0))
    assert len(replies) == 2
    assert all(0 < reply.completion_tokens <= 24 for reply in replies)


def test_a_run_stopped_at_a_step_resumes_exactly(data: Path, trained: Path, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file
    from trl import SFTTrainer

    whole, calls = SFTTrainer.training_step, []

    def stops(self: Any, *args: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) > 2 * 6:  # two halves a step; steps 5 and 6 are lost
            raise KeyboardInterrupt
        return whole(self, *args, **named)

    monkeypatch.setattr(SFTTrainer, "training_step", stops)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "model", SETTINGS)
    monkeypatch.setattr(SFTTrainer, "training_step", whole)
    report = train(data, tmp_path / "model", SETTINGS)
    assert report["resumed"]
    straight = json.loads((trained / "training.json").read_text())
    assert report["log"] == straight["log"]
    left, right = (load_file(folder / "model.safetensors") for folder in (tmp_path / "model", trained))
    assert left.keys() == right.keys()
    assert all(bool((left[name] == right[name]).all()) for name in left)


def test_lora_is_merged_and_loss_counts_completions_only(data: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM

    from coderm.train import sft
    from coderm.train.base import open_base

    report = train(data, tmp_path / "lora", replace(SETTINGS, lora=True, epochs=1))
    assert report["log"][-1]["loss"] < report["log"][0]["loss"]
    assert not list((tmp_path / "lora").glob("adapter*"))
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "lora")
    assert model.num_parameters() == report["parameters"]

    texts = [message["content"] for row in rows() for message in row["prompt"] + row["completion"]]
    base, tokenizer = open_base("tiny", texts, seed=0, half=False)
    trainer = sft._trainer(base, tokenizer, Dataset.from_list(rows()), tmp_path / "none", SETTINGS, False, False)
    batch = next(iter(trainer.get_train_dataloader()))
    learnt = tokenizer.decode([token for token in batch["labels"][0].tolist() if token >= 0])
    assert learnt.startswith("```python\nimport unittest") and learnt.endswith("```<end>")


def test_a_model_read_from_gguf_is_an_ordinary_one_again() -> None:
    from coderm.train import base

    model, _ = base.open_base("tiny", ["some text"], seed=0, half=False)
    model.config.quantization_config = {"quant_method": "gguf"}
    plain = base._plain(model)
    assert not hasattr(plain.config, "quantization_config") and not getattr(plain, "is_quantized", False)
    weights = plain.state_dict()
    assert all(bool((weights[name] == value).all()) for name, value in model.state_dict().items())


def test_the_card_names_a_base_only_where_hubs_know_it(trained: Path) -> None:
    from coderm.train.card import model_card

    report = json.loads((trained / "training.json").read_text())

    def card(base: str) -> str:
        return model_card(report | {"settings": report["settings"] | {"base": base}})

    assert "base_model: meta-llama/Llama-3.1-8B-Instruct\n---" in card("meta-llama/Llama-3.1-8B-Instruct")
    assert "base_model" not in card("/models/x.gguf") and "Base: `x.gguf`" in card("/models/x.gguf")


def test_what_cannot_be_trained_is_said(data: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_rows(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match="no rows"):
        read_rows(tmp_path / "empty.jsonl")
    (tmp_path / "text.jsonl").write_text('{"prompt": "p", "completion": "c"}\n')
    with pytest.raises(InputError, match=r"text\.jsonl:1"):
        read_rows(tmp_path / "text.jsonl")
    with pytest.raises(InputError, match="must divide"):
        train(data, tmp_path / "x", replace(SETTINGS, at_once=3))
    with pytest.raises(InputError, match="begun with other settings"):
        train(data, trained, replace(SETTINGS, seed=1))
