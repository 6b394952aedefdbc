"""Scaling in the report: accuracy against candidates and tests, and who gains by more tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from coderm.report import svg
from coderm.report.parts import Chart, Section, plural
from coderm.reward import SELECTORS, Curve, Task, difficulty_quintiles, scaling_curve
from coderm.reward.context import Floats
from coderm.reward.curves import pass_rates
from coderm.reward.verdict_rules import VerdictRule

STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
RESAMPLES = 50
RIVALS = 3
QUINTILES = ("easiest fifth", "second", "third", "fourth", "hardest fifth")


def sizes(most: int, count: int | None = None) -> tuple[int, ...]:
    """Round numbers up to `most`, which is the last; only the `count` largest where given.

    >>> sizes(100), sizes(16, 3)
    ((1, 2, 5, 10, 20, 50, 100), (5, 10, 16))
    """
    below = [step for step in STEPS if step < most]
    return (*below, most)[-(count or 0):]


def gain(curve: Curve, problems: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Accuracy over that with the fewest tests, all candidates taken: mean, low and high, each [m values] in 0..1."""
    by_resample = curve.by_resample(problems)[-1]
    over_first = by_resample - by_resample[:1]
    low, high = np.quantile(over_first, (0.025, 0.975), axis=-1)
    return over_first.mean(axis=-1), low, high


def series(name: str, x: Sequence[int], mean: Floats, low: Floats, high: Floats) -> svg.Series:
    """A line in percent from fractions."""
    return svg.Series(name, x, *((100 * values).tolist() for values in (mean, low, high)))


def scaling_sections(tasks: Sequence[Task], rivals: Sequence[str]) -> list[Section]:
    """The sections on scaling; of `rivals`, best first, those over verdicts are drawn beside majority voting."""
    if not tasks or max(task.matrix.shape[1] for task in tasks) < 2:
        return []
    most_n, most_m = (max(task.matrix.shape[axis] for task in tasks) for axis in (0, 1))
    n_values, m_values = sizes(most_n, 4), sizes(most_m)
    curve = scaling_curve(tasks, SELECTORS["majority"], n_values, m_values, resamples=RESAMPLES)
    means, (low, high) = curve.means(), curve.interval()
    by_n = [series(plural(n, "candidate"), m_values, means[k], low[k], high[k]) for k, n in enumerate(n_values)][::-1]
    by_rule = [series("majority", m_values, means[-1], low[-1], high[-1])]
    curved = [(name, rule) for name in rivals if isinstance(rule := SELECTORS[name], VerdictRule)]
    for name, rule in curved[:RIVALS]:
        other = scaling_curve(tasks, rule, n_values[-1:], m_values, resamples=RESAMPLES)
        by_rule.append(series(name, m_values, other.means()[0], *(end[0] for end in other.interval())))
    axes = ("unit tests", "solved (%)")
    charts = [Chart("By candidates, majority voting", Markup(svg.line_chart(
        by_n, *axes, title="Accuracy against unit tests, by number of candidates")))]
    if len(by_rule) > 1:
        charts.append(Chart(f"By rule, {plural(n_values[-1], 'candidate')}", Markup(svg.line_chart(
            by_rule, *axes, title="Accuracy against unit tests, by rule"))))
    words = [f"Share of problems solved as unit tests are added. Lines are means over {RESAMPLES} random draws of "
             "tests, bands hold 95% of the draws (the paper's Figure 1: the first n candidates, tests without "
             "replacement)."]
    words += _harm(means, n_values, m_values)
    found = Section("Does more help?", words, charts, _table("candidates", by_n, m_values))
    return [found, *_quintile_section(tasks, curve)]


def _harm(means: Floats, n_values: Sequence[int], m_values: Sequence[int]) -> list[str]:
    """Words on where more makes the vote worse, by a point or more."""
    said, all_of_both = [], means[-1, -1]
    n, m = int(means[:, -1].argmax()), int(means[-1].argmax())
    if means[n, -1] - all_of_both >= 0.01:
        said.append(f"More candidates hurt the vote here: with all tests it solves {100 * means[n, -1]:.1f}% with "
                    f"{n_values[n]} candidates and {100 * all_of_both:.1f}% with {n_values[-1]}. Each one added is "
                    "another chance for a wrong candidate to agree with wrong tests.")
    if means[-1, m] - all_of_both >= 0.01:
        said.append(f"More tests hurt it as well: with all candidates it solves {100 * means[-1, m]:.1f}% with "
                    f"{plural(m_values[m], 'test')} and {100 * all_of_both:.1f}% with {m_values[-1]}.")
    return said


def _quintile_section(tasks: Sequence[Task], curve: Curve) -> list[Section]:
    quintile = difficulty_quintiles(tasks)
    if quintile.max(initial=0) < 5 or np.bincount(quintile, minlength=6)[1:].min() == 0:
        return []
    lines = [series(name, curve.m_values, *gain(curve, quintile == q)) for q, name in enumerate(QUINTILES, 1)]
    chart = svg.line_chart(lines, "unit tests", "gain over 1 test (points)",
                           title="Gain over one unit test, by difficulty")
    rates = pass_rates(tasks)
    levels = curve.means
    table = [["problems", "pass rate of candidates", "problems", *(f"{m} tests" for m in curve.m_values)]]
    for q, name in enumerate(QUINTILES, 1):
        mask = quintile == q
        table.append([name, f"{100 * rates[mask].mean():.0f}%", str(mask.sum()),
                      *(f"{100 * value:.1f}" for value in levels(mask)[-1])])
    return [Section("Who gains by more tests?", [
        "Problems with a correct candidate, cut in five equal parts by the share of correct candidates (the paper's "
        "Figure 3): points gained over a single unit test, with all candidates."], [Chart("", Markup(chart))], table)]


def _table(first: str, lines: Sequence[svg.Series], m_values: Sequence[int]) -> list[list[str]]:
    rows = [[line.label.split()[0],
             *(f"{y:.1f} ({a:.1f} to {b:.1f})" for y, a, b in zip(line.y, line.low, line.high, strict=True))]
            for line in lines]
    return [[first, *(f"{m} test" + "s" * (m > 1) for m in m_values)], *rows]
