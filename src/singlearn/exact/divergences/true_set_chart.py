"""A piece of the true parameters, parametrised, and the Hessian of K along it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import sympy

from singlearn.exact.read.expression import Expression

RATIONALS = tuple(
    sympy.Rational(p, q)
    for p, q in ((0, 1), (1, 1), (-1, 1), (2, 1), (1, 2), (-1, 2), (3, 1), (-2, 1))
)
"""Values that coordinates are given in the search for a real zero."""


class Zeros(Enum):
    """Whether a polynomial vanishes at a real point of a chart."""

    NONE = "none"
    SOME = "some"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Locus:
    """Where one factor of the determinant that measures the rank vanishes.

    Attributes:
        equation: the factor.
        zeros: whether it does so at a real point.
        solved: the points, such as ``s = 0``, where they are finitely many in one coordinate; else
            empty.
        hessian_rank: of K at one such point; -1 where none was found.
    """

    equation: sympy.Expr
    zeros: Zeros
    solved: str
    hessian_rank: int


class TrueSetChart:
    r"""A map :math:`s ↦ w(s)` into the true parameters, :math:`K(w(s)) = 0`.

    Args:
        K: a polynomial as text, or a rational function as a SymPy expression; ≥ 0 near the chart.
        point: for each parameter a number, a polynomial as text, or a rational function as a SymPy
            expression, in the chart's coordinates. The parameters are its keys, the coordinates
            whatever occurs in its values. A coordinate is any real number at which the chart is
            defined; give symbols with ``positive=True`` for a half line. The chart should fill W_0,
            having its dimension: a curve inside a surface of true parameters would make the Hessian
            look too flat.

    Raises:
        ValueError: K contains something that is not a parameter, is not rational, does not vanish
            along the chart, or has a gradient there (so it is negative nearby); or the chart has
            superfluous coordinates.

    >>> s = sympy.Symbol("s")
    >>> chart = TrueSetChart("(x*y - 1)^2", {"x": s, "y": 1 / s})
    >>> chart.dimension, chart.generic_rank, chart.hessian[0, 0]
    (1, 1, 2/s**2)
    """

    def __init__(self, K: sympy.Expr | str, point: Mapping[str, sympy.Expr | str | int]) -> None:
        self.variables: tuple[str, ...] = tuple(point)
        image = {name: _expression(value) for name, value in point.items()}
        expression = _expression(K)
        # Parameters get symbols of their own: a coordinate may bear the name of a parameter.
        parameters = {name: sympy.Dummy(name, real=True) for name in self.variables}
        expression = expression.subs(
            {s: parameters[s.name] for s in expression.free_symbols if s.name in parameters},
            simultaneous=True,
        )
        strangers = sorted(s.name for s in expression.free_symbols - set(parameters.values()))
        if strangers:
            raise ValueError(
                f"K: it contains {', '.join(strangers)}; its parameters are "
                f"{', '.join(self.variables)}"
            )
        found = sorted(
            {s for value in image.values() for s in value.free_symbols}, key=lambda s: s.name
        )
        # A symbol without assumptions stands for a real number.
        real = {s: s if s.is_real else sympy.Symbol(s.name, real=True) for s in found}
        self.coordinates: tuple[sympy.Symbol, ...] = tuple(real[s] for s in found)
        self.point = {name: value.subs(real) for name, value in image.items()}
        self.K = expression
        for argument, value, symbols in (
            ("K", expression, list(parameters.values())),
            *(
                (f"point[{name!r}]", value, list(self.coordinates))
                for name, value in self.point.items()
            ),
        ):
            if not value.is_rational_function(*symbols):
                raise ValueError(f"{argument}: got {value}; it should be a rational function")
        self._at = {parameters[name]: value for name, value in self.point.items()}
        self._parameters = list(parameters.values())
        self._check()

    def _check(self) -> None:
        along = sympy.cancel(self.K.subs(self._at, simultaneous=True))
        if along != 0:
            raise ValueError(f"point: K is {along} along it; it should be 0 on true parameters")
        for name, parameter in zip(self.variables, self._parameters, strict=True):
            slope = sympy.cancel(self.K.diff(parameter).subs(self._at, simultaneous=True))
            if slope != 0:
                raise ValueError(
                    f"K: its derivative by {name} is {slope} on the chart; at a minimum it should "
                    f"be 0"
                )
        if self.coordinates:
            jacobian = sympy.Matrix(list(self.point.values())).jacobian(
                sympy.Matrix(self.coordinates)
            )
            if jacobian.rank(simplify=True) < len(self.coordinates):
                raise ValueError(
                    f"point: it moves in fewer directions than it has coordinates, "
                    f"{self.coordinates}"
                )

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return len(self.coordinates)

    @property
    def name(self) -> str:
        """The chart as equations."""
        return ", ".join(f"{name} = {value}" for name, value in self.point.items())

    @cached_property
    def hessian(self) -> sympy.Matrix:
        """Second derivatives of K along the chart, functions of its coordinates."""
        return (
            sympy.hessian(self.K, self._parameters)
            .subs(self._at, simultaneous=True)
            .applyfunc(sympy.cancel)
        )

    @cached_property
    def generic_rank(self) -> int:
        """Rank of the Hessian at all points of the chart but few."""
        found: int = self.hessian.rank(simplify=True)
        return found

    def degenerate_loci(self) -> list[Locus]:
        r"""Where the Hessian's rank is smaller than ``generic_rank``, by irreducible factors.

        The Hessian of K ≥ 0 at a zero is positive semi-definite, so its rank is smaller than ρ
        exactly where the ρ-th elementary symmetric function of its eigenvalues, a coefficient of
        its characteristic polynomial, vanishes.

        Returns:
            One locus per factor: whether it has real points, and the rank of the Hessian at one of
            them.
        """
        rank = self.generic_rank
        coefficient = self.hessian.charpoly().all_coeffs()[rank]
        numerator = sympy.fraction(sympy.cancel(sympy.together(coefficient)))[0]
        if not self.coordinates or not numerator.free_symbols:
            return []
        loci = []
        for factor, _ in sympy.factor_list(numerator, *self.coordinates)[1]:
            zeros, solved, where = self._real_zeros(factor)
            reached = self.hessian.subs(where).rank(simplify=True) if where is not None else -1
            loci.append(Locus(factor, zeros, solved, reached))
        return loci

    def _real_zeros(
        self, factor: sympy.Expr
    ) -> tuple[Zeros, str, dict[sympy.Symbol, sympy.Expr] | None]:
        symbols = sorted(factor.free_symbols, key=lambda s: s.name)
        if len(symbols) == 1:
            roots = [
                root
                for root in sympy.real_roots(sympy.Poly(factor, symbols[0]))
                if self._allowed(symbols[0], root)
            ]
            points = [
                point
                for root in dict.fromkeys(roots)
                if (point := self._completed({symbols[0]: root})) is not None
            ]
            if not points:
                return (Zeros.NONE if not roots else Zeros.UNDECIDED), "", None
            return (
                Zeros.SOME,
                " or ".join(f"{symbols[0]} = {root}" for root in dict.fromkeys(roots)),
                points[0],
            )
        if _has_one_sign(factor, symbols):
            return Zeros.NONE, "", None
        for values in itertools.product(RATIONALS, repeat=len(symbols) - 1):
            for free in symbols:
                fixed = dict(zip([s for s in symbols if s != free], values, strict=True))
                if not all(self._allowed(s, value) for s, value in fixed.items()):
                    continue
                restricted = sympy.Poly(factor.subs(fixed), free)
                if restricted.degree() < 1:
                    continue
                for root in sympy.real_roots(restricted):
                    point = (
                        self._completed({**fixed, free: root})
                        if self._allowed(free, root)
                        else None
                    )
                    if point is not None:
                        return Zeros.SOME, "", point
        return Zeros.UNDECIDED, "", None

    def _allowed(self, symbol: sympy.Symbol, value: sympy.Expr) -> bool:
        """Whether the symbol's assumptions let it have this value."""
        if symbol.is_positive:
            return bool(value > 0)
        if symbol.is_negative:
            return bool(value < 0)
        if symbol.is_nonnegative:
            return bool(value >= 0)
        if symbol.is_nonpositive:
            return bool(value <= 0)
        return bool(value != 0) if symbol.is_nonzero else True

    def _completed(
        self, fixed: dict[sympy.Symbol, sympy.Expr]
    ) -> dict[sympy.Symbol, sympy.Expr] | None:
        """A point of the chart with these coordinates, at which the chart is defined."""
        others = [s for s in self.coordinates if s not in fixed]
        for values in self._choices(others):
            point = {**fixed, **dict(zip(others, values, strict=True))}
            if all(value.subs(point).is_finite for value in (*self.point.values(), *self.hessian)):
                return point
        return None

    def _choices(self, symbols: list[sympy.Symbol]) -> Iterator[tuple[sympy.Expr, ...]]:
        yield from itertools.product(
            *([v for v in RATIONALS if self._allowed(s, v)] for s in symbols)
        )


def _expression(value: sympy.Expr | str | int) -> sympy.Expr:
    """Text is read by our own reader: SymPy's would run it."""
    if not isinstance(value, str):
        return sympy.sympify(value)
    text = Expression(value)
    numbers = {name: sympy.Symbol(name) for name in text.variables}
    return sympy.sympify(
        text.evaluate(
            numbers, number=lambda number: sympy.Rational(number.numerator, number.denominator)
        )
    )


def _has_one_sign(factor: sympy.Expr, symbols: list[sympy.Symbol]) -> bool:
    """Whether a polynomial visibly has no real zero: a constant, and terms of its sign that cannot
    change theirs.
    """
    terms = sympy.Poly(factor, *symbols).terms()
    constant = [coefficient for powers, coefficient in terms if not any(powers)]
    if not constant:
        # Without a constant it vanishes at 0, unless some symbol cannot.
        return len(terms) == 1 and all(s.is_nonzero for s in symbols)
    sign = constant[0] > 0
    return all(
        (coefficient > 0) == sign
        and all(power % 2 == 0 or s.is_positive for power, s in zip(powers, symbols, strict=True))
        for powers, coefficient in terms
    )
