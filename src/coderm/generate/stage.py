"""Generation as a stage of a run: solutions by the policy model, unit tests by the generator, resumed where it stopped.

What a kind of reply was sampled with is recorded in the run's config at the first call; a later call must be given
the same, so that one run never mixes two models or two prompts unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from coderm.errors import InputError, ModelError
from coderm.generate.extract.run import count_replies, extract_run
from coderm.generate.models import Kind, Sampling, check_spec, open_model
from coderm.generate.prompts import Shown
from coderm.generate.sampling import Ask, Tally, collect, plan
from coderm.records import Problem, Protocol
from coderm.runs import Run


@dataclass(frozen=True)
class Source:
    """Where the replies of one kind come from: the model and how it is asked."""

    model: str
    """A spec, see `coderm.generate.models`."""
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    prompt: str | None = None
    """Name of a prompt; None takes what fits the problem and the protocol."""
    shown: Shown = "none"
    """Which candidate the unit test generator sees. Protocol "paper" always shows the first."""
    concurrency: int | None = None
    timeout: float = 600.0
    api_key_env: str = "OPENAI_API_KEY"

    def __post_init__(self) -> None:
        check_spec(self.model)  # before it is shown or written anywhere

    def recorded(self, kind: Kind) -> dict[str, Any]:
        """What must stay the same over the life of a run; nothing in it is secret."""
        about = {"model": check_spec(self.model), "prompt": self.prompt or "by problem", "seed": self.seed}
        about |= {k: v for k, v in asdict(self.sampling).items() if k != "seed"}
        return about | ({"shown": self.shown} if kind == "unit_test" else {})


def missing(
    run: Run | None, problems: Iterable[Problem], kind: Kind, source: Source, want: Mapping[str, int],
    protocol: Protocol, candidates: Mapping[str, Sequence[str]] | None = None,
) -> list[Ask]:
    """What `generate` would send to bring a run (None: a new one) to so many replies; nothing is sent.

    `candidates` stand for the run's own solutions. Raises InputError where the prompt shows one and no problem has any.
    """
    have = _indices(run, kind) if run else {}
    shown = "first" if protocol == "paper" and source.shown == "none" else source.shown
    if candidates is None:
        candidates = run.solutions() if run else {}
    asks = plan(kind, problems, want, have=have, candidates=candidates, prompt=source.prompt, shown=shown,
                protocol=protocol)
    if not asks and any(want.values()) and not have:
        raise InputError("no problem has a candidate solution to show the unit test generator; "
                         "run `coderm generate solutions` first")
    return asks


def generate(run: Run, kind: Kind, source: Source, want: Mapping[str, int], *, quiet: bool = False) -> Tally:
    """Bring each problem to `want[task_id]` replies and extract them; the run's solutions or unit tests are then
    ready to execute. What is there already is not asked for again, and the model is not even opened for nothing.

    Raises InputError where the run was sampled with another model, prompt or settings, and as `missing`; ModelError
    as `collect`.
    """
    protocol: Protocol = run.config.get("protocol", "default")
    _agree(run, kind, source.recorded(kind))
    tally = Tally()
    try:
        with run:  # what is missing is only sure for who holds the lock
            asks = missing(run, run.problems(), kind, source, want, protocol)
            if asks:
                with open_model(source.model, kind, concurrency=source.concurrency, timeout=source.timeout,
                                api_key_env=source.api_key_env) as model:
                    run.update_config(generate=run.config.get("generate", {}) | {kind: source.recorded(kind)})
                    tally = collect(run, kind, model, asks, source.sampling, seed=source.seed, quiet=quiet)
    finally:
        if _unextracted(run, kind):
            extract_run(run, quiet=quiet)
    return tally


def require(run: Run, kind: Kind, source: Source, tasks: Iterable[str], tally: Tally, option: str | None) -> None:
    """Raises ModelError where no task got anything usable: the next stage would be paid for in vain.

    It says what the first request failed of, or why the replies hold nothing. `option` is the one that names the run
    directory, None where nothing is kept.
    """
    tasks = list(tasks)
    texts = run.solutions() if kind == "solution" else run.unit_tests()
    if any(texts.get(task_id) for task_id in tasks):
        return
    counts = count_replies(run, kind, tasks)
    failed = f"{tally.failures[0]['error']}" if tally.failures else ""
    if not counts["replies"]:
        raise ModelError(failed or f"{source.model} gave no replies")
    reasons = ", ".join(f"{n} {reason}" for reason, n in counts["reasons"].items())
    names = {problem.entry_point for problem in run.problems() if problem.task_id in tasks}
    looked_for = f" (looked for `{names.pop()}`)" if len(names) == 1 and "no_entry_point" in counts["reasons"] else ""
    told = (f"none of the {counts['replies']} replies of {source.model} holds a usable {kind.replace('_', ' ')}: "
            f"{reasons}{looked_for}")
    if tally.failures:
        told += f"; {len(tally.failures)} requests failed, the first: {failed}"
    if option:
        told += f"; they are kept: only a larger {'-n' if kind == 'solution' else '-m'} or another {option} asks anew"
    raise ModelError(told)


def _indices(run: Run, kind: Kind) -> dict[str, set[int]]:
    """task_id -> the indices of the replies on disk."""
    have: dict[str, set[int]] = {}
    for row in run.rows(f"{kind}_replies"):
        have.setdefault(row["task_id"], set()).add(row["index"])
    return have


def _unextracted(run: Run, kind: Kind) -> bool:
    """Whether there are replies that the run's texts do not come from yet: a kill may fall between the two."""
    extracted = {row["task_id"]: row.get("sampled") for row in run.rows(f"{kind}s")}
    return any(extracted.get(task_id) != len(indices) for task_id, indices in _indices(run, kind).items())


def _agree(run: Run, kind: Kind, now: Mapping[str, Any]) -> None:
    before = run.config.get("generate", {}).get(kind)
    if before is not None and before != now:
        differ = ", ".join(f"{k} {before.get(k)} then, {v} now" for k, v in now.items() if before.get(k) != v)
        raise InputError(f"{run.path}: its {kind.replace('_', ' ')}s were sampled otherwise ({differ}); give the same "
                         "settings, or another --out")
