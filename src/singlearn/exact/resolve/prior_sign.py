"""Is the prior's factor φ ≥ 0? A point where it is not, or whether that could be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import prod
from random import Random
from typing import Any

from singlearn.exact.read.inputs import completed_squares, read_prior, translated
from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.sign import negative_point
from singlearn.exact.resolve.witness import value_at

Box = Mapping[str, tuple[Fraction, Fraction]]

SAMPLES = 400
"""Points of a box that are tried, beside its corners and its centre."""

MOST_CORNERS = 4096


def prior_is_shown_nonnegative(
    prior: Any, variables: Sequence[str], point: Mapping[str, Fraction] | None, box: Box | None
) -> bool:
    r"""Whether φ ≥ 0 was shown: near the point, in the box, or, with neither, everywhere.

    The poles that are computed are those of :math:`∫ K^z |φ|`, which are those of φ where φ ≥ 0.

    Args:
        prior: as for :func:`singlearn.exact.rlct`.
        variables: of K.
        point: near which φ counts.
        box: in which φ counts.

    Returns:
        Whether it was shown; ``False`` where neither a proof nor a negative point was found.

    Raises:
        ValueError: φ is negative somewhere there; the message names the point.

    >>> from fractions import Fraction
    >>> prior_is_shown_nonnegative(
    ...     "|x|*y^2", ("x", "y"), {"x": Fraction(0), "y": Fraction(0)}, None
    ... )
    True
    >>> prior_is_shown_nonnegative(
    ...     "x - y", ("x", "y"), {"x": Fraction(0), "y": Fraction(0)}, None
    ... )
    Traceback (most recent call last):
    ValueError: prior: got 'x - y', which is negative at x = ..., y = ...; it should be ≥ 0 near
    the point
    """
    _, factor = read_prior(prior, variables)
    if factor.is_constant() and factor.leading_coefficient() > 0:
        return True
    where = (
        "near the point" if point is not None else "in the box" if box is not None else "everywhere"
    )
    centre = (
        [Fraction(0)] * len(variables) if point is None else [point[name] for name in variables]
    )
    moved = translated(factor, variables, dict(zip(variables, centre, strict=True)))
    if point is not None and value_at(moved, (Fraction(0),) * len(variables)) > 0:
        return True
    found = (
        _negative_in(factor, variables, box)
        if box is not None
        else _negative_near(moved, point is None)
    )
    if found is not None:
        at = [x if box is not None else c + x for c, x in zip(centre, found, strict=True)]
        listed = ", ".join(f"{name} = {x}" for name, x in zip(variables, at, strict=True))
        raise ValueError(
            f"prior: got {str(prior)!r}, which is negative at {listed}; it should be ≥ 0 {where}"
        )
    if completed_squares(moved):
        return True
    constant, factors = moved.factor()
    odd = [f for f, multiplicity in factors if int(multiplicity) % 2]
    if box is not None:
        signs = [_sign_in(f, variables, box) for f in odd]
        return prod(signs) * (1 if constant > 0 else -1) > 0
    if not odd:
        return bool(constant > 0)
    if point is not None and len(variables) == 2:
        from singlearn.exact.resolve.plane_sign import (
            nonnegative_in_the_plane,  # SymPy takes half a second
        )

        terms = {e: Fraction(int(c.p), int(c.q)) for e, c in terms_of(moved).items()}
        if not nonnegative_in_the_plane(terms):
            raise ValueError(
                f"prior: got {str(prior)!r}, which is negative arbitrarily near the point; it "
                f"should be ≥ 0 there"
            )
        return True
    return False


def _negative_near(poly: Poly, everywhere: bool) -> tuple[Fraction, ...] | None:
    size = len(poly.context().names())
    if value_at(poly, (Fraction(0),) * size) < 0:
        return (Fraction(0),) * size
    return negative_point(poly, size, everywhere=everywhere)


def _negative_in(poly: Poly, variables: Sequence[str], box: Box) -> tuple[Fraction, ...] | None:
    """A corner, the centre, or a random point of the box where the polynomial is negative."""
    ends = [box[name] for name in variables]
    generator = Random(0)
    points = [tuple((low + high) / 2 for low, high in ends), *_corners(ends)]
    for _ in range(SAMPLES):
        shares = [Fraction(generator.randint(0, 64), 64) for _ in ends]
        points.append(
            tuple(low + s * (high - low) for s, (low, high) in zip(shares, ends, strict=True))
        )
    return next((point for point in points if value_at(poly, point) < 0), None)


def _corners(ends: Sequence[tuple[Fraction, Fraction]]) -> list[tuple[Fraction, ...]]:
    return list(product(*ends)) if 2 ** len(ends) <= MOST_CORNERS else []


def _sign_in(poly: Poly, variables: Sequence[str], box: Box) -> int:
    """1 or -1 for a factor that keeps this sign in the box, 0 where that is not shown.

    A multi-affine polynomial takes its extremes at corners.
    """
    corners = _corners([box[name] for name in variables])
    if not corners or any(int(d) > 1 for d in poly.degrees()):
        return 0
    values = [value_at(poly, corner) for corner in corners]
    return 1 if min(values) >= 0 else -1 if max(values) <= 0 else 0
