"""Progress of long work: a bar in a notebook or a terminal, a line per minute in a log file."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
Bar = TypeVar("Bar", bound="ProgressBar")

Progress = Callable[[float, str], object] | bool | None
"""The argument ``progress`` of everything that takes long.

``True`` shows a bar, or lines where there is neither terminal nor notebook; ``False`` shows
nothing; ``None`` a bar, or lines from the first minute on. A function is called with the share
that is done, from 0 to 1, and with what is being done in words; every part of the work counts from
0 again.
"""

SECONDS_BETWEEN_LINES = 60.0
"""Of a log file; work that ends earlier leaves no line there unless progress was asked for."""
BAR = "{desc}: {percentage:3.0f}%|{bar:24}| {elapsed}{postfix}"
"""Without the time left that tqdm would write: the words know it better, for pieces of work differ
in length."""


class ProgressBar:
    """A name, a bar, a line of words and the time so far, on standard error.

    In a notebook and on a terminal it is a bar of tqdm that goes away when the work is done. Where
    standard error is neither, a log file say, a line is written per minute.

    Args:
        name: of the work.
        words: what is being done first.
        visible: the argument ``progress``: ``True`` also says at once that work has begun where
            there is no bar; ``False`` is silence; ``None`` a bar, or lines from the first minute
            on; a function is called in their place.

    Raises:
        TypeError: ``visible`` is something else.
    """

    def __init__(self, name: str, words: str, visible: Progress = None) -> None:
        self._name, self._words, self._visible = name, words, checked(visible)
        self._bar: Any = None
        self._lines: _Lines | None = None

    def __enter__(self: Bar) -> Bar:
        if self._visible is False:
            return self
        if callable(self._visible):
            self._visible(0.0, f"{self._name}: {self._words}")
            return self
        if in_notebook() or sys.stderr.isatty():
            self._bar = _tqdm()(
                total=1.0, desc=self._name, bar_format=BAR, leave=False, file=sys.stderr
            )
            self._bar.set_postfix_str(self._words)
        else:
            self._lines = _Lines(self._name, at_once=self._visible is True)
            self._lines.show(0.0, self._words)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if callable(self._visible) and kind is None:
            self._visible(1.0, f"{self._name}: done")
        if self._bar is not None:
            self._bar.close()
        if self._lines is not None:
            self._lines.close()

    def show(self, share: float, words: str) -> None:
        """Fill the bar to ``share`` and change the words."""
        self._words = words
        if callable(self._visible):
            self._visible(min(max(share, 0.0), 1.0), f"{self._name}: {words}")
        if self._bar is not None:
            self._bar.set_postfix_str(words, refresh=False)
            self._bar.n = min(max(share, 0.0), 1.0)
            self._bar.refresh()
        if self._lines is not None:
            self._lines.show(share, words)


def checked(progress: Any) -> Progress:
    """The argument ``progress``, if it is one.

    Returns:
        ``progress`` itself.

    Raises:
        TypeError: it is not.

    >>> checked("yes")
    Traceback (most recent call last):
    TypeError: progress: got 'yes'; it should be True, False, None or a function of (share, words)
    """
    if progress is None or isinstance(progress, bool) or callable(progress):
        found: Progress = progress
        return found
    raise TypeError(
        f"progress: got {progress!r}; it should be True, False, None or a function of (share, "
        f"words)"
    )


class _Lines:
    """Whole lines for a log file, at most one per minute; and the last one, if any was written."""

    def __init__(self, name: str, at_once: bool) -> None:
        self._name = name
        self._began = time.monotonic()
        self._next = self._began + (0.0 if at_once else SECONDS_BETWEEN_LINES)
        self._pending: tuple[float, str] | None = None
        self._is_silent = True

    def show(self, share: float, words: str) -> None:
        now = time.monotonic()
        if now < self._next:
            self._pending = (share, words)
            return
        self._write(share, words)
        self._next = now + SECONDS_BETWEEN_LINES

    def close(self) -> None:
        if self._pending is not None and not self._is_silent:
            self._write(*self._pending)

    def _write(self, share: float, words: str) -> None:
        self._pending, self._is_silent = None, False
        seconds = time.monotonic() - self._began
        so_far = f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
        print(f"{self._name}: {share:.0%}  {words}  ({so_far})", file=sys.stderr, flush=True)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, where standard error is not a terminal.

    Returns:
        Whether the process is such a kernel.

    >>> in_notebook()
    False
    """
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return running is not None and "IPKernelApp" in running.config


def _tqdm() -> Any:
    """The class that fits where it is shown; without ipywidgets a notebook gets letters, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that ipywidgets is missing
        from tqdm.auto import tqdm
    return tqdm


def counted(name: str, pieces: Iterable[T], count: int, visible: Progress = None) -> Iterator[T]:
    """The pieces as they come, with how many of how many there are and the time left if the others
    take as long.

    Yields:
        The pieces, one by one.

    >>> list(counted("squares", (k * k for k in range(4)), 4, visible=False))
    [0, 1, 4, 9]
    """
    started = time.monotonic()
    with ProgressBar(name, f"0 of {count}", visible) as bar:
        for done, piece in enumerate(pieces, start=1):
            left = (time.monotonic() - started) / done * (count - done)
            bar.show(done / count, f"{done} of {count}  about {left:.0f} s left")
            yield piece
