"""Progress on stderr: a live bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

PLAIN_INTERVAL_S = 5.0


class Progress:
    """`with Progress("executing", total) as p: p.advance(1, note="12,000 pairs/s")`."""

    def __init__(self, what: str, total: int | None, *, quiet: bool = False) -> None:
        self.what, self.total, self.done, self.failed, self.note = what, total, 0, 0, ""
        self._quiet = quiet
        self._live: Any = None
        self._last = time.monotonic()

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Live

            self._live = Live(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                              TimeElapsedColumn(), TextColumn("{task.fields[note]}"),
                              console=Console(stderr=True), transient=True)
            self._task = self._live.add_task(self.what, total=self.total, note="")
            self._live.start()
        return self

    def advance(self, step: int = 1, note: str | None = None) -> None:
        """Count `step` more units; `note` replaces what stands behind the bar."""
        self.done += step
        self.note = self.note if note is None else note
        self._show(step)

    def fail(self, step: int) -> None:
        """`step` units are through and brought nothing: they count apart."""
        self.failed += step
        self._show(0)

    def tell(self, text: str) -> None:
        """Say something about how it goes, at once."""
        if self._live is not None:
            self._live.console.print(f"{self.what}: {text}", markup=False, highlight=False)
        elif not self._quiet:
            self._plain_line(f", {text}")

    def _show(self, step: int) -> None:
        if self._live is not None:
            failed = f"{self.failed} failed  " if self.failed else ""
            self._live.update(self._task, advance=step, note=failed + self.note)
        elif not self._quiet and time.monotonic() - self._last >= PLAIN_INTERVAL_S:
            self._last = time.monotonic()
            self._plain_line()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()
        if not self._quiet and error is None and (self.done or self.failed):
            self._plain_line()

    def _plain_line(self, more: str = "") -> None:
        of = "" if self.total is None else f"/{self.total}"
        failed = f", {self.failed} failed" if self.failed else ""
        print(f"{self.what}: {self.done}{of}{failed}{more} {self.note}".rstrip(), file=sys.stderr)
