"""Progress on standard error: what is done, and how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")
Bar = TypeVar("Bar", bound="ProgressBar")


class ProgressBar:
    """A name, a bar, a line of words and the time so far; silent unless standard error is a
    terminal, or ``visible`` says otherwise.
    """

    def __init__(self, name: str, words: str, visible: bool | None = None) -> None:
        self._progress = Progress(
            TextColumn(f"[bold]{name}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[words]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not (sys.stderr.isatty() if visible is None else visible),
        )
        self._task = self._progress.add_task(name, total=1.0, words=words)

    def __enter__(self: Bar) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, share: float, words: str) -> None:
        """Fill the bar to ``share`` and change the words."""
        self._progress.update(self._task, completed=share, words=words)


def counted(name: str, pieces: Iterable[T], count: int, visible: bool | None = None) -> Iterator[T]:
    """The pieces as they come, with how many of how many there are and the time left if the others
    take as long.

    >>> list(counted("squares", (k * k for k in range(4)), 4, visible=False))
    [0, 1, 4, 9]
    """
    started = time.monotonic()
    with ProgressBar(name, f"0 of {count}", visible) as bar:
        for done, piece in enumerate(pieces, start=1):
            left = (time.monotonic() - started) / done * (count - done)
            bar.show(done / count, f"{done} of {count}  about {left:.0f} s left")
            yield piece
