"""`coderm generate`, `coderm run`, `coderm solve`: models are asked, what they answer becomes a run."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from coderm.cli.app import app
from coderm.cli.execute import IsolationOption, TimeLimit, Unsafe, Workers
from coderm.records import Protocol

if TYPE_CHECKING:
    from coderm.generate.models import Kind
    from coderm.generate.stage import Source
    from coderm.scale.live import Budget as Plan

_SPEC = ("openai:MODEL[@URL] (any OpenAI-compatible endpoint; the key comes from OPENAI_API_KEY), local:FILE.gguf, "
         "hf:DIR, replay:RUN or fake")

Dataset = Annotated[str, typer.Argument(help="humaneval, humaneval+[:FILE], mbpp+[:FILE], livecodebench:FILE or "
                                             "FILE.jsonl of your own.")]
Policy = Annotated[str, typer.Option(help=f"The model that writes solutions: {_SPEC}.")]
Tester = Annotated[str, typer.Option(help="The model that writes unit tests; same form as --policy.")]
N = Annotated[int, typer.Option("-n", min=1, help="Candidate solutions to sample for each problem.")]
M = Annotated[int, typer.Option("-m", min=1, help="Unit tests to sample for each problem.")]
Out = Annotated[Path, typer.Option(help="The run directory; an interrupted run goes on where it stopped.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Take only the first so many problems.")]
ProtocolOption = Annotated[Protocol | None, typer.Option(
    show_default="default", help="`paper` asks, extracts and counts exactly as the paper's released code does.")]
PromptOption = Annotated[str | None, typer.Option(show_default="what fits the problem",
                                                  help="A prompt by name; a wrong name lists them.")]
Show = Annotated[Literal["first", "each", "none"], typer.Option(
    help="The candidate that a unit test prompt shows: the first, another for each test, or none.")]
Temperature = Annotated[float, typer.Option(min=0.0, help="Sampling temperature.")]
TopP = Annotated[float, typer.Option(min=0.0, max=1.0, help="Nucleus sampling: the share of probability kept.")]
MaxTokens = Annotated[int, typer.Option(min=1, help="The most tokens a reply may have.")]
Seed = Annotated[int, typer.Option(help="Every reply's own seed derives from this one.")]
Concurrency = Annotated[int | None, typer.Option(min=1, show_default="the model's own",
                                                 help="Requests in flight at once; slots of a local model.")]
Timeout = Annotated[float, typer.Option(min=1.0, help="Seconds an endpoint may stay silent before it is asked again.")]
KeyEnv = Annotated[str, typer.Option(help="Name of the environment variable that holds the endpoint's key.")]
Budget = Annotated[int | None, typer.Option(min=1, show_default="-m for each problem",
                                            help="Unit tests to sample over all problems together.")]
Allocate = Annotated[Literal["equal", "difficulty", "sequential"] | None, typer.Option(
    show_default="equal",
    help="Who gets the budget: the same for all; by predicted pass rates (--pass-rates), where one more counts most; "
         "or in rounds, where the votes so far leave the choice open.")]
PassRates = Annotated[Path | None, typer.Option(
    help='Predicted pass rates, {"task_id", "pass_rate"} a line, as `coderm probe predict` writes them.')]
Confidence = Annotated[float | None, typer.Option(min=0.5, max=1.0, show_default="0.9999", help=(
    "With `sequential`: how sure it must be that nothing changes before a problem is left alone."))]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Send nothing: show every prompt, how many replies would "
                                                        "be asked for, and the most tokens they could take.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout.")]

generate_app = typer.Typer(no_args_is_help=True, help="Ask models for candidate solutions or unit tests, as a run.")
app.add_typer(generate_app, name="generate")


@generate_app.command()
def solutions(
    dataset: Dataset,
    policy: Policy,
    out: Out,
    n: N = 16,
    limit: Limit = None,
    protocol: ProtocolOption = None,
    prompt: PromptOption = None,
    temperature: Temperature = 0.8,
    top_p: TopP = 0.95,
    max_tokens: MaxTokens = 1024,
    seed: Seed = 0,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    api_key_env: KeyEnv = "OPENAI_API_KEY",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Sample candidate solutions for every problem of a data set into a run.

    Every reply is on disk as soon as it arrives; only what is missing is asked for, so the same command continues an
    interrupted run, and a larger -n adds to it.
    """
    source = _source(policy, temperature, top_p, max_tokens, seed, prompt, "none", concurrency, timeout, api_key_env)
    _generate("solution", source, n, out, dataset, limit, protocol, dry_run=dry_run, as_json=as_json)


@generate_app.command()
def tests(
    tester: Tester,
    out: Out,
    dataset: Annotated[str | None, typer.Argument(
        show_default="the run's own problems", help="Needed only where the run holds no problems yet.")] = None,
    m: M = 16,
    limit: Limit = None,
    protocol: ProtocolOption = None,
    prompt: PromptOption = None,
    show: Show = "none",
    temperature: Temperature = 0.8,
    top_p: TopP = 0.95,
    max_tokens: MaxTokens = 1024,
    seed: Seed = 0,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    api_key_env: KeyEnv = "OPENAI_API_KEY",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Sample unit tests for every problem of a run; afterwards `coderm execute`, `label` and `rank` work on it."""
    source = _source(tester, temperature, top_p, max_tokens, seed, prompt, show, concurrency, timeout, api_key_env)
    _generate("unit_test", source, m, out, dataset, limit, protocol, dry_run=dry_run, as_json=as_json)


@app.command()
def run(
    dataset: Dataset,
    policy: Policy,
    tester: Tester,
    out: Out,
    n: N = 16,
    m: M = 16,
    limit: Limit = None,
    protocol: ProtocolOption = None,
    budget: Budget = None,
    allocate: Allocate = None,
    pass_rates: PassRates = None,
    confidence: Confidence = None,
    show: Show = "none",
    temperature: Temperature = 0.8,
    top_p: TopP = 0.95,
    max_tokens: MaxTokens = 1024,
    seed: Seed = 0,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    api_key_env: KeyEnv = "OPENAI_API_KEY",
    isolation: IsolationOption = "shared",
    time_limit: TimeLimit = 1.0,
    workers: Workers = None,
    unsafe: Unsafe = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Generate solutions and unit tests, execute every pair, label and rank: all of it in one go.

    The same command continues an interrupted run at the stage, problem and reply where it stopped. With --budget the
    unit tests are shared out over all problems by --allocate instead of -m for each; -m is then the most for one.
    """
    import json

    from coderm import pipeline
    from coderm.cli.rank import rank
    from coderm.execute import Engine

    plan = _plan(budget, m, allocate, pass_rates, confidence)
    asked = (temperature, top_p, max_tokens, seed, None)
    policy_source = _source(policy, *asked, "none", concurrency, timeout, api_key_env)
    tester_source = _source(tester, *asked, show, concurrency, timeout, api_key_env)
    if dry_run:
        wanted: dict[Kind, tuple[Source, int]] = {"solution": (policy_source, n), "unit_test": (tester_source, m)}
        _show_dry_run(out, dataset, limit, protocol, wanted, budget, as_json=as_json)
        return
    opened, tasks = pipeline.open_run(out, dataset, limit, protocol)
    engine = Engine(isolation, time_limit, workers=workers, unsafe=unsafe,
                    protocol=opened.config.get("protocol", "default"))
    if plan is None:
        tallies = pipeline.run_all(opened, tasks, policy_source, tester_source, n, m, engine)
    else:
        tallies, spending = pipeline.run_budget(opened, tasks, policy_source, tester_source, n, engine, plan)
        print(spending.summary(), file=sys.stderr)
    for kind, tally in tallies.items():
        print(f"{kind.replace('_', ' ')}: {tally.summary()}", file=sys.stderr)
    if opened.labels():
        rank(out, protocol=opened.config.get("protocol", "default"), as_json=as_json)
    elif as_json:
        print(json.dumps({"problems": len(tasks), "labelled": 0}))
    elif any(problem.ground_truth for problem in opened.problems()):
        print(f"no solution could be labelled, so nothing is ranked; `{opened.command('label')}` says why")
    else:
        print("these problems have no ground truth to rank by; "
              f"`{opened.command('report')}` shows what was chosen")


@app.command()
def solve(
    policy: Policy,
    tester: Tester,
    problem: Annotated[str, typer.Argument(help="The problem itself, a file that holds it, or - for standard input: "
                                                "prose, a function stub with its docstring, or asserts.")] = "-",
    n: Annotated[int, typer.Option("-n", min=1, help="Candidate solutions to sample.")] = 8,
    m: Annotated[int, typer.Option("-m", min=0, help="Unit tests to sample.")] = 8,
    confidence: Annotated[float | None, typer.Option(
        min=0.5, max=1.0, show_default="ask for all",
        help="Ask for tests in rounds, at most -m, and stop once it is this sure that more change nothing.")] = None,
    save: Annotated[Path | None, typer.Option(help="Keep prompts, replies and verdicts as a run directory.")] = None,
    temperature: Temperature = 0.8,
    top_p: TopP = 0.95,
    max_tokens: MaxTokens = 1024,
    seed: Seed = 0,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    api_key_env: KeyEnv = "OPENAI_API_KEY",
    isolation: IsolationOption = "shared",
    time_limit: TimeLimit = 1.0,
    unsafe: Unsafe = False,
    as_json: Json = False,
) -> None:
    """Solve one problem: sample candidates and tests, run them against each other, print the best candidate.

    The solution goes to stdout, the reasons to stderr. Doctest lines and asserts in the problem are trusted: a
    candidate that fails one is out before the vote. Exit code 1 where no candidate is left.
    """
    import json

    from coderm.solver import solve as solve_problem

    policy_source, tester_source = (
        _source(spec, temperature, top_p, max_tokens, seed, None, "none", concurrency, timeout, api_key_env)
        for spec in (policy, tester))
    solved = solve_problem(_problem_text(problem), policy_source, tester_source, n, m, confidence=confidence, save=save,
                           quiet=False, isolation=isolation, time_limit=time_limit, unsafe=unsafe)
    print(solved.why(), file=sys.stderr)
    if as_json:
        print(json.dumps(solved.as_json()))
    elif solved.solution is not None:
        print(solved.solution.rstrip())
    if solved.solution is None:
        raise typer.Exit(1)


def _plan(budget: int | None, m: int, allocate: Any, pass_rates: Path | None, confidence: float | None) -> Plan | None:
    """How unit tests are shared out, None for -m each. Raises InputError for an option that would change nothing."""
    from coderm.errors import InputError
    from coderm.scale.files import read_pass_rates
    from coderm.scale.live import Budget as Plan
    from coderm.scale.sequential import CONFIDENCE

    for option, value, needs, met in (
            ("--allocate", allocate, "--budget", budget is not None),
            ("--confidence", confidence, "--budget and --allocate sequential", budget and allocate == "sequential"),
            ("--pass-rates", pass_rates, "--budget and --allocate difficulty", budget and allocate == "difficulty")):
        if value is not None and not met:
            raise InputError(f"{option} needs {needs}")
    if budget is None:
        return None
    return Plan(budget, m, allocate or "equal", read_pass_rates(pass_rates) if pass_rates else None,
                CONFIDENCE if confidence is None else confidence)


def _problem_text(problem: str) -> str:
    from coderm.errors import InputError

    if problem == "-":
        return sys.stdin.read()
    may_be_path = "\n" not in problem and 0 < len(os.fsencode(problem)) < 256  # no longer name is one to the system
    if may_be_path and Path(problem).is_file():
        try:
            return Path(problem).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{problem}: not a text in UTF-8") from None
    if may_be_path and Path(problem).is_dir():
        raise InputError(f"{problem}: is a folder; name a file that holds the problem")
    if re.fullmatch(r"[!-~]+|\S+\.[a-z]{1,5}", problem):  # not every script has blanks between its words
        raise InputError(f"{problem}: no such file, and one word is no problem")
    return problem


def _source(model: str, temperature: float, top_p: float, max_tokens: int, seed: int, prompt: str | None, shown: Any,
            concurrency: int | None, timeout: float, api_key_env: str) -> Source:
    from coderm.generate.models import Sampling
    from coderm.generate.stage import Source

    return Source(model, Sampling(temperature, top_p, max_tokens), seed, prompt, shown, concurrency, timeout,
                  api_key_env)


def _generate(kind: Kind, source: Source, count: int, out: Path, dataset: str | None, limit: int | None,
              protocol: Protocol | None, *, dry_run: bool, as_json: bool) -> None:
    import json

    from coderm import pipeline
    from coderm.generate.stage import generate

    if dry_run:
        _show_dry_run(out, dataset, limit, protocol, {kind: (source, count)}, None, as_json=as_json)
        return
    opened, tasks = pipeline.open_run(out, dataset, limit, protocol)
    tally = generate(opened, kind, source, dict.fromkeys(tasks, count))
    print(json.dumps(tally.as_json()) if as_json else tally.summary())
    if tally.failures and not tally.replies:
        raise typer.Exit(1)


def _show_dry_run(out: Path, dataset: str | None, limit: int | None, protocol: Protocol | None,
                  wanted: dict[Kind, tuple[Source, int]], budget: int | None, *, as_json: bool) -> None:
    import json

    from coderm import pipeline
    from coderm.problems import load
    from coderm.report.parts import plural
    from coderm.runs import Run

    problems = Run(out).problems()[:limit] if dataset is None else load(dataset, limit)
    told = pipeline.dry_run(out, problems, wanted, protocol, budget)
    if as_json:
        print(json.dumps(told))
        return
    for kind, about in told.items():
        for ask in about["asks"]:
            for message in ask["messages"]:
                print(f"--- {message['role']}, {kind} of {ask['task_id']}\n{message['content']}\n---")
    for kind, about in told.items():
        if not about["asks"]:
            print(f"{kind}: nothing is missing")
            continue
        print(f"{kind}: {about['replies']} replies of {about['model']} for {plural(about['problems'], 'problem')} "
              f"(prompts {', '.join(about['prompts'])}); at most {about['prompt_tokens_at_most']:,} prompt tokens "
              f"(a token a byte; usually a quarter of it) and {about['completion_tokens_at_most']:,} reply tokens")
