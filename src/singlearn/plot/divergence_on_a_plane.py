"""K over a plane of two parameters, with the true parameters drawn in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from singlearn.exact.divergences.worked_example import WorkedExample
from singlearn.plot.example_on_a_plane import Curves, on_a_plane
from singlearn.plot.figure import Figure
from singlearn.plot.side import Side
from singlearn.plot.style import ACCENT, INK, quieten
from singlearn.triple import Triple

DECADES = 5  # of K, between the darkest and the palest


def plane(
    triple: Triple | WorkedExample,
    x: Side | None = None,
    y: Side | None = None,
    true_set: Curves | None = None,
    at: Mapping[str, Any] | None = None,
) -> Figure:
    """K over the plane as filled contours, a decade apart, and W_0 as lines.

    Args:
        triple: a population triple, or a symbolic example of two parameters of
            :mod:`singlearn.exact.worked_examples`, which brings the sides and W_0.
        x: the horizontal parameter; needed for a triple.
        y: the vertical one; needed for a triple.
        true_set: what is drawn in, by its name in the legend: curves, each an array of points (x,
            y); a curve of one point is drawn as a dot.
        at: values of the parameters that are neither.

    Returns:
        A figure of one panel.

    Raises:
        ValueError: a triple with data, or parameters that do not match.

    >>> from singlearn.models import scaling_valley
    >>> figure = plane(scaling_valley(), Side("w", -1, 3), Side("q", -1, 3), {"W_0": []})
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('$w$', '$q$')
    """
    triple, x, y, true_set = on_a_plane(triple, x, y, true_set)
    figure = Figure(figsize=(5.6, 4.4), layout="constrained")
    axes = figure.subplots()
    values = energy_over_plane(triple, x, y, at) / triple.n
    highest = int(np.ceil(np.log10(values.max())))
    levels = 10.0 ** np.arange(highest - DECADES, highest + 1)
    drawn = axes.contourf(
        x.grid(), y.grid(), np.maximum(values, levels[0]), levels=levels, cmap="Blues_r", norm="log"
    )
    axes.contour(x.grid(), y.grid(), values, levels=levels[1:-1], colors="white", linewidths=0.5)
    bar = figure.colorbar(drawn, ax=axes)
    bar.set_label("$K(w)$  [nats]; the darkest is below the scale")
    bar.ax.minorticks_off()
    draw_true_set(axes, true_set)
    label_plane(axes, x, y)
    figure.suptitle(triple.name, fontsize=10, x=0.02, ha="left")
    return figure


def energy_over_plane(
    triple: Triple, x: Side, y: Side, at: Mapping[str, Any] | None = None
) -> Float[np.ndarray, "points points"]:
    """n K over the grid of the plane, one row per y, in nats.

    Raises:
        ValueError: a triple with data, or parameters that do not match.
    """
    try:
        kl = triple.kl
    except ValueError as error:
        raise ValueError(f"triple: {error}") from None
    fixed = dict(at or {})
    names = {x.name, y.name, *fixed}
    expected = set(triple.coordinates.shapes())
    if names != expected or x.name == y.name:
        raise ValueError(
            f"at: with {x.name} and {y.name} the plane gives {sorted(names)}; the parameters are "
            f"{sorted(expected)}"
        )
    with jax.enable_x64(True):
        X, Y = jnp.meshgrid(jnp.asarray(x.grid()), jnp.asarray(y.grid()))

        def energy(first: Any, second: Any) -> Any:
            return kl(
                {
                    x.name: first,
                    y.name: second,
                    **{name: jnp.asarray(value) for name, value in fixed.items()},
                }
            )

        return triple.n * np.asarray(jax.jit(jax.vmap(jax.vmap(energy)))(X, Y))


def draw_true_set(
    axes: Axes, true_set: Mapping[str, Sequence[Float[np.ndarray, "points 2"]]]
) -> None:
    """The curves of W_0 in the accent colour, one style a name, and a legend above the axes."""
    handles = []
    styles: tuple[Literal["-", ":", "--", "-."], ...] = ("-", ":", "--", "-.")
    for (name, curves), style in zip(true_set.items(), styles, strict=False):
        dots = all(len(curve) == 1 for curve in curves) and len(curves) > 0
        for curve in curves:
            axes.plot(
                *np.asarray(curve).T,
                "o" if dots else style,
                color=ACCENT,
                linewidth=2.2,
                markersize=7,
                scalex=False,
                scaley=False,
            )
        handles.append(
            Line2D(
                [],
                [],
                color=ACCENT,
                linewidth=2.2,
                linestyle="" if dots else style,
                marker="o" if dots else "none",
                label=name,
            )
        )
    if handles:
        axes.legend(
            handles=handles,
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=len(handles),
            frameon=False,
            fontsize=9,
            borderaxespad=0.2,
        )


def label_plane(axes: Axes, x: Side, y: Side) -> None:
    """Names and limits of the two parameters."""
    axes.set_xlim(x.low, x.high)
    axes.set_ylim(y.low, y.high)
    axes.set_xlabel(symbol(x.name), color=INK)
    axes.set_ylabel(symbol(y.name), color=INK)
    quieten(axes)


def symbol(name: str) -> str:
    """The parameter's name as mathematics: w1 becomes w with the index 1."""
    letters = name.rstrip("0123456789")
    return f"${letters}_{{{name[len(letters) :]}}}$" if letters and letters != name else f"${name}$"
