"""A valley of K, and the posterior that fills it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator

from singlearn.exact.divergences.worked_example import WorkedExample
from singlearn.plot.divergence_on_a_plane import (
    draw_true_set,
    energy_over_plane,
    label_plane,
    symbol,
)
from singlearn.plot.example_on_a_plane import Curves, on_a_plane
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.side import POINTS, Side
from singlearn.plot.style import ACCENT, INK
from singlearn.triple import Triple


def valley(
    triple: Triple | WorkedExample,
    x: Side | None = None,
    y: Side | None = None,
    true_set: Curves | None = None,
    n: float | int = 20,
    ceiling: float | int | None = None,
) -> Figure:
    """K as a landscape, cut off at a ceiling, beside the posterior density of n observations on
    average.

    The density is :math:`e^{-nK(w)} φ(w)`, normalised over the plane that is drawn, φ the prior.
    W_0 is the line on the floor of the valley.

    Args:
        triple: a population triple of two scalar parameters, or a symbolic example of
            :mod:`singlearn.exact.worked_examples`, which brings the sides and W_0.
        x: the horizontal parameter; needed for a triple.
        y: the vertical one; needed for a triple.
        true_set: what is drawn in, as for :func:`plane`.
        n: number of observations, in place of the triple's own.
        ceiling: largest K that is drawn, in nats; by default its mean over the plane.

    Returns:
        A figure of two panels.

    Raises:
        ValueError: a triple with data, or parameters that do not match.

    >>> from singlearn.exact import worked_examples
    >>> figure = valley(worked_examples.scaling_valley())
    >>> [axes.get_title(loc="left") for axes in figure.axes[:2]]
    ['$K(w)$  [nats]', 'posterior density, $n$ = 20']
    """
    triple, x, y, true_set = on_a_plane(triple, x, y, true_set)
    values = energy_over_plane(triple, x, y) / triple.n
    top = float(values.mean()) if ceiling is None else float(ceiling)
    figure = Figure(figsize=(9.4, 4.3), layout="constrained")
    landscape: Any = figure.add_subplot(1, 2, 1, projection="3d", computed_zorder=False)
    X, Y = np.meshgrid(x.grid(), y.grid())
    shown = np.minimum(values, top)
    landscape.plot_surface(
        X,
        Y,
        shown,
        cmap="Blues_r",
        vmin=-0.15 * top,
        vmax=1.2 * top,
        rcount=70,
        ccount=70,
        linewidth=0.1,
        edgecolor="white",
    )
    for curves in true_set.values():
        for curve in curves:
            inside = _inside(np.asarray(curve), x, y)
            landscape.plot(
                *inside.T,
                np.zeros(len(inside)),
                "o" if len(curve) == 1 else "-",
                color=ACCENT,
                linewidth=2.2,
                zorder=5,
            )
    landscape.set_xlim(x.low, x.high)
    landscape.set_ylim(y.low, y.high)
    landscape.set_zlim(0, top)
    landscape.set_xlabel(symbol(x.name), color=INK)
    landscape.set_ylabel(symbol(y.name), color=INK)
    landscape.tick_params(labelsize=8)
    landscape.view_init(elev=38, azim=-125)
    landscape.set_title("$K(w)$  [nats]", fontsize=10, loc="left")

    axes = figure.add_subplot(1, 2, 2)
    density = posterior_over_plane(triple, x, y, n)
    levels = MaxNLocator(10).tick_values(0.0, float(density.max()))
    drawn = axes.contourf(x.grid(), y.grid(), density, levels=levels, cmap="Greys")
    figure.colorbar(drawn, ax=axes).set_label(
        f"density  [per unit of {symbol(x.name)} and {symbol(y.name)}]"
    )
    draw_true_set(axes, true_set)
    label_plane(axes, x, y)
    axes.set_title(f"posterior density, $n$ = {n:g}", fontsize=10, loc="left")
    figure.suptitle(triple.name, fontsize=11, x=0.02, ha="left")
    return finished(figure)


def posterior_over_plane(
    triple: Triple, x: Side, y: Side, n: float | int
) -> Float[np.ndarray, "points points"]:
    r""":math:`e^{-nK(w)} φ(w)` over the grid of the plane, one row per y, normalised over it.

    Raises:
        ValueError: a triple with data, or parameters that do not match.
    """
    values = energy_over_plane(triple, x, y) / triple.n
    with jax.enable_x64(True):
        X, Y = jnp.meshgrid(jnp.asarray(x.grid()), jnp.asarray(y.grid()))
        prior = np.asarray(triple.prior[x.name].log_prob(X) + triple.prior[y.name].log_prob(Y))
        inside = np.asarray(triple.prior[x.name].support(X) & triple.prior[y.name].support(Y))
    unnormalised = np.where(inside, np.exp(np.where(inside, prior, 0.0) - n * values), 0.0)
    cell = (x.high - x.low) * (y.high - y.low) / (POINTS - 1) ** 2
    found: Float[np.ndarray, "points points"] = unnormalised / (unnormalised.sum() * cell)
    return found


def _inside(
    curve: Float[np.ndarray, "points 2"], x: Side, y: Side
) -> Float[np.ndarray, "inside 2"]:
    keep = (
        (curve[:, 0] >= x.low)
        & (curve[:, 0] <= x.high)
        & (curve[:, 1] >= y.low)
        & (curve[:, 1] <= y.high)
    )
    return np.asarray(curve[keep])
