"""Replays the raw replies of a recorded run: the same chats with the same seeds get the same replies, for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from coderm.errors import ReplyError
from coderm.generate.models import Completion, Kind, Message, Model, Sampling
from coderm.generate.sampling import fingerprint
from coderm.runs import Run


class ReplayModel(Model):
    """The replies of one kind in a run; see `coderm.generate.models.Model`."""

    concurrency = batch = 1

    def __init__(self, path: Path, kind: Kind) -> None:
        self.spec = f"replay:{path}"
        self._replies: dict[tuple[str, int], dict[str, Any]] = {
            (row["messages"], row["seed"]): row for row in Run(path).rows(f"{kind}_replies") if "messages" in row
        }

    def __enter__(self) -> ReplayModel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._replies.clear()

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """The one reply that was recorded for this chat and seed; ReplyError where there is none."""
        row = self._replies.get((fingerprint(messages), sampling.seed or 0))
        if row is None:
            raise ReplyError(f"{self.spec}: no reply recorded for this prompt and seed; a replay needs the problems, "
                             "prompts and --seed of the run")
        usage = row["usage"]
        return [Completion(row["text"], usage["prompt_tokens"], usage["completion_tokens"], row["finish_reason"])]
