"""Gradient descent on a valley that is sharp on one side and flat on the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm

from singlearn.plot.figure import Figure
from singlearn.plot.style import ACCENT, INK, QUIET, quieten

STEPS = 60


def valley_divergence(x: Any, y: Any) -> Any:
    r""":math:`K = \frac12 h(x) y^2`: a valley y = 0 whose walls are steep on the left and gentle on
    the right.

    >>> float(valley_divergence(np.array(0.3), np.array(0.0)))
    0.0
    """
    return 0.5 * _stiffness(x) * y**2


def _stiffness(x: Any) -> Any:
    """Curvature h across the valley: 22 at the sharp end on the left, 2 at the flat end on the
    right.
    """
    return 2.0 + 20.0 / (1 + np.exp(4 * (np.asarray(x, float) + 0.4)))


def _gradient(x: float, y: float) -> tuple[float, float]:
    step = 1e-5
    along = (_stiffness(np.array(x + step)) - _stiffness(np.array(x - step))) / (2 * step)
    return 0.5 * float(along) * y * y, float(_stiffness(np.array(x))) * y


def descents(rate: float = 0.0912, noise: float = 0.02, seed: int = 0) -> dict[str, np.ndarray]:
    r"""Noisy gradient descent from a sharp and from a flat place of the valley, with one learning
    rate.

    Where the curvature h is above 1/rate a step overshoots the floor, and above 2/rate it leaves;
    below, it settles.

    Args:
        rate: of learning.
        noise: standard deviation of the gradient's noise, per unit of y.
        seed: of the noise.

    Returns:
        Paths (steps, 2), named ``"sharp"`` and ``"flat"``.

    >>> ends = {name: abs(path[20:, 1]).mean() for name, path in descents().items()}
    >>> bool(ends["sharp"] > 2 * ends["flat"])
    True
    """
    found = {}
    for name, start in (("sharp", (-1.55, 0.5)), ("flat", (0.9, 0.9))):
        generator = np.random.default_rng(seed)
        path = [start]
        for _ in range(STEPS):
            x, y = path[-1]
            gx, gy = _gradient(x, y)
            # Both coordinates are noisy; the noise along the floor is small.
            path.append((x - rate * gx, y - rate * (gy + 10 * noise * generator.normal())))
        found[name] = np.array(path)
    return found


def sharp_and_flat(rate: float = 0.0912, noise: float = 0.02, seed: int = 0) -> Figure:
    """A valley of true parameters with a sharp and a flat stretch, and noisy gradient descent in
    either, with one learning rate.

    Both places have the same loss and lie on one valley. In the sharp one a step overshoots and the
    path bounces
    from wall to wall; in the flat one it settles. In the usual explanation flatness decides; λ is
    the same all along.

    Args:
        rate: learning rate.
        noise: of the gradient.
        seed: of the noise.

    Returns:
        The figure.
    """
    paths = descents(rate, noise, seed)
    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1))
    plane = figure.add_subplot(grid[:, 0])
    x, y = np.meshgrid(np.linspace(-2.1, 1.7, 301), np.linspace(-1.1, 1.1, 301))
    levels = np.logspace(-3, 1.2, 18)
    plane.contourf(
        x,
        y,
        valley_divergence(x, y) + 1e-4,
        levels=levels,
        norm=LogNorm(1e-3, 16),
        cmap="Greys",
        extend="both",
        alpha=0.8,
    )
    plane.axhline(0.0, color=QUIET, linewidth=1.2, linestyle=":")
    for (name, path), colour in zip(paths.items(), (ACCENT, INK), strict=True):
        plane.plot(
            *path.T,
            ".-",
            color=colour,
            linewidth=0.9,
            markersize=4,
            label=f"starts in the {name} stretch",
        )
    plane.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=9, loc="lower right")
    plane.set_xlabel("along the valley")
    plane.set_ylabel("across")
    plane.set_title("dotted: the floor, K = 0", fontsize=9, loc="left", color=QUIET)
    for row, ((name, path), colour) in enumerate(zip(paths.items(), (ACCENT, INK), strict=True)):
        axes = figure.add_subplot(grid[row, 1])
        axes.plot(path[:, 1], color=colour, linewidth=1.2)
        axes.axhline(0.0, color=QUIET, linewidth=0.8, linestyle=":")
        curvature = float(_stiffness(np.array(path[-1, 0])))
        axes.set_title(
            f"{name}: rate × curvature = {rate * curvature:.2f}",
            fontsize=9,
            loc="left",
            color=colour,
        )
        axes.set_ylabel("across")
        quieten(axes)
    axes.set_xlabel("step")
    quieten(plane)
    return figure
