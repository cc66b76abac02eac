"""Lossy compression: a narrower network close to the given one."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.stats import qmc

from singlearn.numbers.rational import Number, rational
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain, DomainLike, as_bounded
from singlearn.symmetry.two_layer.distance import Distance, sup_distance
from singlearn.symmetry.two_layer.narrowest import narrowest
from singlearn.symmetry.two_layer.network import TwoLayerReLU, require_two_layer

Norm = Literal["sup", "L2"]
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""w (nodes, inputs), b (nodes,), q (outputs, nodes), c (outputs,)."""

DESIGN_POINTS = 1024
CANDIDATES = 3
STEPS = 200
REPLICATES = 8
MEASURING_POINTS = 4096


@dataclass(frozen=True)
class Nearby(Answer):
    r"""A narrow network, and how far its function is from the given one.

    Attributes:
        net: the narrow network.
        error: its distance: for "sup" proved to be no larger than this, for "L2" an estimate.
        standard_error: of an "L2" error, from replicated quasi-random points; 0 for "sup".
        norm: "sup", :math:`\sup_X \max_j |f_j - g_j|`, or "L2", :math:`(\mathrm{mean}_X |f -
            g|^2)^{1/2}`.
        eps: what the error was allowed to be.
    """

    net: TwoLayerReLU
    error: float
    standard_error: float
    norm: Norm
    eps: float

    @property
    def width(self) -> int:
        """An upper bound on the proximate rank, the least width within ``eps``
        [farrugiaroberts2023computational]_.
        """
        return self.net.width

    def __str__(self) -> str:
        spread = f" ± {self.standard_error:.1g}" if self.standard_error else ""
        return (
            f"{self.width} hidden nodes, {self.norm} error {self.error:.3g}{spread} (allowed "
            f"{self.eps:.3g})"
        )


def nearby(net: TwoLayerReLU, eps: Number, domain: DomainLike, norm: Norm = "sup") -> Nearby:
    """The narrowest network found within ``eps`` of the given one.

    From the lossless compression on, one node at a time is removed, or two are merged, whichever
    costs least after the rest is refitted by least squares and polished; every candidate's error is
    measured, exactly for "sup" and N ≤ 3. The width is an upper bound: deciding the least is
    NP-complete in general (Farrugia-Roberts 2023 [farrugiaroberts2023computational]_).

    Args:
        net: the network.
        eps: ≥ 0, in units of the output.
        domain: a bounded domain; for "L2" the inputs are uniform on it.
        norm: "sup" or "L2".

    Returns:
        The network and its error: a proven bound for "sup", an estimate with its standard error for
        "L2".

    Raises:
        ValueError: a negative ``eps``, or an unknown norm.

    >>> from singlearn.symmetry.domain import Box
    >>> net = TwoLayerReLU([[1.0], [1.0], [1.0]], [0.0, 0.001, -0.5], [1.0, 1.0, 1.0], 0.0)
    >>> near = nearby(net, 0.002, Box([-1], [1]))
    >>> near.width, near.error < 0.002
    (2, True)
    """
    require_two_layer(net, "nearby")
    domain = as_bounded(domain, net.inputs)
    allowed = float(rational(eps, "eps"))
    if allowed < 0:
        raise ValueError(f"eps: got {eps}; it should be at least 0")
    if norm not in ("sup", "L2"):
        raise ValueError(f"norm: got {norm!r}; it should be 'sup' or 'L2'")
    best = Nearby(narrowest(net, domain), 0.0, 0.0, norm, allowed)
    design = _points(domain, DESIGN_POINTS, seed=0)
    target = net.evaluate(design)
    while allowed > 0 and best.width > 0:
        tried = [
            _measured(net, candidate, domain, norm, allowed)
            for candidate in _narrower(best.net, design, target, norm)
        ]
        found = min(tried, key=lambda near: near.error)
        if found.error > allowed:
            break
        best = found
    return best


def _measured(
    net: TwoLayerReLU, candidate: TwoLayerReLU, domain: Domain, norm: Norm, eps: float
) -> Nearby:
    if norm == "sup":
        distance: Distance = sup_distance(net, candidate, domain)
        return Nearby(candidate, math.nextafter(float(distance.upper), math.inf), 0.0, norm, eps)
    squares = []
    for seed in range(REPLICATES):
        x = _points(domain, MEASURING_POINTS, seed=seed + 1)
        squares.append(
            float(np.mean(np.sum((net.evaluate(x) - candidate.evaluate(x)) ** 2, axis=1)))
        )
    error = math.sqrt(np.mean(squares))
    spread = (
        float(np.std(squares, ddof=1)) / math.sqrt(REPLICATES) / (2 * error) if error > 0 else 0.0
    )
    return Nearby(candidate, error, spread, norm, eps)


def _points(domain: Domain, count: int, seed: int) -> Float[np.ndarray, "points inputs"]:
    """Quasi-random points, uniform on the domain."""
    normals, offsets = domain.halfspaces()
    rows, right = (
        np.array([[float(v) for v in row] for row in normals]),
        np.array([float(v) for v in offsets]),
    )
    axes = [[Fraction(int(i == j)) for j in range(domain.inputs)] for i in range(domain.inputs)]
    ends = [[float(v) for v in domain.span(axis, Fraction(0))] for axis in axes]
    low, high = np.array(ends).T
    kept: list[np.ndarray] = []
    sobol = qmc.Sobol(domain.inputs, rng=np.random.default_rng(seed))
    while sum(len(k) for k in kept) < count:
        x = low + (high - low) * sobol.random(count)
        kept.append(x[np.all(x @ rows.T <= right, axis=1)])
    return np.concatenate(kept)[:count]


def _narrower(
    net: TwoLayerReLU,
    x: Float[np.ndarray, "points inputs"],
    y: Float[np.ndarray, "points outputs"],
    norm: Norm,
) -> list[TwoLayerReLU]:
    """The most promising networks with one node less, refitted and polished."""
    w, b, q, _ = net.arrays()
    # Nodes of incoming length one: an average of two is then an average of their boundaries.
    length = np.maximum(np.sqrt(np.sum(w**2, axis=1) + b**2), 1e-300)
    w, b, q = w / length[:, None], b / length, q * length
    starts = [(np.delete(w, i, axis=0), np.delete(b, i)) for i in range(net.width)]
    weight = np.linalg.norm(q, axis=0)
    for i, j in itertools.combinations(range(net.width), 2):
        alike = 1.0 if w[i] @ w[j] + b[i] * b[j] >= 0 else -1.0
        share = weight[i] / max(weight[i] + weight[j], 1e-300)
        merged_w, merged_b = (
            share * w[i] + alike * (1 - share) * w[j],
            share * b[i] + alike * (1 - share) * b[j],
        )
        rest = [k for k in range(net.width) if k not in (i, j)]
        starts.append((np.vstack([w[rest], merged_w]), np.append(b[rest], merged_b)))
    fits = [_fitted(own_w, own_b, x, y) for own_w, own_b in starts]
    order = np.argsort([np.mean((_outputs(fit, x) - y) ** 2) for fit in fits], kind="stable")
    polished = [
        _polished(fits[k], x, y, power)
        for k in order[:CANDIDATES]
        for power in ((2, 8) if norm == "sup" else (2,))
    ]
    result = []
    for own_w, own_b, own_q, own_c in polished:
        q_rows, constant = (own_q[0], float(own_c[0])) if net.is_scalar else (own_q, own_c)
        result.append(TwoLayerReLU(own_w, own_b, q_rows, constant, inputs=net.inputs))
    return result


def _outputs(
    arrays: Arrays, x: Float[np.ndarray, "points inputs"]
) -> Float[np.ndarray, "points outputs"]:
    w, b, q, c = arrays
    found: Float[np.ndarray, "points outputs"] = c + np.maximum(x @ w.T + b, 0.0) @ q.T
    return found


def _fitted(
    w: Float[np.ndarray, "nodes inputs"],
    b: Float[np.ndarray, " nodes"],
    x: Float[np.ndarray, "points inputs"],
    y: Float[np.ndarray, "points outputs"],
) -> Arrays:
    """Best q and c for given nodes, by least squares."""
    features = np.concatenate([np.maximum(x @ w.T + b, 0.0), np.ones((len(x), 1))], axis=1)
    solution = np.linalg.lstsq(features, y, rcond=1e-10)[0]
    return w, b, solution[:-1].T, solution[-1]


def _polished(
    start: Arrays,
    x: Float[np.ndarray, "points inputs"],
    y: Float[np.ndarray, "points outputs"],
    power: int,
) -> Arrays:
    """All parameters moved to lower the mean of |error|^power."""
    w, b, q, c = start
    shapes = [part.shape for part in start]
    scale = max(float(np.abs(_outputs(start, x) - y).max()), 1e-300)

    def unpack(vector: Float[np.ndarray, " parameters"]) -> Arrays:
        parts, position = [], 0
        for shape in shapes:
            size = math.prod(shape)
            parts.append(vector[position : position + size].reshape(shape))
            position += size
        return parts[0], parts[1], parts[2], parts[3]

    def loss(
        vector: Float[np.ndarray, " parameters"],
    ) -> tuple[float, Float[np.ndarray, " parameters"]]:
        w, b, q, c = unpack(vector)
        heights = x @ w.T + b
        active = np.maximum(heights, 0.0)
        error = (c + active @ q.T - y) / scale
        slope = power * np.abs(error) ** (power - 1) * np.sign(error) / (scale * len(x))
        back = (slope @ q) * (heights > 0)
        gradient = [back.T @ x, back.sum(axis=0), slope.T @ active, slope.sum(axis=0)]
        return float(np.sum(np.abs(error) ** power) / len(x)), np.concatenate(
            [part.ravel() for part in gradient]
        )

    begin = np.concatenate([part.ravel() for part in (w, b, q, c)])
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # the line search may try steps that are far too long
        return unpack(
            minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
        )
