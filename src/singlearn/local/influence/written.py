"""Where losses along chains are kept: in memory, or in a Zarr folder as they come."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from singlearn.local.influence.recording import Recording
from singlearn.local.influence.results import CAUTIONS, LossChains
from singlearn.local.tokens import Tokens
from singlearn.running import identity
from singlearn.running.identity import Part
from singlearn.running.whole_files import write_whole

BYTES = 2**24
"""Of losses that are held until they are written together: one chunk."""
STATE = "chains-{}.npz"
"""Where the chains of a component are, for whoever goes on."""
FORMAT = 1
Rows = Sequence[Float[np.ndarray, "chains ..."]]


def axes_of(shift: str, by_token: bool) -> tuple[str, ...]:
    """Names of the axes of the losses of a shift; the data themselves have none for a name.

    >>> axes_of("", False), axes_of("new", True)[3:]
    (('component', 'chain', 'draw', 'sample'), ('sample_new', 'token_new'))
    """
    end = f"_{shift}" if shift else ""
    ends = [f"sample{end}", *([f"token{end}"] if by_token else [])]
    return ("component", "chain", "draw", *ends)


class LossesInMemory:
    """Losses in memory."""

    def begin(self, components: list[str], shifts: list[str], draws: int, tokens: Tokens) -> None:
        """What will come.

        Args:
            components: their names.
            shifts: names of the distributions, ``""`` for the data themselves.
            draws: of each chain.
            tokens: what the loss of a sample is; ``None`` where there are no tokens.
        """
        self.components, self.shifts, self.draws = components, shifts, draws
        self.tokens = tokens
        self.of: dict[str, Recording] = {}
        self.arrays: list[Any] = []

    def finished(self, name: str) -> bool:
        """Whether all draws of a component are there."""
        return False

    def interrupted(self, name: str) -> Recording | None:
        """Chains of a component that can go on."""
        return None

    def started(self, name: str, recording: Recording) -> None:
        """The chains of a component have arrived."""
        self.of[name] = recording

    def finish(self, name: str, recording: Recording) -> None:
        """All draws of a component were added."""
        self.of[name] = recording

    def add(self, place: int, draw: int, rows: Rows, after: Callable[[], Recording]) -> None:
        """One draw of the component at this place."""
        if not self.arrays:
            self.arrays = [self._empty(part, k) for k, part in enumerate(rows)]
        for array, part in zip(self.arrays, rows, strict=True):
            array[place, :, draw] = part

    def _empty(self, part: np.ndarray, number: int) -> Any:
        return np.full(self._shape(part), np.nan)

    def _shape(self, part: np.ndarray) -> tuple[int, ...]:
        return (len(self.components), part.shape[0], self.draws, *part.shape[1:])

    def result(self) -> LossChains:
        """The losses with what is known of the chains."""
        variables = {
            f"loss_{shift}" if shift else "loss": (
                axes_of(shift, self.tokens is not None),
                array,
                {"units": "nats above w*"},
            )
            for shift, array in zip(self.shifts, self.arrays, strict=True)
        }
        return self._labelled(xr.Dataset(variables))

    def _labelled(self, losses: xr.Dataset) -> LossChains:
        every = [self.of[name] for name in self.components]
        first = every[0]
        cautions = tuple(caution for own in every for caution in own.cautions)
        attributes = {
            "nbeta": first.nbeta,
            "gamma": first.gamma,
            "samples": first.samples,
            "shifts": self.shifts[1:],
            CAUTIONS: [str(caution) for caution in cautions],
        }
        if self.tokens is not None:
            attributes["tokens"] = self.tokens
        found = losses.assign(
            learning_coefficient=("component", [own.value for own in every]),
            standard_error=("component", [own.standard_error for own in every]),
            status=("component", [own.status for own in every]),
        ).assign_coords(component=self.components)
        return LossChains(found.assign_attrs(attributes), cautions)


class Written(LossesInMemory):
    """Losses in a Zarr folder, in single precision, draw by draw.

    Args:
        path: the folder.
        made_of: what it belongs to.

    Raises:
        ImportError: Zarr is not installed.
        ValueError: a folder of other chains, or of something else.
    """

    def __init__(self, path: Path, made_of: Mapping[str, Part]) -> None:
        try:
            import zarr
        except ImportError:
            raise ImportError(
                "folder: losses are written by Zarr; install it with pip install 'singlearn[zarr]'"
            ) from None
        self.path, self._made_of, self._zarr = path, dict(made_of), zarr
        if path.exists() and (not path.is_dir() or (any(path.iterdir()) and not self._about())):
            raise ValueError(
                f"folder: {path} holds something else than losses along chains; give a fresh folder"
            )
        about = self._about()
        if about:
            differing = identity.differences(about["made of"], self._made_of)
            if differing:
                raise ValueError(
                    f"folder: {path} belongs to other chains ({identity.in_words(differing)}); "
                    "give a fresh folder, or what it was made of"
                )

    def _about(self) -> dict[str, Any]:
        try:
            group = self._zarr.open_group(str(self.path), mode="r")
        except (FileNotFoundError, self._zarr.errors.GroupNotFoundError):
            return {}
        return json.loads(str(group.attrs.get("singlearn", "{}")))  # type: ignore[no-any-return]

    def begin(self, components: list[str], shifts: list[str], draws: int, tokens: Tokens) -> None:
        """As in memory; and what is there already."""
        super().begin(components, shifts, draws, tokens)
        self._group = self._zarr.open_group(str(self.path), mode="a")
        about = self._about() or {"format": FORMAT, "made of": self._made_of, "components": {}}
        self._document = about
        self.of = {name: Recording.from_dict(plain) for name, plain in about["components"].items()}
        self._say()
        self.arrays = [self._group[name] for name in self._names() if name in self._group]
        self._held: list[tuple[int, Rows]] = []

    def _names(self) -> list[str]:
        return [f"loss_{shift}" if shift else "loss" for shift in self.shifts]

    def _say(self) -> None:
        self._group.attrs["singlearn"] = json.dumps(self._document)

    def finished(self, name: str) -> bool:
        """Whether all draws of a component are there."""
        return name in self._document.get("finished", [])

    def interrupted(self, name: str) -> Recording | None:
        """Chains of Langevin steps go on where they were; others begin anew."""
        file = self._state(name)
        if name not in self.of or not file.exists() or self.of[name].sampler != "sgld":
            return None
        with np.load(file) as held:
            return replace(self.of[name], draw=int(held["draw"]), offset=held["offset"])

    def _state(self, name: str) -> Path:
        return self.path / STATE.format(self.components.index(name))

    def started(self, name: str, recording: Recording) -> None:
        """The chains of a component have arrived."""
        super().started(name, recording)
        self._document["components"][name] = recording.to_dict()
        self._say()

    def add(self, place: int, draw: int, rows: Rows, after: Callable[[], Recording]) -> None:
        """One draw; several are written together."""
        if not self.arrays:
            self.arrays = [self._empty(part, k) for k, part in enumerate(rows)]
        self._held.append((draw, rows))
        if (draw + 1) % self._together(rows) == 0 or draw + 1 == self.draws:
            first, last = self._held[0][0], draw + 1
            for k, array in enumerate(self.arrays):
                block = np.stack([own[k] for _, own in self._held], axis=1)
                array[place, :, first:last] = block.astype(np.float32)
            self._held = []
            now = after()
            if now.offset is not None:
                page = io.BytesIO()
                np.savez(page, draw=now.draw, offset=now.offset)
                write_whole(self._state(self.components[place]), page.getvalue())

    def _together(self, rows: Rows) -> int:
        return max(1, min(self.draws, BYTES // max(1, 4 * max(part.size for part in rows))))

    def _empty(self, part: np.ndarray, number: int) -> Any:
        shift = self.shifts[number]
        chunk = (1, part.shape[0], self._together([part]), *part.shape[1:])
        return self._group.create_array(
            self._names()[number],
            shape=self._shape(part),
            chunks=chunk,
            dtype="float32",
            fill_value=np.nan,
            dimension_names=axes_of(shift, self.tokens is not None),
            attributes={"units": "nats above w*"},
        )

    def finish(self, name: str, recording: Recording) -> None:
        """All draws of a component are there."""
        self._document.setdefault("finished", []).append(name)
        self._say()
        self._state(name).unlink(missing_ok=True)

    def result(self) -> LossChains:
        """The losses, read when they are asked for."""
        found = xr.open_dataset(str(self.path), engine="zarr", consolidated=False, chunks=None)
        found.attrs = {}
        return self._labelled(found)
