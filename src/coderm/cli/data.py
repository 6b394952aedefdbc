"""`coderm import`, `coderm export`, `coderm label`: data in and out, and what is known to be right."""

from __future__ import annotations

import sys
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coderm.cli.app import app
from coderm.cli.execute import Python, Unsafe, Workers
from coderm.records import Protocol

if TYPE_CHECKING:
    from coderm.problems.rows import Complaints
    from coderm.runs import Run

imports = typer.Typer(no_args_is_help=True, help="Turn files from elsewhere into a run directory.")
exports = typer.Typer(no_args_is_help=True, help="Write a run's solutions and unit tests as files for other tools.")
app.add_typer(imports, name="import")
app.add_typer(exports, name="export")

Problems = Annotated[str, typer.Option(help="humaneval, humaneval+[:FILE], mbpp+[:FILE], livecodebench:FILE, or a FILE "
                                            "of problems in any of these shapes or your own.")]
Solutions = Annotated[Path, typer.Option(help="File of candidate solutions, .jsonl or .jsonl.gz.")]
MaybeSolutions = Annotated[Path | None, typer.Option(help="File of candidate solutions, .jsonl or .jsonl.gz.")]
Tests = Annotated[Path, typer.Option(help="File of unit tests, .jsonl or .jsonl.gz.")]
MaybeTests = Annotated[Path | None, typer.Option(help="File of unit tests, .jsonl or .jsonl.gz.")]
Out = Annotated[Path, typer.Option(help="The run directory to make.")]
Folder = Annotated[Path, typer.Option(help="The folder to write into.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Pass over lines that cannot be read and list them, instead "
                                                          "of stopping at the first.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]


@imports.command("codet")
def import_codet(problems: Problems, solutions: Solutions, unit_tests: Tests, out: Out,
                 granularity: Annotated[Literal["sample", "case"], typer.Option(
                     help="What one unit test is: the first 5 usable asserts of a sample, or each one of them.",
                 )] = "sample",
                 skip_bad: SkipBad = False, as_json: Json = False) -> None:
    """CodeT's files: {"prompt", "samples"}, completions of a prompt and continuations of "assert "."""
    from coderm.problems import codet, load
    from coderm.problems.exchange import write_run
    from coderm.problems.rows import Complaints

    complaints = Complaints(skip_bad)
    found = load(problems, complaints=complaints)
    tests, origins = codet.read_unit_tests(unit_tests, found, granularity, complaints)
    run = write_run(out, {"format": "codet", "granularity": granularity}, found,
                    codet.read_solutions(solutions, found, complaints), tests, origins=origins)
    _report(run, complaints, as_json)


@imports.command("coderm")
def import_coderm(problems: Problems, out: Out, solutions: MaybeSolutions = None, unit_tests: MaybeTests = None,
                  protocol: Annotated[Protocol, typer.Option(
                      help="How code is taken out of raw replies; `paper` as the paper's released code does.",
                  )] = "default",
                  skip_bad: SkipBad = False, as_json: Json = False) -> None:
    """CodeRM's files: {"task_id", "solutions"}, {"task_id", "unit_tests"}, or raw {"task_id", "responses"} of either.

    Raw replies are kept in the run, and their code is extracted.
    """
    from coderm.errors import InputError
    from coderm.problems import coderm_files, load
    from coderm.problems.exchange import write_run
    from coderm.problems.rows import Complaints

    if solutions is None and unit_tests is None:
        raise InputError("nothing to import: give --solutions, --unit-tests or both")
    complaints = Complaints(skip_bad)
    found = load(problems, complaints=complaints)
    known = {problem.task_id for problem in found}
    nothing = coderm_files.Read()
    candidates = coderm_files.read(solutions, "solution", known, complaints) if solutions else nothing
    tests = coderm_files.read(unit_tests, "unit_test", known, complaints) if unit_tests else nothing
    replies = {"solution_replies": candidates.replies, "unit_test_replies": tests.replies}
    run = write_run(out, {"format": "coderm", "protocol": protocol}, found, candidates.texts, tests.texts,
                    {name: rows for name, rows in replies.items() if rows})
    if any(replies.values()):
        from coderm.generate.extract.run import extract_run

        extract_run(run, protocol)
    _report(run, complaints, as_json)


@imports.command("evalplus")
def import_evalplus(problems: Problems, solutions: Solutions, out: Out,
                    skip_bad: SkipBad = False, as_json: Json = False) -> None:
    """EvalPlus's samples: one line a solution, {"task_id", "solution"} or {"task_id", "completion"}."""
    from coderm.problems import load, samples
    from coderm.problems.exchange import write_run
    from coderm.problems.rows import Complaints

    complaints = Complaints(skip_bad)
    found = load(problems, complaints=complaints)
    run = write_run(out, {"format": "evalplus"}, found, samples.read(solutions, found, complaints), {})
    _report(run, complaints, as_json)


@exports.command("codet")
def export_codet(run: RunPath, out: Folder, skip_bad: Annotated[bool, typer.Option(
        "--skip-bad", help="Leave out and list what the format cannot hold, instead of stopping there.")] = False,
        as_json: Json = False) -> None:
    """CodeT's files: solutions that continue their prompt, and unit tests that are plain asserts."""
    from coderm.problems import codet
    from coderm.problems.exchange import write_files
    from coderm.problems.rows import Complaints
    from coderm.runs import load

    opened, complaints = load(run), Complaints(skip_bad)
    solutions, unit_tests = opened.solutions(), opened.unit_tests()
    problems = opened.problems()
    written = write_files(out, {
        "solutions.jsonl": (row for p in problems if p.task_id in solutions
                            for row in codet.solution_rows(p, solutions[p.task_id], complaints)),
        "unit_tests.jsonl": (row for p in problems if p.task_id in unit_tests
                             for row in codet.unit_test_rows(p, unit_tests[p.task_id], complaints)),
    })
    _written(written, complaints.skipped, as_json)


@exports.command("coderm")
def export_coderm(run: RunPath, out: Folder, as_json: Json = False) -> None:
    """CodeRM's files: {"task_id", "solutions"}, {"task_id", "unit_tests"}, and raw {"task_id", "responses"}."""
    from coderm.problems.coderm_files import reply_rows
    from coderm.problems.exchange import write_files
    from coderm.runs import load

    opened = load(run)
    written = write_files(out, {
        "solutions.jsonl": ({"task_id": t, "solutions": texts} for t, texts in opened.solutions().items()),
        "unit_tests.jsonl": ({"task_id": t, "unit_tests": texts} for t, texts in opened.unit_tests().items()),
        "solution_responses.jsonl": reply_rows(opened.rows("solution_replies")),
        "unit_test_responses.jsonl": reply_rows(opened.rows("unit_test_replies")),
    })
    _written(written, [], as_json)


@exports.command("evalplus")
def export_evalplus(run: RunPath, out: Folder, chosen_by: Annotated[str | None, typer.Option(
        "--select", help="Only the solution of each problem that this rule chooses (one of `coderm rank`'s, or "
                         "module:function); of several that tie, the first. Needs no labels.")] = None,
        as_json: Json = False) -> None:
    """EvalPlus's samples: one line a solution, {"task_id", "solution"}."""
    from coderm.problems.exchange import write_files
    from coderm.reward.evaluate import task_scores, tied_best
    from coderm.reward.selectors import resolve
    from coderm.reward.tasks import tasks_of
    from coderm.runs import load

    opened = load(run)
    texts = opened.solutions()
    if chosen_by:
        tasks = tasks_of(opened, protocol=opened.config.get("protocol", "default"))
        if missing := len(texts) - len(tasks):
            print(f"{missing} of {len(texts)} problems are left out: not executed yet", file=sys.stderr)
        rule = resolve(chosen_by)
        texts = {task.task_id: list(compress(texts[task.task_id], tied_best(task_scores(task, rule))))[:1]
                 for task in tasks}
    rows = ({"task_id": t, "solution": text} for t, candidates in texts.items() for text in candidates)
    _written(write_files(out, {"samples.jsonl": rows}), [], as_json)


def _report(run: Run, complaints: Complaints, as_json: bool) -> None:
    import json

    from coderm.problems.exchange import summary
    from coderm.report.parts import plural

    counts = summary(run, complaints.skipped)
    if as_json:
        print(json.dumps(counts))
        return
    print(f"{run.path}: {plural(counts['problems'], 'problem')}, {plural(counts['solutions'], 'solution')}, "
          f"{plural(counts['unit_tests'], 'unit test')}")
    for what in ("solutions", "unit_tests"):
        lacking = counts[f"problems_without_{what}"]
        if lacking and counts[what]:
            print(f"{plural(len(lacking), 'problem')} without {what.replace('_', ' ')}: {', '.join(lacking[:10])}"
                  + (", ..." if len(lacking) > 10 else ""))
    _list_skipped(complaints.skipped)


def _written(written: dict[str, int], skipped: list[str], as_json: bool) -> None:
    import json

    from coderm.report.parts import plural

    if as_json:
        print(json.dumps({"files": written, "skipped": skipped}))
        return
    for path, lines in written.items():
        print(f"{path}: {plural(lines, 'line')}")
    _list_skipped(skipped)


def _list_skipped(skipped: list[str]) -> None:
    if skipped:
        print(f"skipped {len(skipped)}:", *skipped, sep="\n  ", file=sys.stderr)


@app.command()
def label(
    run: RunPath,
    time_limit: Annotated[float, typer.Option(min=0.001, help="CPU seconds a candidate has for each ground-truth test; "
                                                              "more where the reference needs more, and 6 for "
                                                              "LiveCodeBench.")] = 1.0,
    memory_limit: Annotated[int, typer.Option(help="Memory a candidate may use, in MiB.")] = 1024,
    workers: Workers = None,
    python: Python = None,
    unsafe: Unsafe = False,
    as_json: Json = False,
) -> None:
    """Find out which candidate solutions are correct, by the ground truth of their problems.

    Labels every problem that has a ground truth and no labels yet, so an interrupted call goes on where it stopped.
    A ground truth that its problem's own reference solution fails is listed and labels nothing.
    """
    import json
    from dataclasses import asdict

    from coderm.execute import Engine
    from coderm.label import label_run
    from coderm.report.parts import plural
    from coderm.runs import Run

    engine = Engine(memory_limit=memory_limit * 1024 * 1024, workers=workers, python=python, unsafe=unsafe)
    with Run(run) as opened, engine:
        told = label_run(opened, engine, time_limit=time_limit)
    if as_json:
        print(json.dumps(asdict(told)))
        return
    print(f"{plural(told.problems, 'problem')} labelled ({told.labelled_now} now, {told.seconds:.1f} s): "
          f"{told.correct:,} of {plural(told.solutions, 'solution')} correct")
    print(f"one candidate {told.accuracy:.1f} %, at least one correct {told.at_least_one:.1f} %")
    if told.without_ground_truth:
        print(f"{plural(told.without_ground_truth, 'problem')} without ground truth")
    for task_id, why in told.rejected.items():
        print(f"{task_id}: ground truth not believed: {why}")
    if told.not_run:
        print(f"{plural(len(told.not_run), 'problem')} could not be executed, run this again: "
              + ", ".join(told.not_run[:10]))
