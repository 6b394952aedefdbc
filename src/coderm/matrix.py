"""RewardMatrix: what became of every candidate solution on every unit test of one problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.records import VERDICT_WORDS, Verdict

_WORDS = np.array(VERDICT_WORDS)


@dataclass(frozen=True, eq=False)
class RewardMatrix:
    """The reward signal of one problem: r_ij = 1 iff candidate i passes unit test j (Ma et al. 2025, §2).

    N candidates are rows, M unit tests are columns; duplicates keep their own rows and columns.
    """

    codes: NDArray[np.uint8]
    """[N, M] values of `Verdict`."""
    cases: NDArray[np.int32]
    """[N, M] test cases (methods) that ran, up to and including the first failure."""
    cases_passed: NDArray[np.int32]
    """[N, M] test cases that held."""
    cpu_ms: NDArray[np.float32]
    """[N, M] CPU time of the pair in milliseconds."""
    reasons: tuple[str | None, ...] = ()
    """[M] why a test is a test_error or vacuous for every candidate; None for the others."""
    behaviour: NDArray[np.int64] | None = None
    """[N, distinct calls] fingerprints of what the solution's functions did: positive where a call returned (equal
    for equal values), negative where it raised or hit a limit (by type), 0 where it was not reached. A call is its
    function and arguments, whichever test makes it. None unless it was asked for."""
    calls: NDArray[np.bool_] | None = None
    """[M, distinct calls] True where the unit test makes the call; None where it is not known."""
    self_judged: NDArray[np.bool_] | None = None
    """[N, M] True where only the candidate's own word decided an assertion (split mode)."""
    info: dict[str, Any] = field(default_factory=dict)
    """How it came about: isolation, limits, protocol, degraded layers."""

    @classmethod
    def from_verdicts(cls, codes: Any, **fields: Any) -> RewardMatrix:
        """A matrix from verdict codes alone, shape [N, M]; counts and times are zero.

        >>> RewardMatrix.from_verdicts([[Verdict.PASS, Verdict.FAIL]]).passed.tolist()
        [[True, False]]
        """
        codes = np.asarray(codes, dtype=np.uint8)
        if codes.ndim != 2:
            raise ValueError(f"verdict codes must be [N, M], got shape {codes.shape}")
        zeros = np.zeros(codes.shape, dtype=np.int32)
        fields.setdefault("cases", zeros)
        fields.setdefault("cases_passed", zeros)
        fields.setdefault("cpu_ms", np.zeros(codes.shape, dtype=np.float32))
        fields.setdefault("reasons", (None,) * codes.shape[1])
        return cls(codes=codes, **fields)

    @classmethod
    def from_passed(cls, passed: Any) -> RewardMatrix:
        """A matrix from booleans [N, M]: True is `pass`, False is `fail`."""
        return cls.from_verdicts(np.where(np.asarray(passed, dtype=bool), Verdict.PASS, Verdict.FAIL))

    @property
    def shape(self) -> tuple[int, int]:
        """(N, M)."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def passed(self) -> NDArray[np.bool_]:
        """[N, M] True where the verdict is `pass`."""
        return np.equal(self.codes, Verdict.PASS)

    @property
    def ran(self) -> NDArray[np.bool_]:
        """[N, M] False where the cell is `not_run` and must be masked."""
        return np.not_equal(self.codes, Verdict.NOT_RUN)

    @property
    def voting(self) -> NDArray[np.bool_]:
        """[M] True for tests that may vote: neither test_error nor vacuous for all candidates."""
        return np.array([reason is None for reason in self.reasons], dtype=bool)

    @property
    def verdicts(self) -> NDArray[np.str_]:
        """[N, M] the verdicts as words."""
        words: NDArray[np.str_] = _WORDS[self.codes]
        return words

    def take(self, solutions: Any = None, unit_tests: Any = None) -> RewardMatrix:
        """The sub-matrix of the given rows and columns (indices or masks; None keeps all).

        Of behaviour the calls that the chosen tests make are kept; all of them where `calls` is not known.
        """
        n, m = self.shape
        rows, cols = _indices(n, solutions), _indices(m, unit_tests)
        grid = np.ix_(rows, cols)
        calls, behaviour = self.calls, self.behaviour
        if behaviour is not None:
            made = slice(None) if calls is None else calls[cols].any(axis=0)
            behaviour = behaviour[rows][:, made]
            calls = None if calls is None else calls[cols][:, made]
        return RewardMatrix(
            codes=self.codes[grid],
            cases=self.cases[grid],
            cases_passed=self.cases_passed[grid],
            cpu_ms=self.cpu_ms[grid],
            reasons=tuple(self.reasons[j] for j in cols),
            behaviour=behaviour,
            calls=calls,
            self_judged=None if self.self_judged is None else self.self_judged[grid],
            info=self.info,
        )


def _indices(size: int, chosen: Any) -> NDArray[np.intp]:
    """Plain indices from indices or a mask; an empty list has no integer type of its own."""
    if chosen is None:
        return np.arange(size)
    chosen = np.asarray(chosen)
    picked: NDArray[np.intp] = np.arange(size)[chosen if chosen.size else chosen.astype(np.intp)]
    return picked
