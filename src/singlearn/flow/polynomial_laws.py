"""All polynomial laws up to a degree, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb, gcd, lcm
from typing import Any

import flint
import numpy as np
from jaxtyping import Shaped

from singlearn.flow.architecture import Architecture
from singlearn.flow.bracket_rank import GradientFields
from singlearn.flow.exact_gradients import Exact, exact_gradients
from singlearn.flow.law import Law, Parameters, latex_name
from singlearn.flow.modular import PRIME, as_residues, rank
from singlearn.flow.polynomials import Map, as_network
from singlearn.flow.symbolic import coordinate_names, is_kept, output_polynomials
from singlearn.results.result import Answer
from singlearn.running.arguments import whole_number

MOST_MONOMIALS = 2000
SPARE = 12
LARGEST = 20
AT_ONCE = 8
Monomial = tuple[int, ...]


@dataclass(frozen=True)
class PolynomialLaw(Law):
    """A polynomial of the coordinates.

    Attributes:
        terms: whole coefficients of the monomials, each the places of its factors.
        shapes: of the parameters.
    """

    terms: tuple[tuple[Monomial, int], ...]
    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    def _flat(self, parameters: Parameters) -> np.ndarray:
        return np.concatenate([np.asarray(parameters[name]).reshape(-1) for name, _ in self.shapes])

    def values(self, parameters: Parameters) -> Shaped[np.ndarray, ""]:
        """The polynomial."""
        x = self._flat(parameters)
        return np.asarray(sum(c * np.prod(x[list(monomial)]) for monomial, c in self.terms))

    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """Its gradient."""
        x = self._flat(parameters).astype(object)
        slope = np.zeros(len(x), dtype=object)
        for monomial, c in self.terms:
            for k, place in enumerate(monomial):
                rest = [x[i] for i in (*monomial[:k], *monomial[k + 1 :])]
                slope[place] += c * np.prod(rest) if rest else c
        parts, start = {}, 0
        for name, shape in self.shapes:
            size = int(np.prod(shape))
            parts[name] = slope[start : start + size].reshape(shape)
            start += size
        return [parts]


@dataclass(frozen=True)
class PolynomialLaws(Answer):
    """All laws up to a degree: a basis of them as a vector space.

    Attributes:
        degree: the highest that was looked at.
        laws: each proved by expansion.
        independent: how many of them are independent as functions.
    """

    degree: int
    laws: tuple[PolynomialLaw, ...]
    independent: int

    def summary(self) -> str:
        """All of it, for people."""
        head = (
            f"{len(self.laws)} polynomial laws up to degree {self.degree}, {self.independent} of "
            f"them independent"
        )
        return "\n".join([head, *(f"  {law.formula}" for law in self.laws)])

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "degree": self.degree,
            "independent": self.independent,
            "laws": [law.formula for law in self.laws],
        }


def polynomial_laws(network: Architecture | Map, degree: int = 2, seed: int = 0) -> PolynomialLaws:
    r"""All polynomials up to a degree that the gradient flow of every loss keeps.

    They are the null space of :math:`\langle ∇m(θ_s), ∇F_o(θ_s) \rangle` over monomials m, at
    random whole points :math:`θ_s`, over the rational numbers. Each is then proved by other code:
    the map is multiplied out, and :math:`\langle ∇h, ∇F_o \rangle` is the polynomial 0.

    Args:
        network: an :class:`Architecture`, or polynomials as strings.
        degree: of the laws, at most.
        seed: of the points.

    Returns:
        A basis.

    Raises:
        ValueError: a degree that is not a positive whole number, or more than 2000 monomials.

    >>> print(polynomial_laws(["a*b"], 2))
    1 polynomial laws up to degree 2, 1 of them independent
      a^2 - b^2
    """
    network = as_network(network)
    degree = whole_number("degree", degree)
    d = network.dimension
    size = comb(d + degree, degree) - 1
    if size > MOST_MONOMIALS:
        raise ValueError(
            f"degree: got {degree}; {d} parameters have {size} monomials, it should leave at most "
            f"{MOST_MONOMIALS}"
        )
    monomials = [
        m for k in range(1, degree + 1) for m in combinations_with_replacement(range(d), k)
    ]
    fields = network.fields()
    vectors = _null_space(fields, monomials, np.random.default_rng([seed, 8]))
    outputs = [output for output in output_polynomials(network) if not output.is_constant()]
    names, shapes = coordinate_names(network), tuple(network.shapes.items())
    laws = []
    for vector in vectors:
        terms = tuple((m, int(c)) for m, c in zip(monomials, vector, strict=True) if c)
        if not outputs or is_kept(_polynomial(outputs[0].context(), terms), outputs):
            laws.append(_law(terms, names, shapes, network))
    return PolynomialLaws(degree, tuple(laws), _independent(network, laws, seed))


def _null_space(
    fields: GradientFields, monomials: Sequence[Monomial], rng: np.random.Generator
) -> list[list[int]]:
    rows: list[list[Any]] = []
    count = len(monomials)
    k = min(AT_ONCE, _independent_gradients(fields, rng))
    while len(rows) < count + SPARE and k:
        point = {name: _random(rng, shape) for name, shape in fields.shapes.items()}
        gradients = exact_gradients(
            fields, point, [_random(rng, (k, *shape)) for shape in fields.cotangents]
        )
        flat = np.concatenate([array.reshape(-1) for array in point.values()])
        slopes = _slopes(monomials, flat)
        whole = flint.fmpz_mat([_integers(row) for row in gradients])
        rows += (whole * flint.fmpz_mat(slopes.T.tolist())).tolist()
    if not rows:
        return [[int(j == k) for j in range(count)] for k in range(count)]
    basis, nullity = flint.fmpz_mat(rows).nullspace()
    columns = np.array([int(x) for x in basis.entries()], dtype=object).reshape(
        basis.nrows(), basis.ncols()
    )[:, :nullity]
    return [_primitive(row) for row in _reduced(columns.T)]


def _independent_gradients(fields: GradientFields, rng: np.random.Generator) -> int:
    """Rank of the gradient fields at a random point: one point has no more conditions."""
    point = {name: as_residues(_random(rng, shape)) for name, shape in fields.shapes.items()}
    cotangents = [
        rng.integers(0, PRIME, (AT_ONCE, *shape)).astype(float) for shape in fields.cotangents
    ]
    return rank(fields.values(point, cotangents))


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> Exact:
    return rng.integers(-LARGEST, LARGEST + 1, shape).astype(object)


def _slopes(monomials: Sequence[Monomial], x: Exact) -> Exact:
    """Gradients of all monomials at one point."""
    found = np.zeros((len(monomials), len(x)), dtype=object)
    for j, monomial in enumerate(monomials):
        for k, place in enumerate(monomial):
            value = 1
            for i in (*monomial[:k], *monomial[k + 1 :]):
                value *= x[i]
            found[j, place] += value
    return found


def _integers(row: Exact) -> list[int]:
    entries = [x if isinstance(x, int) else Fraction(x) for x in row]
    scale = lcm(*(x.denominator for x in entries))
    return [int(x * scale) for x in entries]


def _reduced(rows: Exact) -> Exact:
    """Rows in echelon form, so that laws have few terms."""
    if not len(rows):
        return rows
    matrix = flint.fmpz_mat([[int(x) for x in row] for row in rows])
    reduced, _, rank = matrix.rref()
    return np.array([int(x) for x in reduced.entries()], dtype=object).reshape(rows.shape)[:rank]


def _primitive(row: Exact) -> list[int]:
    divisor = gcd(*(int(x) for x in row))
    first = next(int(x) for x in row if x)
    return [int(x) // divisor * (1 if first > 0 else -1) for x in row]


def _polynomial(context: Any, terms: Sequence[tuple[Monomial, int]]) -> Any:
    count = len(context.names())
    return context.from_dict(
        {tuple(monomial.count(i) for i in range(count)): flint.fmpq(c) for monomial, c in terms}
    )


def _law(
    terms: tuple[tuple[Monomial, int], ...], names: list[str], shapes: Any, network: Architecture
) -> PolynomialLaw:
    parts, latex = [], []
    for monomial, c in terms:
        factors = [(i, monomial.count(i)) for i in dict.fromkeys(monomial)]
        size = "" if abs(c) == 1 else f"{abs(c)} "
        sign = "-" if c < 0 else "+"
        parts.append(
            f"{sign} {size}{' '.join(names[i] + (f'^{k}' if k > 1 else '') for i, k in factors)}"
        )
        latex.append(
            f"{sign} {size}"
            + " ".join(latex_name(names[i]) + (f"^{k}" if k > 1 else "") for i, k in factors)
        )
    text, tex = (" ".join(p).removeprefix("+ ") for p in (parts, latex))
    return PolynomialLaw(text, tex, "null space of the gradients", network.holds, terms, shapes)


def _independent(network: Architecture, laws: Sequence[PolynomialLaw], seed: int) -> int:
    """Rank of the differentials at a random point."""
    if not laws:
        return 0
    point = network.random_point(np.random.default_rng([seed, 9]))
    whole = {name: array.astype(int).astype(object) for name, array in point.items()}
    rows = [
        [int(x) for x in network.flat(parts)] for law in laws for parts in law.differentials(whole)
    ]
    return flint.fmpz_mat(rows).rank()
