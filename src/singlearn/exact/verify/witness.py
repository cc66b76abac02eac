"""Evidence that polynomials have a common real zero off the coordinate hyperplanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from singlearn.exact.verify import polynomial as p
from singlearn.exact.verify.data import listed, rational, require
from singlearn.exact.verify.polynomial import Terms
from singlearn.exact.verify.zeros import coprime, single_variable_roots


def show_real_zero(polys: Sequence[Terms], witness: Any, nonzero: Sequence[Terms]) -> None:
    """The witness shows that ``polys`` have a common real zero where no coordinate is 0 and none of
    ``nonzero`` vanishes.

    No point: all depend on one monomial, and Sturm finds a root. One point: it is such a zero. Two
    points: a single polynomial changes its sign between them within an orthant, so that its zeros
    there have codimension 1; those that it shares with a polynomial without a common factor have
    codimension 2.

    That the differentials are independent there is not asked: whoever calls has shown it for every
    such zero.

    Raises:
        RefutedError: it does not show that.
    """
    points = [
        [rational(x) for x in listed(point, "a point")] for point in listed(witness, "a witness")
    ]
    require(all(map(all, points)), "a witness has a coordinate that is 0")
    if not points:
        require(not nonzero, "roots of one variable may be zeros of what may not vanish")
        require(single_variable_roots(polys) > 0, "there is no real root")
    elif len(points) == 1:
        require(not any(p.value(q, points[0]) for q in polys), "the witness is no zero")
        require(
            all(p.value(q, points[0]) for q in nonzero),
            "the witness is a zero of what may not vanish",
        )
    else:
        one, two = points
        (poly,) = polys
        require(
            all(a * b > 0 for a, b in zip(one, two, strict=True)),
            "the points of the witness lie in different orthants",
        )
        require(
            p.value(poly, one) * p.value(poly, two) < 0,
            "the sign does not change between the points of the witness",
        )
        require(
            all(coprime(poly, q) for q in nonzero), "all zeros may be zeros of what may not vanish"
        )
