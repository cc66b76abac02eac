"""The families that ``singlearn select`` knows: data and prior in, one triple for every K out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from singlearn import models
from singlearn.cli.csv_file import Table, column_index
from singlearn.cli.refusal import Refusal
from singlearn.data import galaxies
from singlearn.triple import Triple


@dataclass(frozen=True)
class Family:
    """What to temper for every K, and how to call it."""

    name: str
    description: str
    x_label: str
    triple: Callable[[int], Triple]
    largest: int


def galaxies_family() -> Family:
    """Gaussian mixtures of the galaxy velocities, under the prior of Chib 1995."""
    data, prior = galaxies(), models.MixturePrior.chib()
    return Family(
        "galaxies",
        f"{len(data)} velocities (km/s ÷ 1000), Gaussian mixture, Chib's prior",
        "velocity  [1000 km/s]",
        lambda components: models.gaussian_mixture(data, components, prior),
        6,
    )


def mixture_family(table: Table, path: Path) -> Family:
    """Gaussian mixtures of the rows of a table, under a prior scaled to their range.

    Raises:
        Refusal: a column without a range.
    """
    for name, column in zip(table.columns, table.values.T, strict=True):
        if not np.ptp(column) > 0:
            raise Refusal(
                f"{path}, {name}: all its values are {column[0]:g}; a mixture needs at least two different ones"
            )
    data = table.values[:, 0] if table.values.shape[1] == 1 else table.values
    prior = models.MixturePrior.from_data(data)
    columns = "" if data.ndim == 1 else f" of {data.shape[1]} columns"
    return Family(
        path.stem,
        f"{len(data)} rows{columns}, Gaussian mixture, prior scaled to the range",
        table.columns[0],
        lambda components: models.gaussian_mixture(data, components, prior),
        6,
    )


def reduced_rank_family(table: Table, path: Path, response: Sequence[str] | None) -> Family:
    r"""Reduced rank regressions of the response columns on the others, all standardised.

    Their noise is taken as known, σ = the residual standard deviation of full least squares, the same for every rank.

    Args:
        response: columns that are y, by name or number; default: the last.

    Raises:
        Refusal: no column left for x, a column without variation, too few rows, or a response that the others
            determine exactly.
    """
    at = (
        [len(table.columns) - 1] if response is None else [column_index(table.columns, name, path) for name in response]
    )
    rest = [i for i in range(len(table.columns)) if i not in at]
    if not rest:
        raise Refusal(
            f"{path}: all {len(table.columns)} columns are responses; at least one should be left to predict them from"
        )
    x, y = _standardised(table, rest, path), _standardised(table, at, path)
    n, inputs = x.shape
    if n <= inputs + 1:
        raise Refusal(f"{path}: it has {n} rows for {inputs} inputs; the noise estimate needs more than {inputs + 1}")
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    scale = float(np.sqrt(np.sum(residual**2) / (y.shape[1] * (n - inputs - 1))))
    if scale < 1e-6:
        raise Refusal(f"{path}: the responses are an exact linear function of the inputs; there is no noise to model")
    outputs = ", ".join(table.columns[i] for i in at)
    return Family(
        path.stem,
        f"{n} rows, {outputs} from {inputs} inputs by reduced rank regression, standardised, noise σ = {scale:.3g}",
        "",
        lambda rank: models.reduced_rank_regression(x, y, rank, scale=scale),
        min(x.shape[1], y.shape[1]),
    )


def _standardised(table: Table, columns: Sequence[int], path: Path) -> Float[np.ndarray, "rows columns"]:
    values = table.values[:, columns]
    deviation = values.std(axis=0)
    for column, own in zip(columns, deviation, strict=True):
        if not own > 0:
            raise Refusal(
                f"{path}, {table.columns[column]}: all its values are equal; a regression needs columns that vary"
            )
    return (values - values.mean(axis=0)) / deviation
