"""Points of a sweep: kept in a folder as they are finished, and spread over the workers of a Dask client."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from singlearn.progress import counted

Task = TypeVar("Task")
Result = TypeVar("Result")


@runtime_checkable
class Client(Protocol):
    """What is used of a Dask client (``distributed.Client``)."""

    def submit(self, function: Callable[..., Any], /, *values: Any, pure: bool) -> Any: ...

    def gather(self, futures: Any) -> Any: ...


def spread(
    name: str, measure: Callable[[Task], Result], tasks: Sequence[Task], client: Client | None, progress: bool | None
) -> list[Result]:
    """The results of all tasks in their order, here one after the other under a progress bar, or over a client's workers.

    ``measure`` should be an object and no closure, so that it can be sent to another process as it is.
    """
    if client is None or not tasks:
        return list(counted(name, map(measure, tasks), len(tasks), progress))
    # Not "pure": Dask would name results after the code that makes them, which it cannot for a function that holds others.
    # Sent once and kept as a result of its own: an object that came anew with every task would be compiled anew for every task.
    held = client.submit(_itself, measure, pure=False)
    found: list[Result] = client.gather([client.submit(_applied, held, task, pure=False) for task in tasks])
    return found


def _itself(measure: Callable[[Task], Result]) -> Callable[[Task], Result]:
    return measure


def _applied(measure: Callable[[Task], Result], task: Task) -> Result:
    return measure(task)


class FinishedPoints:
    """A folder with one file a finished point, each written under another name and then renamed, so that a file that exists is whole.

    Args:
        path: the folder; made if it is not there.
        name: of the kind of sweep; its settings are kept in ``name.json``.
        settings: what all points have in common.
        other: what a folder with other settings belongs to, in the words of the refusal.

    Raises:
        ValueError: the folder was begun with other settings.
    """

    def __init__(self, path: Path, name: str, settings: dict[str, Any], other: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        recorded = path / f"{name}.json"
        if not recorded.exists():
            self._write(recorded, settings)
            return
        earlier = json.loads(recorded.read_text())
        different = [f"{k}: {earlier.get(k)!r} then, {settings[k]!r} now" for k in settings if settings[k] != earlier.get(k)]
        if different:
            raise ValueError(f"folder: {path} belongs to {other} ({', '.join(different)}); give a fresh folder, or the same settings")

    def load(self, point: str) -> dict[str, Any] | None:
        """The document of a finished point, or ``None``."""
        file = self.path / f"{point}.json"
        if not file.exists():
            return None
        document: dict[str, Any] = json.loads(file.read_text())
        return document

    def save(self, point: str, document: dict[str, Any]) -> None:
        """Keep the document of a finished point."""
        self._write(self.path / f"{point}.json", document)

    @staticmethod
    def _write(path: Path, document: dict[str, Any]) -> None:
        temporary = path.with_suffix(f".{os.getpid()}.partial")
        temporary.write_text(json.dumps(document, indent=1))
        os.replace(temporary, path)
