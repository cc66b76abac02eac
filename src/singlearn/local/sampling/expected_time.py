"""How long a run takes at most: said once on standard error, or shown as a bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from singlearn.local.sampling.sampled import Progress
from singlearn.local.target import Target
from singlearn.running.progress import ProgressBar, in_notebook

LONG = 10.0
"""Seconds from which a run is worth a line."""
VERY_LONG = 60.0
"""Seconds from which it is worth saying what would make it shorter."""
SHORTER = (
    ". Shorter: a larger gamma (chains cross a smaller region in fewer steps, and λ̂ is that of "
    "the smaller region), a larger "
    "tolerance (steps go as one over its square), a smaller max_steps (the status then says "
    "whether the chains agreed)"
)
PATIENCE = 2.0
"""Seconds of steps after which a rate is believed: many a run ends before."""
HEAVY = 0.02
"""Seconds of one judged step, from which the rate is taken from the first few: the first report,
after some hundred steps, would come after seconds, of a small transformer after half a minute.
"""
GRADIENTS = 3
"""Of one judged step."""
ATTEMPTS = 3


class ExpectedTime:
    """One line on standard error, as soon as it is clear that a run may be long.

    Chains stop when they agree, so that the time of all steps allowed is an upper bound.

    Args:
        name: of the verb.
        runs: that are to follow each other, with as many steps at most.
    """

    def __init__(self, name: str, runs: int = 1) -> None:
        self._name, self._runs, self._said = name, runs, False
        self._started: tuple[float, int] | None = None

    def report(self, done: int, most: int, excess: float) -> None:
        """As ``llc(progress=…)`` calls it."""
        now = time.monotonic()
        if self._started is None or done <= self._started[1]:
            self._started = (now, done)
            return
        before, first = self._started
        if now - before >= PATIENCE:
            self.say((now - before) / (done - first), most, most * self._runs - done)

    def say(self, seconds: float, most: int, left: int) -> None:
        """Print the line, once, if the rest takes long.

        Args:
            seconds: of a step.
            most: steps of a run.
            left: steps of all runs that are left, at most.
        """
        if self._said or seconds * left <= LONG:
            return
        self._said = True
        what = (
            f"{most} steps of each chain"
            if self._runs == 1
            else f"{self._runs} × {most} steps of each chain"
        )
        line = (
            f"{self._name}: about {in_words(seconds * left)} at most ({what}, the bound "
            f"max_steps); a run ends earlier where its "
            "chains agree"
        )
        print(
            f"{line}{'' if seconds * left <= VERY_LONG else SHORTER}",
            file=sys.stderr,
            flush=True,
        )

    def clocked(self, target: Target, most: int) -> Target:
        """The target, whose first judged steps are timed: where they are heavy, a report would come
        too late.
        """
        judged, times = target.attempt, list[float]()

        def attempt(*arguments: Any) -> Any:
            began = time.monotonic()
            trial = judged(*arguments)
            times.append(time.monotonic() - began)
            if len(times) == 1 + ATTEMPTS:
                vars(target).pop("attempt", None)
                seconds = sum(times[1:]) / ATTEMPTS  # the first one compiles
                if seconds > HEAVY:
                    self.say(seconds / GRADIENTS, most, most * self._runs)
            return trial

        vars(target)["attempt"] = attempt
        return target


class ChainProgress(ProgressBar):
    """A bar: steps done, the present λ̂ and the time left at most; silent unless standard error is
    a terminal, or ``visible`` says.
    """

    def __init__(self, name: str, visible: bool | None = None) -> None:
        super().__init__(name, "loading", visible)
        self._started: tuple[float, int] | None = None

    def report(self, done: int, most: int, excess: float) -> None:
        """As ``llc(progress=…)`` calls it."""
        now = time.monotonic()
        left = ""
        if self._started is None:
            self._started = (now, done)
        elif done > self._started[1]:
            rate = (now - self._started[0]) / (done - self._started[1])
            left = f"  at most {rate * (most - done):.0f} s left"
        self.show(done / most, f"step {done} of at most {most}  λ̂ ≈ {excess:.4g}{left}")


class Watch(NamedTuple):
    """Who watches a run.

    Attributes:
        report: takes the steps done, the steps allowed, and the present mean excess; or ``None``.
        clocked: takes a target and the most steps of a chain, and gives the target that is to be
            run.
    """

    report: Progress | None
    clocked: Callable[[Target, int], Target]


@contextmanager
def watched(progress: Any, name: str, runs: int = 1) -> Iterator[Watch]:
    """What the samplers of a verb report to, and how their targets are timed.

    Args:
        progress: a function; ``True`` for a bar; ``None`` for a bar in a notebook or on a
            terminal, and one line about a long run elsewhere; ``False`` for nothing.
        name: of the verb.
        runs: that follow each other.

    Yields:
        The watch.

    Raises:
        ValueError: something else.
    """
    progress = checked_progress(progress)
    if progress is True or (progress is None and (in_notebook() or sys.stderr.isatty())):
        with ChainProgress(name, visible=True) as bar:
            yield Watch(bar.report, _as_it_is)
    elif progress is None:
        expected = ExpectedTime(name, runs)
        yield Watch(expected.report, expected.clocked)
    elif progress is False:
        yield Watch(None, _as_it_is)
    else:
        yield Watch(progress, _as_it_is)


def checked_progress(progress: Any) -> Any:
    """What a verb's ``progress`` may be.

    Raises:
        ValueError: no truth value, no function, and not ``None``.
    """
    if progress is None or isinstance(progress, bool) or callable(progress):
        return progress
    raise ValueError(
        f"progress: got {progress!r}; it should be True, False, or a function of what is done, of "
        f"how much, and of the present number"
    )


def _as_it_is(target: Target, most: int) -> Target:
    return target


def in_words(seconds: float) -> str:
    """A duration as one says it.

    >>> in_words(42.3), in_words(150.0), in_words(9000.0)
    ('42 s', '2.5 minutes', '2.5 hours')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.2g} minutes" if seconds < 6000 else f"{seconds / 3600:.2g} hours"
