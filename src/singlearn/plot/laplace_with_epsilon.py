"""Adding ε to a singular Hessian: Laplace's free energy beside the true one as ε → 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.integrate import quad

from singlearn.plot.figure import Figure
from singlearn.plot.style import QUIET, SERIES, quieten

FLAT = {"x^2/2": 1, "x^2*y^2/2": 2}
"""Divergence in two parameters, and d - d', the number of directions in which its Hessian at 0
vanishes.
"""


def laplace_and_truth(K: str, n: float, epsilon: Any) -> tuple[np.ndarray, float]:
    r"""Free energies in nats, prior N(0, 1) on x and y: Laplace's at 0 with Hessian H + ε, and the
    exact one.

    .. math:: F_ε = -\log φ(0) + \frac12 \log\det\frac{n (H + ε)}{2π} = \log n + \frac12 \log\det(H
    + ε)

    For :math:`K = x^2/2` the true F is :math:`\frac12\log(1+n)`; for :math:`x^2y^2/2` it is an
    integral over y. As ε → 0 Laplace's falls
    like :math:`\frac12 (d - d') \log ε`, without end: the evidence grows by
    :math:`-\frac12(d-d')\log ε`, which no data ask for.

    Args:
        K: ``"x^2/2"`` or ``"x^2*y^2/2"``.
        n: sample size.
        epsilon: ε > 0.

    Returns:
        Laplace's F for every ε, and the true F.

    Raises:
        ValueError: another K.

    >>> laplace, exact = laplace_and_truth("x^2/2", 100.0, np.array([1e-2, 1e-4]))
    >>> round(float(laplace[0] - laplace[1]), 3), round(exact, 4)     # log 10, and a little
    (2.308, 2.3076)
    """
    if K not in FLAT:
        raise ValueError(f"K: got {K!r}; it should be one of {', '.join(FLAT)}")
    eps = np.asarray(epsilon, float)
    if K == "x^2/2":
        return np.log(n) + 0.5 * np.log((1 + eps) * eps), 0.5 * float(np.log1p(n))
    inside = quad(lambda y: np.exp(-(y**2) / 2) / np.sqrt(1 + n * y * y), 0, np.inf, limit=400)[0]
    return np.log(n) + np.log(eps), -float(np.log(2 * inside / np.sqrt(2 * np.pi)))


def epsilon_laplace(sizes: Sequence[float] = (1e2, 1e4, 1e6)) -> Figure:
    """Laplace's free energy against ε for a valley and for a crossing of two valleys, and the true
    one as a horizontal line.

    Each line crosses the true value once, at an ε that depends on n: there is no ε that is right,
    and none
    that could be known without F.

    Args:
        sizes: n.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.2, 4.4), layout="constrained")
    epsilon = np.logspace(-9, 0, 91)
    for axes, (K, flat) in zip(figure.subplots(1, 2, sharey=True), FLAT.items(), strict=True):
        for n, (colour, line) in zip(sizes, SERIES, strict=False):
            laplace, exact = laplace_and_truth(K, n, epsilon)
            axes.semilogx(epsilon, laplace, line, color=colour, label=f"n = {n:g}")
            axes.axhline(exact, color=colour, linewidth=0.9, linestyle=":")
        axes.set_title(
            f"K = {K}: d − d' = {flat}, slope {flat / 2:g} per factor e", fontsize=10, loc="left"
        )
        axes.set_xlabel("ε")
        axes.invert_xaxis()
        quieten(axes)
    figure.axes[0].set_ylabel("F  [nats]")
    figure.axes[0].legend(frameon=False, fontsize=9, title="Laplace with H + ε")
    figure.supxlabel("dotted: the true free energy", fontsize=8, color=QUIET)
    return figure
