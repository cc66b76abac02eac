"""Nothing is lost on a crash: every rung is on disk before the next begins."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.running import identity
from singlearn.running.claim import ENDING, Claim, FolderInUseError, holder
from singlearn.running.whole_files import as_path, make_folder, remove_if_empty, write_whole
from singlearn.tempering.decorrelate import Adaptation
from singlearn.tempering.made_of import MadeOf
from singlearn.tempering.rungs import Rung
from singlearn.tempering.settings import Settings
from singlearn.triple.identity import BESIDE

FORMAT = 2
# In the file of a rung.
BESIDE_THE_NUMBERS = ("index", "run", "digest")
# Names are no part of what is computed.
LABELS = ("name", "n", "dimension", "is_population")


class CheckpointFolder:
    """A folder with one file per rung, and one that says what the run is made of; held by one run
    at a time.

    Use it as a context: it is claimed on the way in and free on the way out. A folder that holds
    nothing yet is made when the first rung is there, so that a run that is refused leaves none
    behind.

    Args:
        path: the folder.
        settings: of the run.
        made_of: its triple and phase; a folder that was begun with others is refused, because
            resuming it would mix two runs.
    """

    def __init__(self, path: str | os.PathLike[str], settings: Settings, made_of: MadeOf) -> None:
        self.path = as_path("checkpoint", path)
        self._settings = {
            name: identity.setting(value)["value"]
            for name, value in asdict(settings).items()
            if name not in LABELS
        }
        self._made_of = made_of
        self._claim: Claim | None = None
        self._run = ""
        self._made: list[Path] = []

    def __enter__(self) -> CheckpointFolder:
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"checkpoint: {self.path} is a file; it should be a folder")
        self._made = make_folder(self.path)
        try:
            self._take_claim()
            self._compare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._claim is not None:
            self._claim.release()
            self._claim = None
        if not self._run:
            remove_if_empty(self._made)

    def rungs(self) -> list[tuple[Rung, Adaptation, np.ndarray]]:
        """The rungs on disk in order, each with the adaptation and the full population it ended
        with.

        Raises:
            ValueError: a file that is damaged, of another run, or in the place of another rung.
        """
        found: list[tuple[Rung, Adaptation, np.ndarray]] = []
        while (file := self._file(len(found))).exists():
            found.append(self._read(file, len(found)))
        return found

    def begin(self, population: Float[np.ndarray, "replicates particles d"]) -> None:
        """Write down what the run is made of; ``population`` are its draws from the prior.

        Raises:
            OSError: it cannot be written.
        """
        document = {
            "format": FORMAT,
            "settings": self._settings,
            "made of": self._made_of.parts(population),
        }
        run = identity.digest_of(document)
        write_whole(self._recorded, json.dumps(document | {"digest": run}, indent=1).encode())
        self._run = run

    def save(self, index: int, rung: Rung, adaptation: Adaptation, population: np.ndarray) -> None:
        """Write rung ``index``; ``population`` is every particle, also when the rung keeps only
        some.

        Raises:
            OSError: it cannot be written.
        """
        arrays: dict[str, Any] = {f.name: np.asarray(getattr(rung, f.name)) for f in fields(Rung)}
        arrays |= {
            "population": population,
            "adaptation": np.asarray(json.dumps(asdict(adaptation))),
        }
        content = io.BytesIO()
        np.savez(content, index=index, run=self._run, digest=_digest(arrays), **arrays)
        write_whole(self._file(index), content.getbuffer())

    @property
    def _recorded(self) -> Path:
        return self.path / "settings.json"

    def _file(self, index: int) -> Path:
        return self.path / f"rung_{index:05d}.npz"

    def _take_claim(self) -> None:
        file = self.path / f"checkpoint{ENDING}"
        try:
            self._claim = Claim.take(file)
        except OSError:
            # Of a finished run in a folder that cannot be written to, rungs can still be read.
            if os.access(self.path, os.W_OK) or not self._recorded.exists():
                raise
            return
        if self._claim is None:
            raise FolderInUseError(
                f"checkpoint: another run is at work in the folder {self.path} "
                f"({holder(file) or 'it has ended just now'}); wait for it, or "
                f"give another folder. If that run has ended, delete {file}"
            )
        for left_over in self.path.glob(".*.partial"):  # of a run that was killed while it wrote
            with suppress(OSError):
                left_over.unlink()

    def _compare(self) -> None:
        """Raise ``ValueError`` unless the folder is empty or was begun with these settings, this
        triple and this phase.
        """
        if not self._recorded.exists():
            rungs = sorted(self.path.glob("rung_*.npz"))
            if rungs:
                raise ValueError(
                    f"checkpoint: {self.path} holds {len(rungs)} rungs but no "
                    f"{self._recorded.name}, which says what run they belong to; "
                    "delete them, or give a fresh folder"
                )
            return
        whole = f"delete the folder {self.path} and start the run again, or give a fresh folder"
        try:
            document = json.loads(self._recorded.read_text())
            if not isinstance(document, dict):
                raise ValueError("no settings")
        except (ValueError, OSError) as error:
            raise ValueError(
                f"checkpoint: the settings file {self._recorded} is damaged "
                f"({_first_line(error)}); {whole}"
            ) from None
        if document.get("format") != FORMAT:
            raise ValueError(
                f"checkpoint: {self._recorded} was written by an earlier version, which did not "
                "write down what the run was made of, so that "
                "another run could be resumed in its place; finish it with that version, or "
                f"{whole}"
            )
        self._run = str(document.pop("digest", ""))
        if identity.digest_of(document) != self._run:
            raise ValueError(
                f"checkpoint: the settings file {self._recorded} was changed after it was "
                f"written; {whole}"
            )
        different = identity.differences(
            identity.settings(document["settings"]), identity.settings(self._settings)
        )
        # Settings first: with them alike, it is worth asking what functions say.
        different = different or self._made_of.differences(document["made of"], BESIDE)
        if different:
            raise ValueError(
                f"checkpoint: {self.path} belongs to another run "
                f"({identity.in_words(different)}); give a fresh folder, or the same settings "
                "and the same triple"
            )

    def _read(self, file: Path, index: int) -> tuple[Rung, Adaptation, np.ndarray]:
        later = (
            f"delete {file.name} and every later rung in {self.path}: the run goes on from the "
            "rung before"
        )
        try:
            with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            adapted = json.loads(str(arrays["adaptation"]))
            adaptation = Adaptation(
                **adapted | {"gradient_scales": tuple(adapted["gradient_scales"])}
            )
            values: dict[str, Any] = {
                f.name: arrays[f.name].item() if arrays[f.name].ndim == 0 else arrays[f.name]
                for f in fields(Rung)
            }
            population, rung = arrays["population"], Rung(**values)
        except (
            Exception
        ) as error:  # a damaged file fails in zip, in NumPy, in JSON, in any way at all
            raise ValueError(
                f"checkpoint: {file} is damaged ({_first_line(error)}); {later}"
            ) from None
        kept = {name: array for name, array in arrays.items() if name not in BESIDE_THE_NUMBERS}
        if "digest" in arrays and str(arrays["digest"]) != _digest(kept):
            raise ValueError(
                f"checkpoint: {file} is damaged (its numbers are not those that were written); "
                f"{later}"
            )
        if "index" not in arrays or str(arrays.get("run")) != self._run:
            raise ValueError(
                f"checkpoint: {file} is a rung of another run than that of {self._recorded}; "
                f"{later}"
            )
        if int(arrays["index"]) != index:
            raise ValueError(
                f"checkpoint: {file} holds rung {int(arrays['index'])} in the place of rung "
                f"{index}; {later}"
            )
        return rung, adaptation, population


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Of all numbers of a rung, by name."""
    return identity.digest_of(
        {name: identity.array(arrays[name])["digest"] for name in sorted(arrays)}
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
