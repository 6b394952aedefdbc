"""`coderm run`: generate, execute, label and rank a data set in one go; every stage resumes where it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coderm.errors import InputError, ModelError
from coderm.execute import Engine
from coderm.execute.stage import execute_run
from coderm.generate.models import Kind
from coderm.generate.sampling import Tally
from coderm.generate.stage import Source, generate, missing, require
from coderm.label import label_run
from coderm.problems import load
from coderm.records import Problem, Protocol
from coderm.runs import Run
from coderm.scale.live import Budget, Spending, begun_with, check, check_total, spend

_NOT_YET = "# The candidate solution stands here."


def open_run(out: Path, dataset: str | None, limit: int | None, protocol: Protocol | None) -> tuple[Run, list[str]]:
    """The run at `out`, made where there is none, and the task_ids that a command works on.

    `dataset` None takes the problems that the run holds. Raises InputError where there are none, or where the run
    was made under another protocol or from another data set.
    """
    if dataset is None:
        run = Run(out)
        tasks = [problem.task_id for problem in run.problems()][:limit]
    else:
        problems = load(dataset, limit)
        run = Run.create(out, protocol=protocol or "default", dataset=dataset)
        held = {problem.task_id for problem in run.problems()}
        if run.config.get("dataset", dataset) != dataset and not held.issuperset(p.task_id for p in problems):
            raise InputError(f"{out}: was made from {run.config['dataset']}, not from {dataset}; choose another --out")
        with run:
            run.add_problems(problems)
        tasks = [problem.task_id for problem in problems]
    recorded = run.config.get("protocol", "default")
    if protocol is not None and protocol != recorded:
        raise InputError(f"{out}: was made under protocol {recorded!r}; leave --protocol away or choose another --out")
    if not tasks:
        raise InputError(f"{out}: holds no problems; name a data set")
    return run, tasks


def run_all(
    run: Run, tasks: Sequence[str], policy: Source, tester: Source, n: int, m: int, engine: Engine
) -> dict[str, Tally]:
    """Bring every task to n solutions and m unit tests, execute and label them; the run is then ready to be ranked.

    Raises ModelError after a stage that brought nothing usable at all, InputError for a run whose unit tests are
    bought by a budget: its candidates that are out ran nowhere else.
    """
    if "spend" in run.config:
        raise InputError(begun_with(run))
    tallies = {"solutions": generate(run, "solution", policy, dict.fromkeys(tasks, n))}
    require(run, "solution", policy, tasks, tallies["solutions"], "--out")
    tallies["unit_tests"] = generate(run, "unit_test", tester, dict.fromkeys(tasks, m))
    require(run, "unit_test", tester, _solved(run, tasks), tallies["unit_tests"], "--out")
    with run, engine:
        execute_run(run, engine)
        _label(run, engine)
    return tallies


def run_budget(
    run: Run, tasks: Sequence[str], policy: Source, tester: Source, n: int, engine: Engine, budget: Budget
) -> tuple[dict[str, Tally], Spending]:
    """As `run_all`, with unit tests by a budget over all tasks instead of as many for each.

    Raises ModelError as `run_all`, InputError as `coderm.scale.live.check`.
    """
    check(run, tasks, budget)
    tallies = {"solutions": generate(run, "solution", policy, dict.fromkeys(tasks, n))}
    require(run, "solution", policy, tasks, tallies["solutions"], "--out")

    def more(want: Mapping[str, int]) -> None:
        tally = generate(run, "unit_test", tester, want)
        if tally.failures:
            raise ModelError(f"{len(tally.failures)} unit tests could not be had ({tally.failures[0]['error']}); "
                             "the next votes would be skewed: run this again")

    with engine:
        spending = spend(run, tasks, engine, more, budget)
        require(run, "unit_test", tester, _solved(run, tasks), Tally(), "--out")
        with run:
            _label(run, engine)
    return tallies, spending


def _solved(run: Run, tasks: Sequence[str]) -> list[str]:
    """The tasks that have a candidate: unit tests of the others decide nothing."""
    solutions = run.solutions()
    return [task for task in tasks if solutions.get(task)]


def _label(run: Run, engine: Engine) -> None:
    """Label what can be labelled: a run may have no ground truth, or none where its solutions are."""
    solutions = run.solutions()
    if any(problem.ground_truth and solutions.get(problem.task_id) for problem in run.problems()):
        label_run(run, engine)


def dry_run(
    out: Path, problems: Sequence[Problem], wanted: dict[Kind, tuple[Source, int]], protocol: Protocol | None,
    budget: int | None = None,
) -> dict[str, Any]:
    """What would be sent, without sending or writing anything: counts, an upper bound of tokens, every prompt.

    A token is at least one byte, so the bytes of the prompts bound their tokens (usually a quarter of it). A candidate
    that is still to be sampled and then to be shown counts as the most tokens it may have. `budget` is the most unit
    tests over all problems. Raises InputError where that is more than they may have, and as `missing`.
    """
    if budget is not None:
        check_total(budget, wanted["unit_test"][1], len(problems))
    run = Run(out) if (out / "config.json").exists() else None
    protocol = protocol or (run.config.get("protocol") if run else None) or "default"
    candidates: dict[str, list[str]] = run.solutions() if run else {}
    to_come = 0
    if "solution" in wanted:
        to_come = wanted["solution"][0].sampling.max_tokens
        candidates = {p.task_id: candidates.get(p.task_id) or [_NOT_YET] for p in problems}
    told: dict[str, Any] = {}
    for kind, (source, count) in wanted.items():
        want = dict.fromkeys((p.task_id for p in problems), count)
        asks = missing(run, problems, kind, source, want, protocol, candidates)
        sizes = sorted((sum(len(message["content"].encode()) for message in ask.messages)
                        + to_come * (ask.shown is not None and candidates[ask.task_id] == [_NOT_YET])
                        for ask in asks for _ in ask.indices), reverse=True)
        sizes = sizes[: budget if kind == "unit_test" else None]
        told[f"{kind}s"] = {
            "model": source.model,
            "problems": len({ask.task_id for ask in asks}),
            "replies": len(sizes),
            "prompt_tokens_at_most": sum(sizes),
            "completion_tokens_at_most": len(sizes) * source.sampling.max_tokens,
            "prompts": sorted({ask.prompt for ask in asks}),
            "asks": [{"task_id": ask.task_id, "replies": len(ask.indices), "messages": ask.messages} for ask in asks],
        }
    return told
