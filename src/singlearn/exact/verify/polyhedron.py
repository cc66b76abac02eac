"""The Newton polyhedron of a chart: normal cones, pole ratios, faces."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf

from singlearn.exact.verify.bounds import NEVER, Key
from singlearn.exact.verify.charts import CheckedChart
from singlearn.exact.verify.cones import compact_cones, matrix_rank
from singlearn.exact.verify.polynomial import Terms


class Polyhedron:
    """Normal cones and pole ratios of a chart."""

    def __init__(self, chart: CheckedChart) -> None:
        self.chart, self.count = chart, len(chart.local)
        points = {e[: self.count] for g in chart.generators for e in g}
        shifts = {e[: self.count] for e in chart.prior}
        if len(shifts) > 1:
            points = {tuple(map(sum, zip(a, b, strict=True))) for a in points for b in shifts}
        self.cones = compact_cones(sorted(points))

    def order(self, weight: Sequence[int]) -> int:
        """The order of K along a weight."""
        chart = self.chart
        low = min(self.height(e, weight) for g in chart.generators for e in g)
        return chart.power * (
            low + sum(w * k for w, k in zip(weight, chart.exponents, strict=True))
        )

    def height(self, e: Sequence[int], weight: Sequence[int]) -> int:
        """The weighted degree of a monomial."""
        return sum(w * a for w, a in zip(weight, e, strict=False))

    def ratio(self, ray: Sequence[int]) -> Fraction | float:
        """The place of the pole that a ray makes."""
        order = self.order(ray)
        density = sum(r * (h + 1) for r, h in zip(ray, self.chart.weights, strict=True))
        density += min(self.height(e, ray) for e in self.chart.prior)
        return Fraction(density, order) if order else inf

    def key(self, rays: Sequence[tuple[int, ...]], strict: Sequence[Fraction] = ()) -> Key:
        """The least ratio of these rays, and minus how often it is taken."""
        ratios = [self.ratio(ray) for ray in rays]
        best = min([*ratios, *strict], default=inf)
        if best == inf:
            return NEVER
        level = [ray for ray, r in zip(rays, ratios, strict=True) if r == best]
        return best, -((matrix_rank(level) if level else 0) + sum(s == best for s in strict))

    def plain(self) -> Key:
        """The key of all cones of full dimension."""
        return min(
            (
                self.key(sorted(cone))
                for cone, dimension in self.cones.items()
                if dimension == self.count
            ),
            default=NEVER,
        )

    def even(self) -> bool:
        """Whether K has even order along every ray."""
        return all(self.order(ray) % 2 == 0 for cone in self.cones for ray in cone)

    def face(self, poly: Terms, weight: Sequence[int], level: int | None = None) -> Terms:
        """The terms of least weight, or none where that is above ``level``."""
        low = min(self.height(e, weight) for e in poly)
        if level is not None and low > level:
            return {}
        return {e: c for e, c in poly.items() if self.height(e, weight) == low}

    def system(self, weight: Sequence[int]) -> list[Terms]:
        """The faces of all generators at their common least weight."""
        level = min(self.height(e, weight) for g in self.chart.generators for e in g)
        return [self.face(g, weight, level) for g in self.chart.generators]
