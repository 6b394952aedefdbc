"""Tables 1 and 2 of Ma et al. 2025 over one's own runs, in the paper's layout, printed figures beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coderm.report import printed
from coderm.report.about import About
from coderm.report.series import panel_of
from coderm.reward import Task, quality, rank

ROWS = {"random": "vanilla (one sample)", "grading": "grading RM", "mbr-exec": "MBR-Exec", "codet": "CodeT",
        "mpsc-no-spec": "MPSC, without specifications", "majority": "unit test majority vote"}
"""Rules that Table 1 has a row for, in its order -> its name there."""
PRINTED_AS = {"mpsc-no-spec": "mpsc"}
"""Rules whose printed row is a stronger relative: MPSC used 50 specifications a problem."""
RATES = ("accuracy", "f1", "far_paper", "frr_paper", "far", "frr")


@dataclass(frozen=True)
class Table:
    """A head and rows of cells, and what to know when reading it."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    records: Sequence[Mapping[str, str | float | None]]
    """The same figures one by one, for a CSV file."""

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [self.head, ["---"] + ["---:"] * (len(self.head) - 1), *self.rows]
        body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        return f"# {self.title}\n\n{body}\n\n" + "".join(f"{note}\n" for note in self.notes)


def table1(runs: Sequence[tuple[About, Sequence[Task]]]) -> Table:
    """Best-of-N accuracy: a row a rule, a column a run. Raises InputError for a run without labels."""
    rankings = [(about, rank(tasks)) for about, tasks in runs]
    beyond = [name for name in dict.fromkeys(name for _, r in rankings for name in r.accuracies) if name not in ROWS]
    head = ["method"]
    rows = [[ROWS.get(name, f"{name} (not in the paper)")] for name in (*ROWS, *beyond)]
    records: list[dict[str, str | float | None]] = []
    for about, ranking in rankings:
        theirs = [_printed1(about, name) for name in (*ROWS, *beyond)]
        head += [panel_of(about)] + ["as printed"] * any(theirs)
        for row, name, value in zip(rows, (*ROWS, *beyond), theirs, strict=True):
            ours = ranking.estimate(name) if name in ranking.accuracies else None
            row.append(f"{ours.value:.2f} ({ours.low:.1f} to {ours.high:.1f})" if ours else "-")
            if any(theirs):
                row.append(f"{value:.2f}" if value else "-")
            records.append({"run": about.name, "benchmark": about.benchmark, "policy": about.policy,
                            "tester": about.tester, "method": name, "accuracy": ours and ours.value,
                            "low": ours and ours.low, "high": ours and ours.high, "printed": value})
    notes = ["Ours: accuracy in percent with its 95% interval over problems, ties averaged."]
    if "as printed" in head:
        notes.append("`as printed`: Ma et al. 2025, Table 1, same policy and benchmark (and, for the majority vote, "
                     "the same generator); their samples, their execution. MPSC is printed with specifications.")
    else:
        notes.append("No run has a policy and benchmark of Ma et al. 2025, Table 1: no printed figure to set beside.")
    return Table("Table 1: best-of-N by unit tests", head, rows, notes, records)


def table2(runs: Sequence[tuple[About, Sequence[Task]]]) -> Table:
    """Quality of unit tests, under the paper's definitions and the standard ones; a row a run and kind."""
    head = ["unit tests by", "judged", "Acc", "F1", "FAR (paper)", "FRR (paper)", "FAR (standard)", "FRR (standard)"]
    rows: list[list[str]] = []
    records: list[dict[str, str | float | None]] = []
    for about, tasks in runs:
        found = quality(tasks)
        comparable = (about.benchmark, about.policy) == ("HumanEval+", printed.TABLE2_POLICY)
        theirs = printed.TABLE2.get(about.tester) if comparable else None
        for k, (kind, confusion) in enumerate((("individual", found.individual), ("multiple", found.multiple))):
            rates: dict[str, str | float | None] = {**confusion.as_json()}
            rows.append([about.generator, kind, *(f"{rates[name]:.2f}" for name in RATES)])
            rates |= {f"{name}_printed": theirs[k][r] if theirs else None for r, name in enumerate(RATES[:4])}
            records.append({"run": about.name, "tester": about.tester, "judged": kind, **rates})
            if theirs:
                rows.append([f"{about.tester}, as printed", kind, *(f"{v:.2f}" for v in theirs[k]), "-", "-"])
    notes = ["Individual: a test's verdict on a candidate. Multiple: a candidate counts as judged correct where no "
             "other passes more tests (Ma et al. 2025, app. D).",
             "FAR (paper) = FP/(FP+TP), FRR (paper) = FN/(FN+TN): false discovery and false omission rates. "
             "FAR (standard) = FP/(FP+TN), FRR (standard) = FN/(FN+TP)."]
    if any("printed" in row[0] for row in rows):
        notes.append("`as printed`: Ma et al. 2025, Table 2.")
    return Table("Table 2: quality of unit tests", head, rows, notes, records)


def _printed1(about: About, rule: str) -> float | None:
    row = about.tester if rule == "majority" else PRINTED_AS.get(rule, rule)
    return printed.table1(about.benchmark, about.policy, row)
