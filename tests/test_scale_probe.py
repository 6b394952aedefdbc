"""The difficulty probe: what it learns, what a file of it can and cannot do, and the command line around it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from coderm.errors import FormatError, InputError, SchemaError
from coderm.records import Problem
from coderm.runs import Run
from coderm.scale import probe_report
from coderm.scale.probe import Probe, cross_entropy, fit, held_out, load_probe
from coderm.scale.states import States, read_states

pytest.importorskip("sklearn")


def planted(n: int = 80, width: int = 6) -> tuple[States, np.ndarray]:
    """States whose first number decides the pass rate, the rest noise."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((n, width))
    return States(values, "model 1", "last"), 1 / (1 + np.exp(-3 * values[:, 0]))


def test_held_out_predictions_find_what_is_there_and_nothing_where_nothing_is() -> None:
    states, rates = planted()
    told = probe_report.measure(rates, {"constant": probe_report.leave_out_mean(rates),
                                        "probe": held_out("x", states, rates)})
    assert told["probe"].gain_low > 0 and told["probe"].spearman > 0.8
    assert told["probe"].brier < told["constant"].brier
    noise = States(np.random.default_rng(1).standard_normal((80, 6)), "model 1", "last")
    vain = probe_report.measure(rates, {"constant": probe_report.leave_out_mean(rates),
                                        "probe": held_out("x", noise, rates)})
    # A probe that learns nothing predicts the mean of the other folds, which runs slightly against the held-out one.
    assert vain["probe"].gain_low < 0 and vain["probe"].spearman < 0.35
    assert sum(part[2] for part in vain["probe"].calibration) == 80


def test_a_soft_label_is_two_weighted_rows() -> None:
    # States that say nothing: the best prediction under soft-label cross-entropy is the mean rate.
    rates = np.tile([0.1, 0.7], 20)
    fitted = fit("x", States(np.ones((40, 3)), "m", "0"), rates)
    assert fitted.predict(States(np.ones((1, 3)), "m", "0"))[0] == pytest.approx(0.4, abs=1e-3)
    assert cross_entropy(np.array([0.5]), np.array([0.5]))[0] == pytest.approx(np.log(2))


def test_a_saved_probe_predicts_the_same_and_refuses_other_states(tmp_path: Path) -> None:
    states, rates = planted()
    fitted = fit("local:x.gguf", states, rates)
    fitted.save(tmp_path / "probe.npz")
    again = load_probe(tmp_path / "probe.npz")
    assert again.about == fitted.about and np.array_equal(again.predict(states), fitted.predict(states))
    for other in (States(states.values, "model 2", "last"), States(states.values, "model 1", "3"),
                  States(states.values[:, 1:], "model 1", "last")):
        with pytest.raises(InputError, match="this probe reads"):
            again.predict(other)


def test_files_that_are_no_probe(tmp_path: Path) -> None:
    states, rates = planted()
    fitted = fit("x", states, rates)
    newer = Probe(fitted.about.__class__(**{**vars(fitted.about), "schema": 99}),
                  *(getattr(fitted, n) for n in ("mean", "scale", "weights_1", "bias_1", "weights_2", "bias_2")))
    newer.save(tmp_path / "newer.npz")
    with pytest.raises(SchemaError, match="upgrade"):
        load_probe(tmp_path / "newer.npz")
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "object.npz", about=np.array([{"a": 1}], dtype=object))  # a pickle inside
    for name in ("text.npz", "object.npz"):
        with pytest.raises(FormatError, match="not a probe"):
            load_probe(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        load_probe(tmp_path / "none.npz")


def test_too_few_problems_are_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        fit("x", States(np.ones((9, 2)), "m", "0"), np.ones(9) / 2)


@pytest.mark.parametrize("spec", ["", "local:", "gguf:x", "local:/nowhere/x.gguf"])
def test_specs_that_are_none(spec: str) -> None:
    with pytest.raises(InputError):
        read_states(spec, ["a"])


def coderm(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", "from coderm.cli import main; main()", *args], capture_output=True,
                          text=True, timeout=280)


def test_fit_predict_allocate_from_the_command_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with Run.create(tmp_path / "run") as run:
        run.add_problems(Problem(f"p{i}", f"def f(a):\n    '''add {'x ' * i}'''") for i in range(20))
        run.append("labels", ({"task_id": f"p{i}", "correct": (rng.random(10) < i / 20).tolist()} for i in range(20)))
    told = coderm("probe", "fit", str(tmp_path / "run"), "--states", "text", "--out", str(tmp_path / "p.npz"), "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["held_out"].keys() == {"constant", "text"}
    rates = tmp_path / "rates.jsonl"
    told = coderm("probe", "predict", str(tmp_path / "p.npz"), str(tmp_path / "run"), "--out", str(rates))
    assert told.returncode == 0, told.stderr
    written = {row["task_id"]: row["pass_rate"] for row in map(json.loads, rates.read_text().splitlines())}
    assert len(written) == 20
    asked = ("probe", "predict", str(tmp_path / "p.npz"), str(tmp_path / "run"))
    assert [json.loads(line)["pass_rate"] for line in coderm(*asked).stdout.splitlines()] == [*written.values()]
    for more in ([], ["--out", str(tmp_path / "again.jsonl")]):
        told = json.loads(coderm(*asked, "--json", *more).stdout)
        assert told["problems"] == 20 and told["pass_rates"] == pytest.approx(written, abs=1e-6)
    assert (tmp_path / "again.jsonl").read_text() == rates.read_text()
    told = coderm("allocate", str(rates), "--total", "100", "--json")
    assert sum(json.loads(told.stdout)["units"].values()) == 100
    told = coderm("allocate", str(tmp_path / "run"), "--total", "100", "--maximum", "3")
    assert told.returncode == 2 and told.stderr.count("\n") == 1 and "cannot be met" in told.stderr
    rates.write_text('{"task_id": "a", "pass_rate": 2}\n')
    assert coderm("allocate", str(rates), "--total", "1").returncode == 2


def test_hidden_states_from_transformers_by_layer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?").save_pretrained(tmp_path / "model")
    config = transformers.GPT2Config(vocab_size=3, n_positions=16, n_embd=8, n_layer=2, n_head=2)
    transformers.GPT2Model(config).save_pretrained(tmp_path / "model")
    last, first = (read_states(f"hf:{tmp_path / 'model'}{layer}", ["a b", "b b a"]) for layer in ("", "#0"))
    assert last.values.shape == first.values.shape == (2, 8)
    assert (last.layer, first.layer) == ("-1", "0") and last.model == first.model
    assert not np.allclose(last.values, first.values)
    # The last token decides: its embedding is the same wherever else the prompts differ, its state is not.
    again = read_states(f"hf:{tmp_path / 'model'}", ["b b", "a b"])
    assert np.allclose(again.values[1], last.values[0]) and not np.allclose(again.values[0], last.values[0])
    with pytest.raises(InputError, match="layers 0 to 2"):
        read_states(f"hf:{tmp_path / 'model'}#7", ["a"])


def test_vectors_of_an_embeddings_endpoint() -> None:
    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"object": "list", "model": asked["model"], "data": [
                {"object": "embedding", "index": 0, "embedding": [float(len(asked["input"])), 1.0]}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        states = read_states(f"openai:small@http://127.0.0.1:{server.server_port}/v1", ["abc", "de"])
        server.shutdown()
    assert states.values.tolist() == [[3.0, 1.0], [2.0, 1.0]] and (states.model, states.layer) == ("small", "embedding")
