"""Polynomials in an ideal with few variables, which factor into pieces that can be coordinates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from flint import fmpz_mpoly_ctx, fmpz_mpoly_vec

from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.torus import integral, members

FEW = 6
"""Elements of a basis that are tried."""


def eliminants(chart: Chart, system: Sequence[Poly], check: Callable[[], None]) -> Iterator[Poly]:
    """Elements of the ideal of the system on the torus, those in the fewest variables first, for
    several orders of the variables.
    """
    count = len(chart.local)
    units = [i for i in range(count, len(chart.names)) if any(p.degrees()[i] for p in system)]
    for shift in range(len(units)):
        check()
        order = units[shift:] + units[:shift]
        context = fmpz_mpoly_ctx.get(("z_", *(chart.names[i] for i in order)), "lex")
        product = context.constant(1)
        for g in context.gens():
            product = product * g
        terms = [
            {tuple(e[i] for i in order): c for e, c in terms_of(p).items()}
            for p in system
            if p != 0
        ]
        for p in chart.nonzero:
            product = product * integral(
                context, {tuple(e[i] for i in order): c for e, c in terms_of(p).items()}
            )
        vector = fmpz_mpoly_vec([*(integral(context, t) for t in terms), product - 1], context)
        basis, _ = vector.buchberger_naive(limits=(40, 150, 1000))
        found = []
        for p in members(basis):
            degrees = [int(d) for d in p.degrees()]
            if degrees[0] or p.is_constant():
                continue
            found.append((sum(d > 0 for d in degrees), len(p.to_dict()), sum(degrees), p))
        for _, _, _, p in sorted(found, key=lambda item: item[:3])[:FEW]:
            result = {}
            for e, c in p.to_dict().items():
                exponents = [0] * len(chart.names)
                for i, power in zip(order, map(int, e[1:]), strict=True):
                    exponents[i] = power
                result[tuple(exponents)] = c
            yield chart.ring.from_dict(result)
