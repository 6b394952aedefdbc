"""Tables and figures of the paper over made-up runs: numbers, layout, what is marked as printed."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from report_runs import synthetic_run
from typer.testing import CliRunner

from coderm.cli import app
from coderm.errors import InputError, MissingExtra
from coderm.records import Problem
from coderm.report.about import about, paper_name
from coderm.report.page import write_report
from coderm.report.reproduce import reproduce
from coderm.report.scaling import sizes
from coderm.reward import SELECTORS, Estimate, accuracies, difficulty_quintiles, rank, scaling_curve, tasks_of
from coderm.runs import Run
from coderm.scale.from_run import recorded_problems


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return synthetic_run(tmp_path_factory.mktemp("runs") / "made-up", problems=20, n=12, m=9)


@pytest.fixture(scope="module")
def paper_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("runs") / "like-the-paper"
    return synthetic_run(path, problems=20, n=12, m=15, seed=1, dataset="humaneval+:HumanEvalPlus.jsonl", generate={
        "solution": {"model": "openai:meta-llama/Meta-Llama-3-8B-Instruct@http://localhost:8000/v1"},
        "unit_test": {"model": "local:/models/CodeRM-8B.Q8_0.gguf"}})


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("spec", "name"), [
    ("openai:gpt-4o-mini", "GPT-4o-mini"), ("openai:gpt-3.5-turbo-0125", "GPT-3.5"), ("openai:gpt-4o", None),
    ("hf:meta-llama/Llama-3.1-8B-Instruct", "Llama3.1-8B"), ("Llama3-70B", "Llama3-70B"),
    ("openai:meta-llama/Llama-3.1-70B-Instruct@http://coderm-8b:80", "Llama3.1-70B"), ("qwen2.5", None), ("", None)])
def test_models_of_the_paper_are_known_by_their_usual_names(spec: str, name: str | None) -> None:
    assert paper_name(spec) == name


def test_sizes_end_with_all() -> None:
    assert sizes(100) == (1, 2, 5, 10, 20, 50, 100)
    assert sizes(16, 3) == (5, 10, 16)
    assert sizes(1) == (1,)


def test_table1_sets_printed_figures_beside_ours_where_all_match(run: Run, paper_run: Run, tmp_path: Path) -> None:
    assert about(paper_run).label == "Llama3-8B × CodeRM-8B"
    text, data = reproduce("table1", [run, paper_run], tmp_path)
    found = {(row["run"], row["method"]): row for row in rows(data)}
    tasks = tasks_of(run)
    for name in ("random", "majority", "codet", "oracle"):
        ours = float(found["made-up", name]["accuracy"])
        assert ours == pytest.approx(100 * accuracies(tasks, SELECTORS[name]).mean())
    assert found["like-the-paper", "majority"]["printed"] == "72.01"
    assert found["like-the-paper", "random"]["printed"] == "53.58"
    assert found["like-the-paper", "mpsc-no-spec"]["printed"] == "59.72"
    assert found["like-the-paper", "variance"]["printed"] == ""
    assert {row["printed"] for row in rows(data) if row["run"] == "made-up"} == {""}
    head = next(line for line in text.read_text().splitlines() if line.startswith("| method"))
    assert head.count("as printed") == 1 and head.endswith("HumanEval+: Llama3-8B × CodeRM-8B | as printed |")


def test_runs_of_the_same_models_are_told_apart(paper_run: Run, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(paper_run.path, again)
    text, _ = reproduce("table1", [paper_run, Run(again)], tmp_path)
    assert "CodeRM-8B (like-the-paper) | as printed |" in text.read_text()
    assert "CodeRM-8B (again) | as printed |" in text.read_text()


def test_table2_gives_both_readings(run: Run, tmp_path: Path) -> None:
    text, data = reproduce("table2", [run], tmp_path)
    individual, multiple = rows(data)
    tp, fp, tn = (int(individual[name]) for name in ("tp", "fp", "tn"))
    assert float(individual["far_paper"]) == pytest.approx(100 * fp / (fp + tp))
    assert float(individual["far"]) == pytest.approx(100 * fp / (fp + tn))
    assert multiple["judged"] == "multiple" and "as printed" not in text.read_text()
    ratio = float(individual["accuracy"])
    assert f"| {ratio:.2f} |" in text.read_text()


def test_figures_plot_what_the_curves_say(run: Run, paper_run: Run, tmp_path: Path) -> None:
    tasks = tasks_of(run)
    pdf, svg, png, data = reproduce("fig1", [run], tmp_path / "one", resamples=20)
    assert pdf.read_bytes().startswith(b"%PDF") and b"<svg" in svg.read_bytes() and png.read_bytes()[1:4] == b"PNG"
    last = [row for row in rows(data) if row["line"] == "12 candidates"][-1]
    assert float(last["mean"]) == pytest.approx(100 * accuracies(tasks, SELECTORS["majority"]).mean(), abs=0.01)
    assert {row["line"] for row in rows(data)} == {"1 candidate", "2 candidates", "5 candidates", "10 candidates",
                                                   "12 candidates"}
    several = rows(reproduce("fig1", [run, paper_run], tmp_path / "two", resamples=5)[-1])
    assert {row["line"] for row in several} == {"made-up, 12 candidates", "Llama3-8B × CodeRM-8B, 12 candidates"}


def test_figure_3_is_the_gain_of_each_quintile(run: Run, tmp_path: Path) -> None:
    paths = reproduce("fig3", [run], tmp_path, resamples=20)
    assert {path.name for path in paths} >= {"fig3.svg", "fig3-heatmap.pdf", "fig3.csv"}
    tasks = tasks_of(run)
    curve = scaling_curve(tasks, SELECTORS["majority"], [12], [1, 9], resamples=20)
    means = curve.means(difficulty_quintiles(tasks) == 5)[0]
    last = [row for row in rows(paths[-1]) if row["line"].startswith("5")][-1]
    assert (last["x"], float(last["mean"])) == ("9", pytest.approx(100 * (means[1] - means[0]), abs=0.01))


def test_figure_5_has_a_panel_a_benchmark(run: Run, paper_run: Run, tmp_path: Path) -> None:
    found = rows(reproduce("fig5", [run, paper_run], tmp_path, resamples=5)[-1])
    assert [(row["panel"], row["x"]) for row in found] == [("made-up", x) for x in ("1", "5", "9")] + [
        ("HumanEval+, policy Llama3-8B", x) for x in ("1", "5", "10", "15")]


def test_same_figure_same_bytes(run: Run, tmp_path: Path) -> None:
    first, second = (reproduce("fig5", [run], tmp_path / k, resamples=5) for k in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_all_makes_what_it_can_and_says_what_it_could_not(tmp_path: Path) -> None:
    few = synthetic_run(tmp_path / "few", problems=3, n=4, m=4)
    done = subprocess.run([sys.executable, "-m", "coderm", "reproduce", "all", few.path, "--out", tmp_path / "out", "--json"],
                          capture_output=True, text=True)
    made = {Path(path).stem.split("-")[0] for path in json.loads(done.stdout)["files"]}
    assert done.returncode == 0 and done.stderr.splitlines()[-1].startswith("left out fig3: few: fewer than five problems")
    assert {"table1", "table2", "fig1", "fig5", "fig6"} <= made


def test_what_cannot_be_made_says_why(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = synthetic_run(tmp_path / "bare", problems=3, n=4, m=4)
    with pytest.raises(InputError, match="quintiles"):
        reproduce("fig3", [bare], tmp_path)
    (bare.path / "labels.jsonl").unlink()
    with pytest.raises(InputError, match="coderm label"):
        reproduce("table1", [bare], tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"coderm\[report\]"):
        reproduce("fig5", [run], tmp_path, resamples=2)


def test_scores_from_outside_fill_the_papers_row(run: Run, tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    scores.write_text("".join(json.dumps({"task_id": task_id, "scores": [int(c) for c in correct]}) + "\n"
                              for task_id, correct in run.labels().items()))
    command = ["reproduce", "table1", str(run.path), "--out", str(tmp_path), "--scores", str(scores)]
    assert CliRunner().invoke(app, command).exit_code == 0
    found = {row["method"]: row["accuracy"] for row in rows(tmp_path / "table1.csv")}
    assert found["grading"] == found["oracle"]
    with pytest.raises(InputError, match="given 2 times for 1 run;"):
        reproduce("table1", [run], tmp_path, scores=[scores, scores])


def test_a_run_of_unknown_origin_is_called_by_its_folder(tmp_path: Path) -> None:
    unknown = synthetic_run(tmp_path / "R", problems=3, n=3, m=3, dataset="")
    assert "| method | R |" in reproduce("table1", [unknown], tmp_path)[0].read_text()


def test_a_figure_that_cannot_be_made_prints_nothing_to_stdout(tmp_path: Path) -> None:
    few = synthetic_run(tmp_path / "few", problems=1, n=4, m=4)
    for figure in ("fig3", "fig6"):
        result = CliRunner().invoke(app, ["reproduce", figure, str(few.path), "--out", str(tmp_path)])
        assert isinstance(result.exception, InputError) and result.stdout == ""


def test_command_line(run: Run, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["reproduce", "table2", str(run.path), "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0
    assert [Path(path).name for path in json.loads(result.stdout)["files"]] == ["table2.md", "table2.csv"]
    result = CliRunner().invoke(app, ["report", str(run.path), "--out", str(tmp_path / "page.html")])
    assert result.exit_code == 0 and result.stdout.strip() == str(tmp_path / "page.html")


def test_figure_6_spends_the_same_budget_in_several_ways(run: Run, tmp_path: Path) -> None:
    found = rows(reproduce("fig6", [run], tmp_path)[-1])
    ways = {row["line"] for row in found}
    assert ways == {"Eq. 2, gold pass rates", "equal shares", "a random problem each time (not in the paper)",
                    "as votes come in (not in the paper)", "as votes come in, by labelled problems (not in the paper)"}
    assert {row["x"] for row in found} == {"1", "2", "4", "8"}
    equal = [float(row["mean"]) for row in found if row["line"] == "equal shares"]
    one = scaling_curve(tasks_of(run), SELECTORS["majority"], [12], [1], resamples=400).means()[0, 0]
    assert equal[0] == pytest.approx(100 * one, abs=4)
    rates = tmp_path / "rates.jsonl"
    rates.write_text("".join(json.dumps({"task_id": f"Made/{k}", "pass_rate": 0.5}) + "\n" for k in range(20)))
    predicted = rows(reproduce("fig6", [run], tmp_path, pass_rates=rates)[-1])
    assert "Eq. 2, predicted pass rates" in {row["line"] for row in predicted}
    rates.write_text('{"task_id": "Made/0", "pass_rate": 0.5}\n')
    with pytest.raises(InputError, match="no predicted pass rate"):
        reproduce("fig6", [run], tmp_path, pass_rates=rates)
    with pytest.raises(InputError, match="replayed"):
        reproduce("fig6", [run], tmp_path, rule="variance")


def test_a_problem_without_a_usable_solution_counts_in_tables_and_curves_and_on_the_page(tmp_path: Path) -> None:
    """As 0 under every rule; budgets of tests leave it out, for none would help it."""
    run = synthetic_run(tmp_path / "run", problems=7, n=6, m=5)
    before = {name: ours.value for name, ours in _estimates(run).items()}
    page = write_report(run, tmp_path / "before.html").read_text("utf-8")
    curve = scaling_curve(tasks_of(run), SELECTORS["majority"], [6], [5])
    with run:
        run.add_problems([Problem("none", "")])
        run.append("solutions", [{"task_id": "none", "solutions": []}])
        run.append("unit_tests", [{"task_id": "none", "unit_tests": ["t"]}])
        run.append("labels", [{"task_id": "none", "correct": []}])
    after = _estimates(run)
    assert {name: ours.value for name, ours in after.items()} == pytest.approx(
        {name: value * 7 / 8 for name, value in before.items()})
    now = scaling_curve(tasks_of(run), SELECTORS["majority"], [6], [5])
    assert now.means()[0, 0] == pytest.approx(curve.means()[0, 0] * 7 / 8)
    assert len(recorded_problems(run)) == 7
    said = "1 more without any usable solution, which every rule loses"
    assert said not in page and said in write_report(run, tmp_path / "after.html").read_text("utf-8")


def _estimates(run: Run) -> dict[str, Estimate]:
    ranking = rank(tasks_of(run))
    return {name: ranking.estimate(name) for name in ranking.accuracies}
