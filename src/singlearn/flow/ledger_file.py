"""Lines of a ledger on disk: one JSON line for each recorded step, whole or not there; a run that
was cut off is taken up again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

FORMAT = 1
AGREE = 1e-9
"""Relative difference up to which the laws of a model are those that a line on disk left behind."""
SAME = 1e-13
"""Relative difference below which two lines are equally near; the later one is taken."""


class LedgerFile:
    """A file that a ledger appends to.

    Args:
        path: JSON lines; the first one says what the run is.
        resume: False: the file should not be there yet. True: it is continued after the line that
            left the laws as the model has them now; later lines are dropped, since training starts
            again from there. A number: the model has done so many steps.
    """

    def __init__(self, path: Path | str, resume: bool | int = False) -> None:
        self.path, self.resume = Path(path), resume
        self.failure = ""
        self.done = 0 if resume is True or resume is False else int(resume)
        self._stream: TextIO | None = None

    def open(
        self, optimiser: str, every: int, laws: Sequence[str], values: Sequence[Any]
    ) -> list[dict[str, Any]]:
        """Begin the file, or read what it has.

        Args:
            optimiser: what it is called.
            every: steps between two lines.
            laws: their names.
            values: of the laws now.

        Returns:
            Lines to take up; none of a new file.

        Raises:
            ValueError: the file is there and ``resume`` is not given, it is of another run, or no
                line fits the model.
        """
        head = {"ledger": FORMAT, "optimizer": optimiser, "every": every, "laws": list(laws)}
        if self.path.exists() and self.path.stat().st_size > 0:
            if self.resume is False:
                raise ValueError(
                    f"file: {self.path} already exists; give another name, or resume=True to "
                    f"continue it"
                )
            lines = self._lines(head)
            kept = self._fitting(lines, laws, values)
            self._rewrite([json.dumps(head), *(json.dumps(line) for line in kept)])
            self._stream = self.path.open("a", encoding="utf-8")
            return kept
        self._stream = self.path.open("a", encoding="utf-8")
        self._write(head)
        return []

    def _lines(self, head: dict[str, Any]) -> list[dict[str, Any]]:
        found, lines = read_lines(self.path)
        for name, now in head.items():
            if found.get(name, now) != now:
                raise ValueError(
                    f"file: {self.path} has {name} {found[name]!r}, this run has {now!r}; it "
                    f"belongs to another run"
                )
        return lines

    def _fitting(
        self, lines: list[dict[str, Any]], laws: Sequence[str], values: Sequence[Any]
    ) -> list[dict[str, Any]]:
        if self.resume is not True:
            return [line for line in lines if line["step"] <= self.done]
        if not lines:
            return []
        far = [_distance([lines[0][law]["before"] for law in laws], values)]
        far += [_distance([line[law]["after"] for law in laws], values) for line in lines]
        if min(far) <= AGREE:
            return lines[
                : max(
                    count for count, distance in enumerate(far) if distance <= max(min(far), SAME)
                )
            ]
        raise ValueError(
            f"file: no line of {self.path}, last step {lines[-1]['step']}, left the laws as this "
            f"model has them; load its weights "
            "first, or give resume=number of steps that the model has done"
        )

    def _rewrite(self, lines: list[str]) -> None:
        from singlearn.running.whole_files import write_whole

        write_whole(self.path, ("\n".join(lines) + "\n").encode())

    def append(self, line: dict[str, Any]) -> None:
        """One more line; a full disk ends the file and not the training."""
        if not self.failure and self._stream is not None:
            self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        assert self._stream is not None
        try:
            self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._stream.flush()
        except OSError as error:
            self.failure = (
                f"{self.path}: {error.strerror or error}; lines from step {line.get('step', 0)} on "
                "are missing"
            )

    def close(self) -> None:
        """Nothing more is written."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def read_lines(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The head of a ledger's file, and its lines; one that was cut off is left out.

    Raises:
        ValueError: it is not the file of a ledger.
    """
    whole = path.read_text(encoding="utf-8").split("\n")[
        :-1
    ]  # what stands after the last newline was cut off while it was written
    found = [_json(text, path, number) for number, text in enumerate(whole, 1)]
    if not found:
        return {}, []
    if found[0].get("ledger") != FORMAT or any("step" not in line for line in found[1:]):
        raise ValueError(f"file: {path} is not the file of a ledger, or of another version of it")
    return found[0], found[1:]


def _json(text: str, path: Path, number: int) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(
            f"file: line {number} of {path} is not a JSON object; it is not the file of a ledger, "
            f"or was changed"
        )
    return found


def _distance(kept: Sequence[Any], now: Sequence[Any]) -> float:
    """Largest difference of two sets of values, relative to the largest value."""
    pairs = [
        (np.asarray(one, dtype=float), np.asarray(other.tolist(), dtype=float))
        for one, other in zip(kept, now, strict=True)
    ]
    if any(one.shape != other.shape for one, other in pairs):
        return np.inf
    scale = max(1.0, *(float(np.max(np.abs(other), initial=0.0)) for _, other in pairs))
    return max(float(np.max(np.abs(one - other), initial=0.0)) for one, other in pairs) / scale
