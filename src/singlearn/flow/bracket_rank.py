"""How large the Lie algebra of the gradient fields is at one parameter: a lower bound by rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.flow.modular import PRIME, inverse, product, residues, row_space
from singlearn.flow.power_series import Dual, PowerSeries
from singlearn.flow.program import Program

ORDERS = (4, 4, 4, 8, 8, 8, 8)
"""Taylor coefficients along each control: four are enough for most networks and cost a quarter of
eight."""
FIELDS = 64
PATIENCE = 2


@dataclass(frozen=True)
class GradientFields:
    r"""The vector fields :math:`∇_θ \langle C, F(θ) \rangle` of a map F, for every cotangent C.

    Attributes:
        program: F and its gradient.
        gradients: the node of the gradient by each parameter; those F does not depend on are
            absent.
        shapes: of the parameters, as matrices, in the order of the coordinates.
        cotangents: shapes of the outputs.
    """

    program: Program
    gradients: Mapping[str, int]
    shapes: Mapping[str, tuple[int, int]]
    cotangents: tuple[tuple[int, int], ...]

    @property
    def dimension(self) -> int:
        """Number of parameters."""
        return sum(a * b for a, b in self.shapes.values())

    def split(self, vectors: Float[np.ndarray, "k d"]) -> dict[str, Float[np.ndarray, "k _ _"]]:
        """Vectors of all coordinates, parameter by parameter."""
        parts, start = {}, 0
        for name, (a, b) in self.shapes.items():
            parts[name] = vectors[:, start : start + a * b].reshape(-1, a, b)
            start += a * b
        return parts

    def values(
        self,
        point: Mapping[str, Float[np.ndarray, "_ _"]],
        cotangents: list[Float[np.ndarray, "k _ _"]],
    ) -> Float[np.ndarray, "k d"]:
        """The fields of k cotangents at one point, modulo the prime.

        Args:
            point: residues.
            cotangents: one stack for each output.
        """
        series = PowerSeries(self.program)
        still = [
            Dual(np.zeros(shape), stack)
            for shape, stack in zip(self.cotangents, cotangents, strict=True)
        ]
        series.append({name: Dual(point[name]) for name in self.shapes}, still)
        return self._joined(series, 0, len(cotangents[0]), slice(None))

    def _joined(
        self, series: PowerSeries, order: int, count: int, directions: slice
    ) -> Float[np.ndarray, "k d"]:
        """Derivatives of the gradient along some directions, all parameters side by side."""
        parts = []
        for name, (a, b) in self.shapes.items():
            node = self.gradients.get(name)
            tangent = None if node is None else series.coefficients[node][order].tangent
            parts.append(
                np.zeros((count, a * b))
                if tangent is None
                else tangent[directions].reshape(count, a * b)
            )
        return np.concatenate(parts, axis=1)

    def random_cotangents(
        self, rng: np.random.Generator, count: int
    ) -> list[Float[np.ndarray, "k _ _"]]:
        """Residues, or the unit vectors where there are no more than ``count`` of them."""
        total = sum(a * b for a, b in self.cotangents)
        if total > count:
            return [rng.integers(0, PRIME, (count, a, b)).astype(float) for a, b in self.cotangents]
        stacks, start = [], 0
        unit = np.eye(total)
        for a, b in self.cotangents:
            stacks.append(unit[:, start : start + a * b].reshape(total, a, b))
            start += a * b
        return stacks


def bracket_rank(
    fields: GradientFields,
    point: Mapping[str, Float[np.ndarray, "_ _"]],
    enough: int,
    seed: int = 0,
) -> int:
    r"""A proved lower bound on the dimension of the Lie algebra of the gradient fields at a point.

    Along the flow Φ of :math:`X_t = ∇\langle C(t), F \rangle`, C a random polynomial in t, every
    field Y is pulled back to the start: :math:`Φ_t^* Y = K(t)^T\, Y(θ(t))` with :math:`K' = -H K`,
    H the Hessian. Since :math:`\frac{d}{dt} Φ_t^* Y = Φ_t^* [X_t, Y]`, each Taylor coefficient is a
    combination of iterated brackets at the start, with rational coefficients. Their rank modulo a
    prime is at most the rank over the rationals, and so at most the dimension. By the orbit theorem
    enough of them span the algebra (Nagano 1966 [nagano1966linear]_).

    Args:
        fields: the map and its gradient.
        point: whole numbers modulo the prime, by name.
        enough: a rank at which there is nothing more to find.
        seed: of the controls C.

    Returns:
        The rank found.
    """
    rng = np.random.default_rng(seed)
    found, known, still = np.zeros((0, fields.dimension)), 0, 0
    for orders in ORDERS:
        found = row_space(np.concatenate([found, _pulled_back(fields, point, orders, rng)]))
        still = still + 1 if len(found) == known and orders == ORDERS[-1] else 0
        known = len(found)
        if known >= enough or still >= PATIENCE:
            break
    return known


def _pulled_back(
    fields: GradientFields,
    point: Mapping[str, Float[np.ndarray, "_ _"]],
    orders: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "k d"]:
    """Taylor coefficients of the fields, pulled back along one random control."""
    d = fields.dimension
    stacks = fields.random_cotangents(rng, FIELDS)
    count = len(stacks[0])
    # One pass has both derivatives: along the first d directions the parameters move, along the
    # others the cotangent does.
    unit = np.concatenate([np.eye(d), np.zeros((count, d))])
    parameters = {
        name: Dual(residues(point[name]), part) for name, part in fields.split(unit).items()
    }
    still = [
        np.concatenate([np.zeros((d, *shape)), s])
        for shape, s in zip(fields.cotangents, stacks, strict=True)
    ]
    series = PowerSeries(fields.program)
    transport, along = [], []
    for order in range(orders):
        control = [rng.integers(0, PRIME, shape).astype(float) for shape in fields.cotangents]
        cotangents = [
            Dual(c, s if order == 0 else None) for c, s in zip(control, still, strict=True)
        ]
        series.append(parameters, cotangents)
        transport.append(np.concatenate([_tangents(p, d) for p in parameters.values()], axis=1))
        along.append(fields._joined(series, order, count, slice(d, None)))
        parameters = _next(fields, series, order, d, count)
    rows = []
    for order in range(orders):
        vector = np.zeros((count, d))
        for i in range(order + 1):
            vector = residues(vector + product(along[i], transport[order - i].T))
        rows.append(vector)
    return np.concatenate(rows)


def _tangents(parameter: Dual, d: int) -> Float[np.ndarray, "d k"]:
    assert parameter.tangent is not None
    return parameter.tangent[:d].reshape(d, -1)


def _next(
    fields: GradientFields, series: PowerSeries, order: int, d: int, count: int
) -> dict[str, Dual]:
    """The next coefficient of the flow θ' = ∇⟨C, F⟩ and of its transport K' = -HK."""
    share = float(inverse(order + 1))
    after = {}
    for name, shape in fields.shapes.items():
        node = fields.gradients.get(name)
        speed = Dual(np.zeros(shape)) if node is None else series.coefficients[node][order]
        tangent = np.zeros((d + count, *shape))
        if speed.tangent is not None:
            tangent[:d] = residues(-speed.tangent[:d])
        after[name] = Dual(residues(speed.value * share), residues(tangent * share))
    return after
