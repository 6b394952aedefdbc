"""The card of a trained model, written from its training report: what it is, what it saw, what came out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from coderm.synthesize.prompts import UNIT_TESTS


def model_card(report: dict[str, Any]) -> str:
    """Markdown with the front matter that model hubs read. Says nothing that the report does not hold."""
    settings, log = report["settings"], report["log"]
    base, tiny = settings["base"], settings["base"] == "tiny"
    # hubs take a name there, never a path
    named = re.fullmatch(r"[\w.-]+/[\w.-]+", base) and not Path(base).exists()
    lines = [
        "---", "library_name: transformers", "pipeline_tag: text-generation", "tags: [code, unit-tests, coderm, sft]",
        *([f"base_model: {base}"] if named else []), "---", "",
        "# Unit test generator", "",
        "Writes a `unittest.TestCase` class for a programming question and one candidate solution. Made with "
        "CodeRM's `coderm train`, after Ma et al. 2025 (arXiv 2501.01054, §3.1).", "",
        *([] if tiny or named else [f"Base: `{Path(base).name}`.", ""]),
        *(["This is a random model of toy size: it shows that the path works and is of no other use.", ""]
          if tiny else []),
        "## Use", "",
        "    coderm generate solutions humaneval --policy SPEC --out RUN",
        f"    coderm generate tests --tester hf:THIS_FOLDER --prompt {UNIT_TESTS.name} --show first --out RUN",
        "    coderm execute RUN; coderm label RUN; coderm rank RUN", "",
        f"It was trained on the prompt {UNIT_TESTS.label}, and answers with one fenced block of Python.", "",
        "## Data", "",
        f"{report['rows_trained']} rows from `{report['data']}`; {report['rows_too_long']} more were longer than "
        f"{settings['max_length']} tokens and left out.", "",
        *_funnel(report["funnel"]),
        "## Training", "",
        f"{'LoRA (rank 16, alpha 32, all linear layers, merged)' if settings['lora'] else 'All weights'}, "
        f"{report['parameters']:,} parameters, {settings['epochs']:g} epochs, {report['steps']} steps of "
        f"{settings['batch']} rows, learning rate {_rate(settings):g} with a cosine schedule, loss on the completion "
        f"only, packing {'on' if settings['packing'] else 'off'}, {'bfloat16' if report['bf16'] else 'float32'}, "
        f"seed {settings['seed']}.", "",
        f"{report['seconds']:.0f} s on {report['machine']}{' after the last resume' if report['resumed'] else ''}. "
        f"Loss {log[0]['loss']:.3f} at step {log[0]['step']}, {log[-1]['loss']:.3f} at step {log[-1]['step']}.", "",
        "## Evaluation", "",
        "None is part of training. `coderm rank` on a run made with this model as the tester says how well its tests "
        "choose among solutions.", "",
    ]
    return "\n".join(lines)


def _funnel(tallies: list[dict[str, Any]] | None) -> list[str]:
    if not tallies:
        return []
    return ["How the data was made:", "", "| stage | counts | in | out |", "|---|---|---:|---:|",
            *(f"| {t['stage']} | {t['unit']}s | {t['entered']} | {t['left']} |" for t in tallies), ""]


def _rate(settings: dict[str, Any]) -> float:
    return float(settings["learning_rate"] or (2e-4 if settings["lora"] else 1e-5))
