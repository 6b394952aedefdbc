"""Does training make a better unit test generator? Synthesise, train with and without quality control, measure.

    python benchmarks/generator.py --teacher local:TEACHER.gguf --policy local:POLICY.gguf --base MODEL \
        --train mbpp+:MbppPlus.jsonl.gz --out DIR
    python benchmarks/generator.py --teacher fake --policy fake --base tiny --train exercises --seeds 1 \
        --held-out-limit 2 -n 2 -m 2 --max-tokens 16 --out DIR        # a dry run in minutes

One command, resumable at every point: training data from --train (HumanEval kept apart), the base model trained on it
--seeds times with quality control and as often without (one synthesis serves both), then unit tests by the base and
by every trained model for --held-out, on the same solutions of the policy model. Writes DIR/generator.md: rows, usable
tests, the quality of tests (Ma et al. 2025, Table 2, both readings of FAR and FRR) and best-of-N (majority vote), each
as the mean over seeds with its spread. Needs the extra train; --seeds 3 and more are what a statement needs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from coderm.execute import Engine
from coderm.generate.models import Sampling
from coderm.generate.stage import Source, generate
from coderm.pipeline import open_run, run_all
from coderm.reward.measures import quality
from coderm.reward.ranking import rank
from coderm.reward.tasks import tasks_of
from coderm.runs import Run, write_json
from coderm.synthesize.build import Recipe, synthesize
from coderm.train.base import open_base
from coderm.train.sft import Settings, read_rows, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("teacher", "policy", "base", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--train", required=True, help="source of training problems, as for `coderm synthesize`")
    parser.add_argument("--held-out", default="humaneval")
    for name, default in (("train-limit", None), ("held-out-limit", None), ("seeds", 3), ("tests", 16), ("weak", 10),
                          ("keep", 4), ("batch", 16), ("max-length", 2048)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("-n", type=int, default=16, help="solutions a held-out problem")
    parser.add_argument("-m", type=int, default=16, help="unit tests a held-out problem")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--max-tokens", type=int, default=1024, help="tokens of a reply in the evaluation")
    args = parser.parse_args()
    out = Path(args.out)

    recipe = Recipe(teacher=args.teacher, weak=args.policy, tests=args.tests, solutions=args.weak, keep=args.keep)
    data = {"with": out / "data", "without": out / "data-without-quality-control"}
    synthesize(args.train, data["with"], recipe, limit=args.train_limit, against=[args.held_out])
    if not data["without"].exists():
        shutil.copytree(data["with"], data["without"])
    synthesize(args.train, data["without"], replace(recipe, quality_control=False), limit=args.train_limit,
               against=[args.held_out])

    results = []
    for seed in range(args.seeds):
        testers = {"base": f"hf:{_as_folder(args.base, data['with'], out / 'models' / 'base')}"}
        for name, folder in data.items():
            model = out / "models" / f"{name}-{seed}"
            train(folder, model, Settings(base=args.base, epochs=args.epochs, batch=args.batch, seed=seed,
                                          max_length=args.max_length))
            testers[name] = f"hf:{model}"
        for name, spec in testers.items():
            results.append({"tester": name, "seed": seed} | _measure(args, out, name, spec, seed))
            write_json(out / "generator.json", {"arguments": vars(args), "results": results})
    rows = {name: len(read_rows(folder)) for name, folder in data.items()}
    text = _table(results, rows)
    (out / "generator.md").write_text(text)
    print(text, end="")


def _as_folder(base: str, data: Path, folder: Path) -> Path:
    """The untrained base in the form of the trained models, so that nothing but training differs."""
    if not (folder / "config.json").exists():
        texts = [message["content"] for row in read_rows(data) for message in row["prompt"] + row["completion"]]
        for part in open_base(base, texts, seed=0, half=torch.cuda.is_available()):
            part.save_pretrained(folder)
    return folder


def _measure(args: argparse.Namespace, out: Path, name: str, spec: str, seed: int) -> dict[str, Any]:
    """Usable tests, Table 2 and best-of-N of one tester, in percent, on the policy's solutions."""
    sampling = Sampling(max_tokens=args.max_tokens)
    policy = Source(args.policy, sampling)
    shared, tasks = open_run(out / "policy", args.held_out, args.held_out_limit, None)
    generate(shared, "solution", policy, dict.fromkeys(tasks, args.n))
    folder = out / "evaluation" / f"{name}-{seed}"
    if not folder.exists():
        shutil.copytree(shared.path, folder)
    run = Run(folder)
    tester = Source(spec, sampling, seed=seed, prompt="coderm-8b", shown="first")
    run_all(run, tasks, policy, tester, args.n, args.m, Engine())
    scored = tasks_of(run)
    table2, ranking = quality(scored), rank(scored)
    usable = sum(len(tests) for tests in run.unit_tests().values())
    return {
        "usable": 100 * usable / (len(tasks) * args.m),
        **{f"individual {key}": value for key, value in table2.individual.as_json().items()},
        **{f"multiple {key}": value for key, value in table2.multiple.as_json().items()},
        **{rule: ranking.estimate(rule).value for rule in ("random", "majority", "oracle")},
    }


def _table(results: list[dict[str, Any]], rows: dict[str, int]) -> str:
    """Markdown: a line a tester, mean and spread over its seeds."""
    rates = ("accuracy", "f1", "far_paper", "frr_paper", "far", "frr")
    columns = ["usable", *(f"individual {r}" for r in rates), *(f"multiple {r}" for r in rates),
               "random", "majority", "oracle"]
    lines = ["| tester | rows | seeds | " + " | ".join(columns) + " |", "|---" * (len(columns) + 3) + "|"]
    for name in ("base", "with", "without"):
        mine = [result for result in results if result["tester"] == name]
        cells = []
        for column in columns:
            values = [result[column] for result in mine]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.1f}{spread}")
        lines.append(f"| {name} | {rows.get(name, 0)} | {len(mine)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
