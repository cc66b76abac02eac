"""One run of a sweep of ``llc``: watched, counted, and kept in the folder of the sweep."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from singlearn.local.chains import Chains
from singlearn.local.network import Network
from singlearn.local.sampling.expected_time import ExpectedTime, Watch
from singlearn.local.sampling.sampled import Progress
from singlearn.results.result import Answer
from singlearn.running.claim import FolderInUseError
from singlearn.running.identity import Part
from singlearn.running.sweep import FinishedPoints

Task = TypeVar("Task")


Point = TypeVar("Point", bound=Answer)


class CountedRuns:
    """The caller's function of progress, with the number of finished runs.

    >>> said = CountedRuns(lambda done, count, value: print(f"{done} of {count}: {value}"), 2)
    >>> said(0.5)
    1 of 2: 0.5
    """

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._count, self._done = progress, count, 0

    def __call__(self, value: float) -> None:
        """One run more has ended, with this λ̂."""
        self._done += 1
        self._progress(self._done, self._count, value)


@dataclass(frozen=True, kw_only=True)
class SweptRun(Generic[Task, Point]):
    """What is done at one place of a sweep; an object and no closure, so that it can be sent to
    another process as it is.

    Attributes:
        brought: the network.
        asked: how chains are run.
        store: the folder of the sweep, if it has one.
        expected: says how long it will take.
        report: is called with λ̂ of every run that ended.
        waits: for a place that another process is at work on.
    """

    brought: Network
    asked: Chains
    store: FinishedPoints | None = None
    expected: ExpectedTime | None = None
    report: CountedRuns | None = None
    waits: bool = True

    @abstractmethod
    def finished(self, task: Task) -> Point | None:
        """The result, if it is in the folder."""

    @abstractmethod
    def measured(self, task: Task) -> Point:
        """The result of a run of its own."""

    @abstractmethod
    def file(self, task: Task) -> str:
        """The name of its file."""

    def made_of(self, task: Task) -> dict[str, Part] | None:
        """What the result belongs to, apart from the settings of the sweep."""
        return None

    @property
    def watch(self) -> Watch:
        """What a run says while it lasts."""
        if self.expected is None:
            return Watch(None, lambda target, most: target)
        return Watch(self.expected.report, self.expected.clocked)

    def __call__(self, task: Task, wait: bool = True) -> Point | None:
        """The result; ``None`` where another process works on it and is not waited for."""
        if self.store is None:
            return self.measured(task)
        try:
            with self.store.held(self.file(task), wait and self.waits):
                if (finished := self.finished(task)) is not None:  # by another process, meanwhile
                    return finished
                found = self.measured(task)
                self.store.save(self.file(task), found.to_dict(), self.made_of(task))
                return found
        except FolderInUseError:
            if self.waits:
                raise
            return None
