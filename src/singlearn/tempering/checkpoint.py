"""Nothing is lost on a crash: every rung is on disk before the next begins."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.tempering.decorrelate import Adaptation
from singlearn.tempering.rungs import Rung


class Checkpoint:
    """A folder with one file a rung, written under another name and then renamed, so that a file that exists is whole.

    Args:
        path: the folder; created if missing.
        settings: of the run; a folder that was begun with other settings is refused, because resuming it would mix two runs.
    """

    def __init__(self, path: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        recorded = self.path / "settings.json"
        if recorded.exists():
            earlier = json.loads(recorded.read_text())
            different = sorted(k for k in settings.keys() | earlier.keys() if settings.get(k) != earlier.get(k))
            if different:
                listed = ", ".join(f"{k}: {earlier.get(k)!r} then, {settings.get(k)!r} now" for k in different)
                raise ValueError(f"checkpoint: {self.path} belongs to another run ({listed}); give a fresh folder, or the same settings")
        else:
            self._write(recorded, json.dumps(settings, indent=1).encode())

    def rungs(self) -> list[tuple[Rung, Adaptation, np.ndarray]]:
        """The rungs on disk in order, each with the adaptation and the full population it ended with (kept for the last rung only)."""
        found: list[tuple[Rung, Adaptation, np.ndarray]] = []
        while (file := self._file(len(found))).exists():
            with np.load(file, allow_pickle=False) as stored:
                adapted = json.loads(str(stored["adaptation"]))
                adaptation = Adaptation(**adapted | {"gradient_scales": tuple(adapted["gradient_scales"])})
                values: dict[str, Any] = {}
                for f in fields(Rung):
                    array = stored[f.name]
                    values[f.name] = array.item() if array.ndim == 0 else array
                found.append((Rung(**values), adaptation, stored["population"]))
        return found

    def save(self, index: int, rung: Rung, adaptation: Adaptation, population: np.ndarray) -> None:
        """Write rung ``index``; ``population`` is every particle, also when the rung keeps only some."""
        temporary = self._file(index).with_suffix(".partial.npz")
        arrays: dict[str, Any] = {f.name: np.asarray(getattr(rung, f.name)) for f in fields(Rung)}
        with temporary.open("wb") as stream:
            np.savez(stream, population=population, adaptation=json.dumps(asdict(adaptation)), **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self._file(index))

    def _file(self, index: int) -> Path:
        return self.path / f"rung_{index:05d}.npz"

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        temporary = path.with_suffix(".partial")
        temporary.write_bytes(content)
        os.replace(temporary, path)
