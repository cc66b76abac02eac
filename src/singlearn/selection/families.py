"""The families that ``singlearn select`` knows: data and prior in, one triple for every K out.

What is wrong with the data is said before JAX is imported; the triples import it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from singlearn.data import galaxies
from singlearn.results.prompt import Shown
from singlearn.results.refusal import RefusalError
from singlearn.selection.csv_table import Table

if TYPE_CHECKING:
    from singlearn.triple import Triple

LARGEST = 1e100
"""Of numbers, of their range and of its inverse: models square them, multiply squares, and add as
many as there are rows.
"""

FEWEST_STEPS = 2**10
"""Of double precision in the range of a column; of fewer, rounding decides."""


@dataclass(frozen=True)
class Family(Shown):
    """What to temper for every K, and how to call it.

    Attributes:
        name: of the data.
        description: one line for tables and figures.
        x_label: of the axis of a predictive density, with its unit.
        triple: K to the triple; ``selection.select(family.triple, sizes)`` compares them.
        largest: K up to which they are compared by default.
        note: how a file was understood.
        file: of Python, where the family is defined by a user.
    """

    name: str
    description: str
    x_label: str
    triple: Callable[[int], Triple]
    largest: int
    note: str = ""
    file: Path | None = None


def galaxies_family() -> Family:
    """Gaussian mixtures of the galaxy velocities, under the prior of Chib 1995."""
    data = galaxies()

    def triple(components: int) -> Triple:
        from singlearn.models.mixture import MixturePrior, gaussian_mixture

        return gaussian_mixture(data, components, MixturePrior.chib())

    description = f"{len(data)} velocities (km/s ÷ 1000), Gaussian mixture, Chib's prior"
    return Family("galaxies", description, "velocity  [1000 km/s]", triple, 6)


def mixture_family(table: Table) -> Family:
    """Gaussian mixtures of the rows of a table, under a prior scaled to their range.

    Returns:
        The function that makes a triple of K components, and the words for it.

    Raises:
        RefusalError: a column without a range, or of numbers too large or too close to be squared.
    """
    for name, column in zip(table.columns, table.values.T, strict=True):
        if column.min() == column.max():
            raise RefusalError(
                f"{table.path}, {name}: all its values are {column[0]:g}; a mixture needs at least "
                "two different ones"
            )
    _refuse_extreme(table)
    data = table.values[:, 0] if table.values.shape[1] == 1 else table.values

    def triple(components: int) -> Triple:
        from singlearn.models.mixture import MixturePrior, gaussian_mixture

        return gaussian_mixture(data, components, MixturePrior.from_data(data))

    columns = "" if data.ndim == 1 else f" of {data.shape[1]} columns ({', '.join(table.columns)})"
    description = f"{len(data)} rows{columns}, Gaussian mixture, prior scaled to the range"
    return Family(table.path.stem, description, table.columns[0], triple, 6, _note(table))


def reduced_rank_family(table: Table, response: Sequence[str] | None) -> Family:
    r"""Reduced rank regressions of the response columns on the others, all standardised.

    Their noise is taken as known, σ = the residual standard deviation of full least squares, the
    same for every rank.

    Args:
        table: of inputs and responses.
        response: columns that are y, by name or place in the file; default: the last.

    Returns:
        The function that makes a triple of rank r, and the words for it.

    Raises:
        RefusalError: no column left for x, a column without variation or of numbers too large to be
            squared, too few rows, or a response that the others determine exactly.
    """
    path = table.path
    at = [len(table.columns) - 1] if response is None else table.indices(response, "--response")
    rest = [i for i in range(len(table.columns)) if i not in at]
    if not rest:
        raise RefusalError(
            f"{path}: all {len(table.columns)} columns are responses; at least one should be left "
            "to predict them from"
        )
    _refuse_extreme(table)
    x, y = standardised(table, rest), standardised(table, at)
    n, inputs = x.shape
    if n <= inputs + 1:
        raise RefusalError(
            f"{path}: it has {n} rows for {inputs} inputs; the noise estimate needs more than "
            f"{inputs + 1}"
        )
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    scale = float(np.sqrt(np.sum(residual**2) / (y.shape[1] * (n - inputs - 1))))
    if scale < 1e-6:
        raise RefusalError(
            f"{path}: the responses are an exact linear function of the inputs; there is no noise "
            "to model"
        )

    def triple(rank: int) -> Triple:
        from singlearn.models.reduced_rank import reduced_rank_regression

        return reduced_rank_regression(x, y, rank, scale=scale)

    outputs = ", ".join(table.columns[i] for i in at)
    return Family(
        path.stem,
        f"{n} rows, {outputs} from {inputs} inputs by reduced rank regression, standardised, noise "
        f"σ = {scale:.3g}",
        "",
        triple,
        min(x.shape[1], y.shape[1]),
        _note(table),
    )


def _note(table: Table) -> str:
    return f"{table.path.name}: {'; '.join(table.notes)}"


def _refuse_extreme(table: Table) -> None:
    for name, place, column in zip(table.columns, table.positions, table.values.T, strict=True):
        where = f"{table.path}, column {place} ({name})"
        largest = float(np.abs(column).max())
        if largest > LARGEST:
            raise RefusalError(
                f"{where}: its values reach {largest:.3g}, too large to be squared in double "
                "precision; change their unit"
            )
        spread = float(np.ptp(column))
        if 0 < spread < 1 / LARGEST:
            raise RefusalError(
                f"{where}: its values differ by {spread:.3g}, too little to be squared in double "
                "precision; change their unit"
            )
        step = float(np.spacing(largest))
        whole = largest < 2**53 and bool((column == np.floor(column)).all())
        if 0 < spread < FEWEST_STEPS * step and not whole:
            raise RefusalError(
                f"{where}: its values lie near {largest:.3g}, where double precision rounds to "
                f"{step:.2g}, and their range is {spread:.3g}; subtract an offset before they are "
                "written"
            )


def standardised(table: Table, columns: Sequence[int]) -> Float[np.ndarray, "rows columns"]:
    r"""Columns of a table with mean 0 and standard deviation 1, over all rows.

    Args:
        table: whose columns.
        columns: by place in the table, from 0 on.

    Returns:
        The columns in this order, without a unit.

    Raises:
        RefusalError: all values of a column are equal.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from singlearn.selection.csv_table import read_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "data.csv"
    ...     _ = path.write_text("a,b\n1,5\n3,9\n")
    ...     table = read_csv(path)
    >>> standardised(table, [1, 0]).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """
    values = table.values[:, columns]
    deviation = values.std(axis=0)
    for column, own in zip(columns, deviation, strict=True):
        if not own > 0:
            raise RefusalError(
                f"{table.path}, {table.columns[column]}: all its values are equal; a regression "
                "needs columns that vary"
            )
    found: Float[np.ndarray, "rows columns"] = (values - values.mean(axis=0)) / deviation
    return found
