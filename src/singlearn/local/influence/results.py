"""Results on single samples: labelled arrays with cautions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xarray as xr

from singlearn.local.verdict.shown import with_cautions
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each, plain
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import frame

if TYPE_CHECKING:
    import pandas

CAUTIONS = "cautions"
"""The attribute that keeps cautions where the arrays are saved to a file."""


@dataclass(frozen=True)
class LabelledArrays(Answer):
    """Arrays with names and labelled axes.

    Attributes:
        dataset: all of them; ``result["name"]`` is one of them.
        cautions: what may be wrong with them.
    """

    dataset: xr.Dataset
    cautions: tuple[Caution, ...] = ()

    def __getitem__(self, name: str) -> xr.DataArray:
        return self.dataset[name]

    def sel(self, **labels: Any) -> xr.Dataset:
        """The arrays at these labels, as of ``xarray.Dataset.sel``."""
        return self.dataset.sel(**labels)

    @property
    def sizes(self) -> dict[str, int]:
        """How long every axis is."""
        return {str(axis): size for axis, size in self.dataset.sizes.items()}

    @property
    def attrs(self) -> dict[str, Any]:
        """What belongs to all arrays: nβ, γ, n and the names of shifts."""
        return dict(self.dataset.attrs)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines; what is withheld is ``None``."""
        arrays = {
            str(name): {"axes": list(array.dims), "values": plain(array.values)}
            for name, array in self.dataset.data_vars.items()
        }
        return {**self._head(), "arrays": arrays}

    def _head(self) -> dict[str, Any]:
        attributes = {name: value for name, value in self.attrs.items() if name != CAUTIONS}
        labels = {str(name): plain(own.values) for name, own in self.dataset.coords.items()}
        return {
            **plain(attributes),
            "sizes": self.sizes,
            "labels": labels,
            "cautions": of_each(self.cautions),
        }

    def __str__(self) -> str:
        rows = [
            f"  {name} ({', '.join(f'{axis}: {self.sizes[str(axis)]}' for axis in array.dims)})"
            for name, array in self.dataset.data_vars.items()
        ]
        attributes = {name: value for name, value in self.attrs.items() if name != CAUTIONS}
        said = ", ".join(f"{name} = {value}" for name, value in attributes.items())
        return with_cautions([f"{type(self).__name__}: {said}", *rows], self.cautions)


@dataclass(frozen=True)
class LossChains(LabelledArrays):
    """Losses of single samples along chains, for every component: see
    :func:`singlearn.local.loss_chains`.

    ``dataset`` can be saved by xarray; :meth:`of` reads it again.
    """

    def isel(self, **places: Any) -> LossChains:
        """Some samples, tokens or draws, as of ``xarray.Dataset.isel``, with the cautions.

        Args:
            places: numbers along every axis that is named.

        Returns:
            Loss chains.
        """
        return LossChains(self.dataset.isel(**places), self.cautions)

    @classmethod
    def of(cls, chains: LossChains | xr.Dataset) -> LossChains:
        """Loss chains as they were saved, with their cautions.

        Args:
            chains: loss chains, or their ``dataset``.

        Returns:
            Loss chains.
        """
        if isinstance(chains, LossChains):
            return chains
        given = chains.attrs.get(CAUTIONS, ())
        sentences = [given] if isinstance(given, str) else list(given)
        split = [sentence.split(": ", 1) for sentence in sentences]
        return cls(chains, tuple(Caution(Reason(reason), words) for reason, words in split))

    def table(self) -> pandas.DataFrame:
        """λ̂ of every component.

        Returns:
            ``learning_coefficient`` (NaN where withheld), ``standard_error`` and ``status`` by
            component.
        """
        names = [
            n for n in ("learning_coefficient", "standard_error", "status") if n in self.dataset
        ]
        rows = [
            {"component": str(name)}
            | {n: self.dataset[n].sel(component=name).values.item() for n in names}
            for name in self.dataset["component"].values
        ]
        return frame(rows).set_index("component")

    def to_dict(self) -> dict[str, Any]:
        """λ̂ of every component and the sizes, for machines; the losses themselves are in
        ``dataset``.

        Returns:
            What JSON can say.
        """
        rows = self.table().reset_index().to_dict("records")
        return {**self._head(), "components": plain(rows)}


@dataclass(frozen=True)
class Influence(LabelledArrays):
    """Influence of samples on each other, with errors: see :func:`singlearn.local.influence`."""

    def examples(self, of: int, count: int = 5, shift: str | None = None) -> pandas.DataFrame:
        """The samples that matter most for one: those that lower its loss most when they are
        counted once more (``helps``), and those that raise it most (``hurts``).

        Args:
            of: number of the sample whose loss it is; of the shift, if one is named.
            count: of each kind, at most.
            shift: by name, of which distribution that sample is; by default of the data.

        Returns:
            ``kind``, ``influence`` in nats (negative where it helps), ``standard_error`` and
            ``errors_from_zero`` by ``sample``, the strongest first.

        Raises:
            ValueError: an influence by token, or no such sample.
        """
        end = f"_{shift}" if shift else ""
        if f"influence{end}" not in self.dataset or self[f"influence{end}"].ndim != 2:
            raise ValueError(
                "shift: examples are read from an influence by sample, of the data or a named shift"
            )
        column = self[f"influence{end}"].values
        if not 0 <= of < column.shape[1]:
            raise ValueError(f"of: got {of}; it should be from 0 to {column.shape[1] - 1}")
        value, error = column[:, of], self[f"standard_error{end}"].values[:, of]
        order = [int(i) for i in value.argsort()]
        helps = [i for i in order if value[i] < 0][:count]
        hurts = [i for i in reversed(order) if value[i] > 0][:count]
        rows = [
            {
                "sample": i,
                "kind": kind,
                "influence": float(value[i]),
                "standard_error": float(error[i]),
                "errors_from_zero": abs(float(value[i])) / float(error[i]) if error[i] else 0.0,
            }
            for kind, chosen in (("helps", helps), ("hurts", hurts))
            for i in chosen
        ]
        return frame(rows).set_index("sample")

    def plot(self) -> Any:
        """Draw it: :func:`singlearn.plot.influence`."""
        return drawn("influence", self)


@dataclass(frozen=True)
class LossKernel(LabelledArrays):
    """Covariance of the losses of samples, and its leading components: see
    :func:`singlearn.local.loss_kernel`.
    """

    def plot(self) -> Any:
        """Draw it: :func:`singlearn.plot.loss_kernel`."""
        return drawn("loss_kernel", self)


@dataclass(frozen=True)
class Susceptibilities(LabelledArrays):
    """Response of components to shifts of the data, with errors: see
    :func:`singlearn.local.susceptibilities`.
    """

    def table(self) -> pandas.DataFrame:
        """One row for every component and shift.

        Returns:
            ``susceptibility``, ``standard_error``, ``response`` and ``response_error`` by
            ``component`` and ``shift``.
        """
        names = ["susceptibility", "standard_error", "response", "response_error"]
        rows = [
            {"component": str(component), "shift": str(shift)}
            | {n: float(self.sel(component=component, shift=shift)[n]) for n in names}
            for component in self.dataset["component"].values
            for shift in self.dataset["shift"].values
        ]
        return frame(rows)
