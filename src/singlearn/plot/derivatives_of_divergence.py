"""A divergence of one parameter, and the derivatives that show where it is not smooth."""

from __future__ import annotations

import numpy as np
import sympy

from singlearn.exact import WorkedExample
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, quieten


def smoothness(example: WorkedExample, low: float | int, high: float | int) -> Figure:
    """K and its first three derivatives over a line, with the zero of K marked; a jump is left
    open.

    Args:
        example: of one parameter, without free symbols.
        low: left end.
        high: right end.

    Returns:
        A figure of four panels, K and its derivatives.

    Raises:
        ValueError: more than one parameter, or symbols without a number.

    >>> from singlearn.exact.divergences.worked_examples import moving_kink
    >>> [axes.get_ylabel() for axes in smoothness(moving_kink(1), -1, 1).axes]
    ['$K$', "$K'$", "$K''$", "$K'''$"]
    """
    if len(example.parameters) != 1 or example.K.free_symbols != set(example.parameters):
        raise ValueError(
            f"example: got {example.name} with {example.K.free_symbols}; it should have one "
            f"parameter and no other symbol"
        )
    (parameter,) = example.parameters
    grid = np.linspace(low, high, 801)
    figure = Figure(figsize=(5.6, 6.2), layout="constrained")
    for order, axes in enumerate(figure.subplots(4, 1, sharex=True)):
        derivative = example.K.diff(parameter, order) if order else example.K
        values = np.broadcast_to(
            sympy.lambdify(parameter, derivative, "numpy")(grid), grid.shape
        ).astype(float)
        # Between neighbours of a smooth function nothing moves by a twentieth of the whole range.
        jumps = np.abs(np.diff(values)) > 0.05 * max(np.ptp(values), 1e-12)
        for piece in np.split(np.arange(grid.size), np.flatnonzero(jumps) + 1):
            axes.plot(grid[piece], values[piece], color=INK, linewidth=1.6)
        for index in np.flatnonzero(jumps):
            axes.plot(
                grid[index : index + 2], values[index : index + 2], "o", color=ACCENT, markersize=5
            )
        axes.axvline(0.0, color=QUIET, linewidth=0.8, linestyle=":")
        axes.set_ylabel(f"$K{chr(39) * order}$")
        quieten(axes)
    figure.axes[-1].set_xlabel(f"${parameter.name}$")
    figure.suptitle(example.name, fontsize=10, x=0.02, ha="left")
    figure.align_ylabels()
    return finished(figure)
