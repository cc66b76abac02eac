"""Samples by samples: how their losses move together, and what one does to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from singlearn.local import Influence, LossKernel
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten
from singlearn.plot.takes import takes

SHOWN = 3
"""Leading components of which loadings are drawn."""


def loss_kernel(
    found: LossKernel, labels: Sequence[object] | Shaped[np.ndarray, " samples"] | None = None
) -> Figure:
    """The correlation of the losses of samples, and its leading components.

    Left the heat map, on one scale from -1 to 1; right above the shares of the leading eigenvalues,
    below what each sample has in the first three. Samples are in the order of their labels, else in
    that of their first component.

    Args:
        found: from ``local.loss_kernel``, by sample.
        labels: of every sample, such as its class.

    Returns:
        The figure.

    Raises:
        ValueError: a kernel by token, or labels of another number.
    """
    takes("found", found, LossKernel, "local.loss_kernel")
    matrix, loading = _by_sample(found["correlation"].values), found["loading"].values
    order, groups = _order(len(matrix), labels, loading[0])
    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=(1.15, 1.0))
    left, right = halves
    axes = left.subplots()
    _map(axes, left, matrix[np.ix_(order, order)], 1.0, "correlation of two losses", groups)
    upper, lower = right.subplots(2, 1)
    share = found["share"].values
    upper.bar(1 + np.arange(len(share)), share, color=INK, width=0.6)
    upper.set_xticks(1 + np.arange(len(share)))
    upper.set_xlabel("leading component")
    upper.set_ylabel("share of the eigenvalues")
    for k, (colour, mark) in enumerate(((INK, "o"), (ACCENT, "s"), (QUIET, "^"))[:SHOWN]):
        if k < len(loading):
            lower.plot(
                loading[k][order], mark, color=colour, markersize=3.5, label=f"component {k + 1}",
                linestyle="",
            )  # fmt: skip
    lower.axhline(0.0, color=QUIET, linewidth=0.8)
    for border in groups:
        lower.axvline(border - 0.5, color=QUIET, linewidth=0.8, linestyle=":")
    lower.set_xlabel("sample, in the order of the map")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    lower.set_ylabel("loading")
    lower.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    for own in (upper, lower):
        quieten(own)
    figure.suptitle(_title("loss kernel", found), fontsize=11, x=0.02, ha="left")
    return finished(figure)


def influence(
    found: Influence, labels: Sequence[object] | Shaped[np.ndarray, " samples"] | None = None
) -> Figure:
    """The influence of samples on each other's losses.

    Orange: counting the sample of the row once more lowers the loss of the column's, it helps;
    purple: it raises it. Beside it every influence over its standard error: what is within two is
    noise.

    Args:
        found: from ``local.influence``, by sample.
        labels: of every sample, such as its class; samples are then in their order.

    Returns:
        The figure.

    Raises:
        ValueError: an influence by token, or labels of another number.
    """
    takes("found", found, Influence, "local.influence")
    matrix = _by_sample(found["influence"].values)
    error = found["standard_error"].values
    order, groups = _order(len(matrix), labels, None)
    figure = Figure(figsize=(9.6, 4.6), layout="constrained")
    halves: Any = figure.subfigures(1, 2)
    left, right = halves
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = (
            (left, matrix, "influence  [nats]"),
            (right, matrix / error, "… in standard errors"),
        )
    for own, values, label in parts:
        values = values[np.ix_(order, order)]
        off = values[~np.eye(len(values), dtype=bool)]
        top = float(np.nanquantile(np.abs(off), 0.99)) if np.isfinite(off).any() else 1.0
        _map(own.subplots(), own, values, top or 1.0, label, groups)
    figure.suptitle(
        _title("influence of the row on the column", found), fontsize=11, x=0.02, ha="left"
    )
    return finished(figure)


def _title(what: str, found: Influence | LossKernel) -> str:
    return f"{what}   component {found.attrs['component']}, {found.sizes['sample']} samples"


def _by_sample(values: np.ndarray) -> Float[np.ndarray, "samples samples"]:
    if values.ndim != 2:
        raise ValueError('found: it is by token; a map is drawn of what is by="sample"')
    return values


def _order(
    count: int,
    labels: Sequence[object] | Shaped[np.ndarray, " samples"] | None,
    along: Float[np.ndarray, " samples"] | None,
) -> tuple[Int[np.ndarray, " samples"], list[int]]:
    """The order of samples, and where groups begin."""
    if labels is None:
        order = (
            np.arange(count) if along is None else np.argsort(-np.nan_to_num(along), kind="stable")
        )
        return order, []
    names = [str(label) for label in labels]
    if len(names) != count:
        raise ValueError(f"labels: got {len(names)}; it should be one for each of {count} samples")
    order = np.array(sorted(range(count), key=lambda i: names[i]))
    borders = [k for k in range(1, count) if names[order[k]] != names[order[k - 1]]]
    return order, borders


def _map(
    axes: Axes,
    figure: object,
    values: Float[np.ndarray, "samples samples"],
    top: float,
    label: str,
    groups: list[int],
) -> None:
    shade = axes.imshow(values, cmap="PuOr", vmin=-top, vmax=top, interpolation="nearest")
    for border in groups:
        axes.axhline(border - 0.5, color=QUIET, linewidth=0.8)
        axes.axvline(border - 0.5, color=QUIET, linewidth=0.8)
    axes.set_xlabel("sample")
    axes.set_ylabel("sample")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.figure.colorbar(
        shade, ax=axes, label=label, shrink=0.85, extend="both" if top != 1.0 else "neither"
    )
