"""Where a run comes from, and which of the paper's benchmarks and models that is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from coderm.records import Protocol
from coderm.runs import Run

BENCHMARKS = {"humaneval+": "HumanEval+", "mbpp+": "MBPP+", "livecodebench": "LiveCodeBench", "humaneval": "HumanEval",
              "mbpp": "MBPP"}
"""Our name of a data set -> the paper's."""
MODELS = {"llama38b": "Llama3-8B", "llama370b": "Llama3-70B", "llama318b": "Llama3.1-8B", "llama3170b": "Llama3.1-70B",
          "gpt35": "GPT-3.5", "gpt4omini": "GPT-4o-mini", "coderm8b": "CodeRM-8B"}
"""What a model's name holds once it is letters and digits alone -> the paper's name of it."""


@dataclass(frozen=True)
class About:
    """What is known of a run's origin; an empty string where nothing is."""

    name: str
    benchmark: str
    policy: str
    tester: str
    twin: bool = False
    """Whether another run at hand has the same origin, so that only the directory tells them apart."""

    @property
    def label(self) -> str:
        """What to call the run: its models where known, else the directory."""
        return self._named(" × ".join(dict.fromkeys(filter(None, (self.policy, self.tester)))))

    @property
    def generator(self) -> str:
        """What to call its unit tests."""
        return self._named(self.tester)

    def _named(self, models: str) -> str:
        return f"{models} ({self.name})" if models and self.twin else models or self.name


def protocol_of(run: Run) -> Protocol:
    """The protocol a run was made under, by which its tests vote."""
    return "paper" if run.config.get("protocol") == "paper" else "default"


def abouts(runs: Sequence[Run]) -> list[About]:
    """The origins of several runs, told apart."""
    found = [about(run) for run in runs]
    origins = Counter((a.benchmark, a.policy, a.tester) for a in found)
    return [replace(a, twin=origins[a.benchmark, a.policy, a.tester] > 1) for a in found]


def about(run: Run) -> About:
    """The origin of a run, from its config and its problems."""
    generate = run.config.get("generate", {})
    source = str(run.config.get("dataset") or next((p.source for p in run.problems()), ""))
    dataset = source.partition(":")[0].lower()
    return About(name=run.path.resolve().name, benchmark=BENCHMARKS.get(dataset, source),
                 policy=_model(run.config.get("policy"), generate.get("solution")),
                 tester=_model(run.config.get("tester"), generate.get("unit_test")))


def paper_name(model: str) -> str | None:
    """The paper's name of a model, or None where it is none of the paper's.

    >>> paper_name("openai:meta-llama/Meta-Llama-3-8B-Instruct@http://localhost:8000/v1"), paper_name("qwen")
    ('Llama3-8B', None)
    """
    plain = re.sub(r"[^a-z0-9]", "", model.partition("@")[0].lower())
    return next((name for part, name in MODELS.items() if part in plain), None)


def _model(given: object, recorded: Mapping[str, object] | None) -> str:
    """A model's name in the paper's words where it is one of the paper's, else without its provider and address."""
    spec = str(given or (recorded or {}).get("model") or "")
    return paper_name(spec) or re.sub(r"^\w+:", "", spec).partition("@")[0]
