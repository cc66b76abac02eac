"""Points of a sweep: kept in a folder as they are finished, and spread over the workers of a Dask
client.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from singlearn.running import identity
from singlearn.running.claim import ENDING, Claim, FolderInUseError, holder, is_silent
from singlearn.running.identity import Part
from singlearn.running.progress import Progress, counted
from singlearn.running.whole_files import create_whole, make_folder, remove_if_empty, write_whole

Task = TypeVar("Task")
Result = TypeVar("Result", covariant=True)
Different = Callable[[Mapping[str, Part]], list[str]]
"""In what a point that is asked for differs from the one with this identity, in words."""

FORMAT = 2
LOOK_AGAIN = (0.1, 3.0)
"""Seconds between two looks at a point that somebody else is at work on, at first and later."""


@runtime_checkable
class Client(Protocol):
    """What is used of a Dask client (``distributed.Client``)."""

    def submit(self, function: Callable[..., Any], /, *values: Any, pure: bool) -> Any:
        """Run a function on a worker; a future."""
        ...

    def gather(self, futures: Any) -> Any:
        """The results of futures, in their order."""
        ...


@runtime_checkable
class Measure(Protocol[Result]):
    """What is done at one point; with ``wait=False`` it raises ``FolderInUseError`` where somebody
    else is at work.
    """

    def __call__(self, task: Any, /, wait: bool = True) -> Result:
        """The result at one point."""
        ...


def spread(
    name: str,
    measure: Measure[Result],
    tasks: Sequence[Task],
    client: Client | Executor | None,
    progress: Progress,
) -> list[Result]:
    """The results of all tasks in their order, here one after the other under a progress bar, or
    over the workers of a client or an executor.

    ``measure`` should be an object and no closure, so that it can be sent to another process as it
    is. A point that another process of the same sweep is at work on is left to it and waited for at
    the end.

    Returns:
        One result per task.
    """
    if client is None or not tasks:
        found = dict(counted(name, _in_turn(measure, tasks), len(tasks), progress))
        return [found[index] for index in range(len(tasks))]
    if isinstance(client, Executor):
        waiting = [client.submit(measure, task) for task in tasks]
        return [one.result() for one in waiting]
    # Not "pure": Dask would name results after the code that makes them, which it cannot for a
    # function that holds others.
    # Sent once and kept as a result of its own: an object that came anew with every task would be
    # compiled anew for every task.
    held = client.submit(_itself, measure, pure=False)
    gathered: list[Result] = client.gather(
        [client.submit(_applied, held, task, pure=False) for task in tasks]
    )
    return gathered


def _in_turn(measure: Measure[Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
    others = []
    for index, task in enumerate(tasks):
        try:
            result = measure(task, wait=False)
        except FolderInUseError:
            others.append(index)
            continue
        yield index, result
    for index in others:
        yield index, measure(tasks[index], wait=True)


def _itself(measure: Measure[Result]) -> Measure[Result]:
    return measure


def _applied(measure: Measure[Result], task: Any) -> Result:
    return measure(task)


class FinishedPoints:
    """A folder with one file per finished point, each with the identity of what it was made of.

    Several processes may share it: every point is claimed by whoever is at work on it, and files
    appear whole or not at all. Nothing is made before the first point is worked on.

    Args:
        path: the folder.
        name: of the kind of sweep; its settings are kept in ``name.json``.
        settings: what all points have in common: plain values, or parts of an identity.
        other: what a folder with other settings belongs to, in the words of the refusal.

    Raises:
        ValueError: the folder was begun with other settings, or the file of its settings is
            damaged.
    """

    def __init__(self, path: Path, name: str, settings: Mapping[str, Any], other: str) -> None:
        self.path = path
        self.name = name
        self.other = other
        self.settings: dict[str, Part] = {
            key: value if isinstance(value, dict) and "kind" in value else identity.setting(value)
            for key, value in settings.items()
        }
        if path.exists() and not path.is_dir():
            raise ValueError(f"folder: {path} is a file; it should be a folder")
        self._compare()

    def load(
        self,
        point: str,
        different: Different | None = None,
        read: Callable[[dict[str, Any]], Any] | None = None,
    ) -> Any:
        """The document of a finished point, or ``None``.

        Args:
            point: its name.
            different: compares the identity it was written with to what is asked for.
            read: makes of the document what is wanted.

        Returns:
            What ``read`` makes of it, or ``None``.

        Raises:
            ValueError: a file that is damaged, of an earlier version, in the place of another
                point's, or of another sweep.
        """
        file = self.path / f"{point}.json"
        again = "delete it, and the point is computed again"
        try:
            document = json.loads(file.read_text())
            if not isinstance(document, dict):
                raise ValueError("no point")
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise ValueError(f"folder: {file} is damaged ({_first_line(error)}); {again}") from None
        stored = document.pop("stored", None)
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise ValueError(
                f"folder: {file} was written by an earlier version, which did not write down what "
                "a point was made of, so that another's "
                f"could be read in its place; finish with that version, or {again}"
            )
        written = stored.pop("digest", None)
        if written != identity.digest_of([document, stored]):
            raise ValueError(
                f"folder: {file} is damaged: it was changed after it was written; {again}"
            )
        if stored["point"] != point:
            raise ValueError(
                f"folder: {file} holds {stored['point']} in the place of {point}; {again}"
            )
        differing = identity.differences(stored["settings"], self.settings)
        if not differing and different is not None:
            differing = different(stored["made of"])
        if differing:
            raise ValueError(
                f"folder: {file} belongs to {self.other} ({identity.in_words(differing)}); give a "
                "fresh folder, or what it was made of"
            )
        if read is None:
            return document
        try:
            return read(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"folder: {file} is damaged, or of another version ({_first_line(error)}); {again}"
            ) from None

    def save(
        self, point: str, document: Mapping[str, Any], made_of: Mapping[str, Part] | None = None
    ) -> None:
        """Keep the document of a finished point, with the identity of what it was made of.

        Raises:
            OSError: it cannot be written; the message has the path and the bytes that are needed.
            ValueError: meanwhile the folder was begun with other settings.
        """
        make_folder(self.path)
        shared = {"format": FORMAT, "settings": self.settings}
        begun = json.dumps(shared | {"digest": identity.digest_of(shared)}, indent=1)
        if not self._recorded.exists():
            create_whole(self._recorded, begun.encode())
        self._compare()
        stored = {
            "format": FORMAT,
            "point": point,
            "settings": self.settings,
            "made of": dict(made_of or {}),
        }
        plain = json.loads(json.dumps(document))
        stored["digest"] = identity.digest_of([plain, stored])
        write_whole(
            self.path / f"{point}.json", json.dumps({**plain, "stored": stored}, indent=1).encode()
        )

    @contextmanager
    def held(self, point: str, wait: bool = True) -> Iterator[None]:
        """A point that no other process works on; whoever gets it should look whether it is
        finished.

        Args:
            point: its name.
            wait: for whoever is at work on it.

        Raises:
            FolderInUseError: somebody else is at work on it and ``wait`` is false, or has not been
                heard of for minutes.
            OSError: the folder cannot be written to.
        """
        made = make_folder(self.path)
        file, pause = self.path / f"{point}{ENDING}", LOOK_AGAIN[0]
        try:
            while (claim := Claim.take(file)) is None:
                if not wait or is_silent(file):
                    raise FolderInUseError(
                        f"folder: {holder(file) or 'another process'} is at work on {point} in "
                        f"{self.path}; if it no longer runs, delete {file}"
                    )
                time.sleep(pause)
                pause = min(1.5 * pause, LOOK_AGAIN[1])
            try:
                yield
            finally:
                claim.release()
        finally:
            remove_if_empty(made)

    @property
    def _recorded(self) -> Path:
        return self.path / f"{self.name}.json"

    def _compare(self) -> None:
        fresh = "give a fresh folder"
        try:
            document = json.loads(self._recorded.read_text())
            if not isinstance(document, dict):
                raise ValueError("no settings")
        except (FileNotFoundError, NotADirectoryError):
            return
        except (ValueError, OSError) as error:
            raise ValueError(
                f"folder: the settings file {self._recorded} is damaged ({_first_line(error)}); "
                "delete it, for every point carries the "
                f"settings as well, or {fresh}"
            ) from None
        if document.get("format") != FORMAT:
            raise ValueError(
                f"folder: {self._recorded} was written by an earlier version, which did not write "
                "down what points were made of, so that "
                "those of another could be read in their place; finish with that version, or "
                f"{fresh}"
            )
        if document.pop("digest", None) != identity.digest_of(document):
            raise ValueError(
                f"folder: the settings file {self._recorded} was changed after it was written; "
                f"delete it, or {fresh}"
            )
        different = identity.differences(document["settings"], self.settings)
        if different:
            raise ValueError(
                f"folder: {self.path} belongs to {self.other} ({identity.in_words(different)}); "
                f"{fresh}, or the same settings"
            )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
