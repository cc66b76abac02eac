"""Polynomials over the rationals, as FLINT has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import fmpq_mpoly, fmpq_mpoly_ctx

Vector = tuple[int, ...]
Poly = fmpq_mpoly
Terms = dict[Vector, Any]


def ring(names: Sequence[str]) -> Any:
    """The polynomial ring over ℚ in these variables."""
    return fmpq_mpoly_ctx.get(tuple(names), "lex")


def terms_of(poly: Poly) -> Terms:
    """Exponents (Python's own whole numbers) and coefficients; not to be changed, for they are
    remembered.
    """
    known = _REMEMBERED.get(id(poly))
    if known is None:
        if len(_REMEMBERED) > MOST_REMEMBERED:
            _REMEMBERED.clear()
        known = _REMEMBERED[id(poly)] = (
            poly,
            {tuple(map(int, e)): c for e, c in poly.to_dict().items()},
        )
    return known[1]


def factors_of(poly: Poly) -> list[tuple[Poly, int]]:
    """Irreducible factors over ℚ, with multiplicities."""
    known = _FACTORED.get(id(poly))
    if known is None:
        if len(_FACTORED) > MOST_REMEMBERED:
            _FACTORED.clear()
        known = _FACTORED[id(poly)] = (
            poly,
            [(factor, int(times)) for factor, times in poly.factor()[1]],
        )
    return known[1]


MOST_REMEMBERED = 5_000
_REMEMBERED: dict[int, tuple[Poly, Terms]] = {}
_FACTORED: dict[int, tuple[Poly, list[tuple[Poly, int]]]] = {}
"""By identity; the polynomial is held too, so that nothing else has its identity."""


def monic(poly: Poly) -> Poly:
    """Divided by its leading coefficient."""
    lead = poly.leading_coefficient()
    return poly if lead == 1 else poly / lead
