"""What the paper's figures plot, computed over one's own runs: the rows of the CSV and the lines of the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from coderm.errors import InputError
from coderm.report.about import About
from coderm.report.parts import plural
from coderm.report.scaling import QUINTILES, gain, sizes
from coderm.reward import Curve, Rule, Task, difficulty_quintiles, scaling_curve
from coderm.reward.context import Floats
from coderm.reward.curves import Method

Runs = Sequence[tuple[About, Sequence[Task]]]


@dataclass(frozen=True)
class Line:
    """One line, or one colour of bars: values in percent with the ends of 95% intervals over resamples."""

    panel: str
    label: str
    x: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Plot:
    """A figure of the paper: its lines by panel, and how to read it."""

    name: str
    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Settings:
    """How curves are made."""

    rule: Rule
    rule_name: str = "majority"
    method: Method = "paper"
    resamples: int = 100

    def curve(self, tasks: Sequence[Task], n_values: Sequence[int], m_values: Sequence[int]) -> Curve:
        """The scaling curve of the labelled tasks."""
        return scaling_curve(tasks, self.rule, n_values, m_values, resamples=self.resamples, method=self.method)


def fig1(runs: Runs, settings: Settings) -> Plot:
    """Accuracy against the number of unit tests (Ma et al. 2025, Fig. 1; over several runs Fig. 2).

    One run: a line a number of candidates. Several: a line a run, all with the candidates that every run has.
    """
    lines = []
    if len(runs) == 1:
        about, tasks = runs[0]
        n_values, m_values = sizes(_most(tasks, 0), 5), _steps(_most(tasks, 1))
        curve = settings.curve(tasks, n_values, m_values)
        lines = [_line(about.benchmark, plural(n, "candidate"), curve, k) for k, n in enumerate(n_values)]
    else:
        n = min(_most(tasks, 0) for _, tasks in runs)
        for about, tasks in runs:
            curve = settings.curve(tasks, [n], _steps(_most(tasks, 1)))
            lines.append(_line(about.benchmark, f"{about.label}, {plural(n, 'candidate')}", curve, 0))
    return Plot("fig1", f"Best-of-n against unit tests ({settings.rule_name})", "unit tests", "solved (%)", lines)


def fig3(runs: Runs, settings: Settings) -> Plot:
    """Gain over one unit test by difficulty, all candidates (Ma et al. 2025, Fig. 3 and 8); quintile 1 is easiest."""
    lines = []
    for about, tasks in runs:
        quintile = difficulty_quintiles(tasks)
        if np.bincount(quintile, minlength=6)[1:].min() == 0:
            raise InputError(f"{about.name}: fewer than five problems have a correct candidate, too few for quintiles")
        curve = settings.curve(tasks, [_most(tasks, 0)], _steps(_most(tasks, 1)))
        for q, words in enumerate(QUINTILES, 1):
            lines.append(percent(panel_of(about), f"{q} ({words})", curve.m_values, *gain(curve, quintile == q)))
    return Plot("fig3", f"Gain over one unit test by difficulty ({settings.rule_name})", "unit tests",
                "gain over one test (points)", lines)


def fig5(runs: Runs, settings: Settings) -> Plot:
    """Accuracy with 1, 5, 10, 50 and 100 unit tests by generator, a panel a benchmark (Ma et al. 2025, Fig. 5)."""
    lines = []
    for about, tasks in runs:
        most = min(_most(tasks, 1), 100)
        curve = settings.curve(tasks, [_most(tasks, 0)], [m for m in (1, 5, 10, 50) if m < most] + [most])
        panel = ", policy ".join(filter(None, (about.benchmark, about.policy)))
        lines.append(_line(panel, about.generator, curve, 0))
    return Plot("fig5", f"Accuracy by unit test generator ({settings.rule_name})", "unit tests", "solved (%)", lines)


FIGURES: dict[str, Callable[[Runs, Settings], Plot]] = {"fig1": fig1, "fig3": fig3, "fig5": fig5}


def panel_of(about: About) -> str:
    """What a panel that shows one run is called."""
    return f"{about.benchmark}: {about.label}" if about.benchmark else about.label


def _most(tasks: Sequence[Task], axis: int) -> int:
    most = max(task.matrix.shape[axis] for task in tasks)
    if not most:
        raise InputError(f"no problem has any {('candidate solution', 'unit test')[axis]}")
    return most


def _steps(most: int) -> tuple[int, ...]:
    """Numbers of tests that look even on a logarithmic axis, the last being all."""
    return tuple(sorted({round(most ** (k / 11)) for k in range(12)}))


def _line(panel: str, label: str, curve: Curve, k: int) -> Line:
    low, high = curve.interval()
    return percent(panel, label, curve.m_values, curve.means()[k], low[k], high[k])


def percent(panel: str, label: str, x: Sequence[int], mean: Floats, low: Floats, high: Floats) -> Line:
    """A line from fractions."""
    return Line(panel, label, tuple(x), *(tuple((100 * v).tolist()) for v in (mean, low, high)))
