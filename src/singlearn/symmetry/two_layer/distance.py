"""The largest difference of two networks on a bounded domain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from singlearn.numbers.linear_algebra import solve
from singlearn.numbers.rational import Vector
from singlearn.results.result import Answer
from singlearn.symmetry.domain import Domain, DomainLike, as_bounded
from singlearn.symmetry.two_layer.float_form import FloatForm
from singlearn.symmetry.two_layer.kink_form import KinkForm, kink_form, short
from singlearn.symmetry.two_layer.network import TwoLayerReLU, require_two_layer
from singlearn.symmetry.two_layer.paired_bound import paired_bound
from singlearn.symmetry.two_layer.witness import difference

MOST_VERTICES = 5_000_000
CHUNK = 200_000
WELL_CONDITIONED = 1e10
SAMPLES = 4096


@dataclass(frozen=True)
class Distance(Answer):
    r""":math:`\sup_{x\in X} \max_j |f_j(x) - g_j(x)|`, or bounds on it.

    Attributes:
        lower: reached at ``point``, in exact arithmetic.
        upper: equal to ``lower`` where the distance is exact.
        point: where the difference is ``lower``.
    """

    lower: Fraction
    upper: Fraction
    point: Vector

    @property
    def is_exact(self) -> bool:
        """Whether the bounds agree."""
        return self.lower == self.upper

    def __str__(self) -> str:
        place = f"at x = ({', '.join(short(v) for v in self.point)})"
        if self.is_exact:
            return f"largest difference {short(self.lower)} {place}"
        return (
            f"largest difference between {float(self.lower):.6g} ({place}) and "
            f"{float(self.upper):.6g}"
        )


def sup_distance(a: TwoLayerReLU, b: TwoLayerReLU, domain: DomainLike) -> Distance:
    """The largest difference of two networks on a bounded domain, exactly for N ≤ 3, with bounds
    otherwise.

    Their difference is affine on the cells of the arrangement of all boundaries, so it is largest
    at a vertex of a cell. Up to three inputs all vertices are visited in floating point, and every
    one that rounding cannot rule out is solved and evaluated exactly. With more inputs, or more
    than five million vertices, the upper bound comes from ``paired_bound`` and the lower one
    from a search uphill.

    Args:
        a, b: networks with the same inputs and outputs.
        domain: bounded.

    Returns:
        The largest difference as a fraction, or two bounds, and a point at which the lower one is
        reached.

    Raises:
        ValueError: shapes that do not fit together, or a deep network.

    >>> from singlearn.symmetry.domain import Box
    >>> f, g = TwoLayerReLU([[1]], [0], [1], 0), TwoLayerReLU([[1]], [0], [Fraction(9, 10)], 0)
    >>> print(sup_distance(f, g, Box([-1], [1])))
    largest difference 1/10 at x = (1)
    """
    require_two_layer(a, "sup_distance")
    require_two_layer(b, "sup_distance")
    domain = as_bounded(domain, a.inputs)
    require_same_shape(a, b)
    form_a, form_b = kink_form(a, domain), kink_form(b, domain)
    gap = difference(form_a, form_b)
    vertices = math.comb(len(gap.kinks) + len(domain.halfspaces()[1]), a.inputs)
    if a.inputs <= 3 and vertices <= MOST_VERTICES:
        point = _largest_vertex(gap, domain)
        value = _size(gap, point)
        return Distance(value, value, point)
    point = _high_point(gap, domain)
    lower = _size(gap, point)
    return Distance(lower, max(lower, paired_bound(form_a, form_b, domain)), point)


def require_same_shape(a: TwoLayerReLU, b: TwoLayerReLU) -> None:
    """Raise ``ValueError`` unless both networks map the same inputs to the same outputs."""
    for what, own, other in (("inputs", a.inputs, b.inputs), ("outputs", a.outputs, b.outputs)):
        if own != other:
            raise ValueError(
                f"b: it has {other} {what}, the first network {own}; only networks with the same "
                f"{what} can be compared"
            )


def _size(gap: KinkForm, point: Vector) -> Fraction:
    return max(abs(v) for v in gap.values_at(point))


def _largest_vertex(gap: KinkForm, domain: Domain) -> Vector:
    """The vertex of the arrangement, inside the domain, with the largest difference."""
    normals, offsets = domain.halfspaces()
    floats = FloatForm(gap)
    sizes = [max(abs(v) for v in row) for row in normals]
    walls = np.array(
        [[float(v / size) for v in row] for row, size in zip(normals, sizes, strict=True)]
    )
    heights = np.array([float(v / size) for v, size in zip(offsets, sizes, strict=True)])
    rows, right = (
        np.concatenate([floats.normals, walls]),
        np.concatenate([-floats.offsets, heights]),
    )
    exact_rows = [tuple(Fraction(v) for v in plane.normal) for plane in gap.kinks] + list(normals)
    exact_right = [Fraction(-plane.offset) for plane in gap.kinks] + list(offsets)
    scale = float(np.max(np.abs(right))) + 1.0
    best, best_point = _size(gap, domain.centre), domain.centre
    for chosen in _subsets(len(rows), domain.inputs):
        points, error = _solutions(rows[chosen], right[chosen], scale)
        near = np.all(
            points @ walls.T <= heights + (error[:, None] + 1e-12 * scale) * domain.inputs, axis=1
        )
        with np.errstate(
            invalid="ignore"
        ):  # nearly parallel boundaries of equal networks: 0 · ∞, looked at exactly below
            reach = np.abs(floats.values(points)).max(axis=1) + floats.lipschitz * (
                error + 1e-13 * scale * (1 + len(gap.kinks))
            )
        order = np.flatnonzero(near)
        # The most promising first, until rounding cannot make another one larger.
        for index in order[np.argsort(-reach[order], kind="stable")]:
            if reach[index] < float(best) * (1 - 1e-12):
                break
            try:
                point = tuple(
                    solve(
                        [exact_rows[i] for i in chosen[index]],
                        [exact_right[i] for i in chosen[index]],
                    )
                )
            except ValueError:  # parallel planes have no vertex
                continue
            if domain.contains(point) and (size := _size(gap, point)) > best:
                best, best_point = size, point
    return best_point


def _subsets(count: int, size: int) -> Iterator[Int[np.ndarray, "subsets size"]]:
    """All subsets of ``size`` of ``count`` planes, a chunk at a time."""
    subsets = itertools.combinations(range(count), size)
    while piece := list(itertools.islice(subsets, CHUNK)):
        yield np.array(piece)


def _solutions(
    matrices: Float[np.ndarray, "subsets size size"],
    right: Float[np.ndarray, "subsets size"],
    scale: float,
) -> tuple[Float[np.ndarray, "subsets size"], Float[np.ndarray, " subsets"]]:
    """Where the planes of each subset meet, and how far rounding may have moved it; infinite where
    they are nearly parallel.
    """
    singular = np.linalg.svd(matrices, compute_uv=False)
    condition = singular[:, 0] / np.maximum(singular[:, -1], 1e-300)
    solvable = condition < WELL_CONDITIONED
    points = np.zeros(right.shape)
    points[solvable] = np.linalg.solve(matrices[solvable], right[solvable][..., None])[..., 0]
    return points, np.where(solvable, 1e-14 * condition * scale * right.shape[1], np.inf)


def _high_point(gap: KinkForm, domain: Domain) -> Vector:
    """A point with a large difference: the best of random ones, then uphill towards the vertex that
    the affine piece there favours.
    """
    floats = FloatForm(gap)
    generator = np.random.default_rng(0)
    vertices = [
        domain.highest([Fraction(float(v)) for v in generator.normal(size=domain.inputs)])
        for _ in range(64)
    ]
    corners = np.array([[float(v) for v in vertex] for vertex in vertices])
    points = generator.dirichlet(np.full(len(corners), 0.2), size=SAMPLES) @ corners
    best = points[np.argmax(np.abs(floats.values(points)).max(axis=1))]
    exact = tuple(Fraction(float(v)) for v in best)
    candidates = [*vertices, domain.centre, *([exact] if domain.contains(exact) else [])]
    point = max(candidates, key=lambda p: _size(gap, p))
    while True:
        uphill = domain.highest(_gradient(gap, point))
        steps = [
            tuple(p + Fraction(k, 4) * (u - p) for p, u in zip(point, uphill, strict=True))
            for k in range(1, 5)
        ]
        better = max(steps, key=lambda p: _size(gap, p))
        if _size(gap, better) <= _size(gap, point) * (1 + Fraction(1, 10**6)):
            return point
        point = better


def _gradient(gap: KinkForm, point: Vector) -> list[Fraction]:
    """Of the size of the largest output, on the affine piece at the point."""
    values = gap.values_at(point)
    output = max(range(len(values)), key=lambda j: abs(values[j]))
    slope = list(gap.linear[output])
    for plane, totals in gap.kinks.items():
        if totals[output] and plane.at(point) > 0:
            slope = [s + totals[output] * n for s, n in zip(slope, plane.normal, strict=True)]
    return slope if values[output] > 0 else [-s for s in slope]
