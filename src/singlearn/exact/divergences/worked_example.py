"""A model that is small enough for everything about it to be written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from singlearn.exact.coefficient import ExactCoefficient
from singlearn.results.caution import Caution
from singlearn.results.result import Answer


@dataclass(frozen=True)
class TrueCurve:
    """A piece of W_0, a curve.

    Attributes:
        point: every parameter as a function of ``along``.
        along: the symbol that runs.
        low, high: from where to where, in the part that is drawn.
    """

    point: Mapping[str, sympy.Expr]
    along: sympy.Symbol
    low: float | int
    high: float | int


@dataclass(frozen=True)
class WorkedExample(Answer):
    """A regression with unit noise whose divergence is known in closed form.

    Attributes:
        name: of the example, and where it is from.
        parameters: w, in the order of the matrices.
        K: the divergence, by pieces where it has any.
        fisher: Fisher information :math:`E[∂_i f ∂_j f]` at any w, by pieces as K.
        true_set: W_0 in words.
        known: λ and m.
        usual: numbers for the symbols that were left open, as in the sources.
        sides: the part of every parameter that pictures show, and the prior of
            :func:`singlearn.models.population_of` covers, for the usual numbers.
        curves: W_0 where it is made of curves or points, to be drawn.
    """

    name: str
    parameters: tuple[sympy.Symbol, ...]
    K: sympy.Expr
    fisher: sympy.MatrixBase
    true_set: str
    known: ExactCoefficient
    usual: Mapping[sympy.Symbol, sympy.Expr] = field(default_factory=dict, repr=False)
    sides: Mapping[str, tuple[float | int, float | int]] = field(default_factory=dict, repr=False)
    curves: tuple[TrueCurve, ...] = field(default=(), repr=False)

    def with_numbers(self) -> WorkedExample:
        """The example with its usual numbers in place of the symbols that were left open."""
        curves = tuple(
            TrueCurve(
                {name: value.subs(self.usual) for name, value in curve.point.items()},
                curve.along,
                curve.low,
                curve.high,
            )
            for curve in self.curves
        )
        return replace(
            self,
            K=self.K.subs(self.usual),
            fisher=self.fisher.subs(self.usual),
            usual={},
            curves=curves,
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Those of λ."""
        return self.known.cautions

    @property
    def hessian(self) -> sympy.MatrixBase:
        """Second derivatives of K; on W_0 they are the Fisher information wherever K has them."""
        return sympy.hessian(self.K, self.parameters)

    def at(self, expression: sympy.Expr | sympy.MatrixBase, **w: Any) -> Any:
        """K, the Hessian or the Fisher information at a parameter, simplified.

        Returns:
            An expression or a matrix of SymPy.

        Raises:
            ValueError: a name that is not a parameter.
        """
        return sympy.simplify(expression.subs(self._substitution(w)))

    def kernel(self, **w: Any) -> list[sympy.MatrixBase]:
        """Directions in which the function does not change to first order: a basis of the kernel of
        the Fisher information at w.

        Returns:
            Column vectors of SymPy, one per direction; empty where the information is regular.

        Raises:
            ValueError: a name that is not a parameter.
        """
        matrix = self.fisher.subs(self._substitution(w))
        # Whether cos²1 + sin²1 - 1 is zero decides the rank; .equals tries numbers first, which is
        # quick.
        found = matrix.nullspace(iszerofunc=lambda entry: entry.equals(0))
        return [vector.applyfunc(sympy.simplify) for vector in found]

    def _substitution(self, w: Mapping[str, Any]) -> dict[sympy.Symbol, Any]:
        names = {parameter.name: parameter for parameter in self.parameters}
        if set(w) - set(names):
            raise ValueError(f"w: got {sorted(w)}; the parameters are {', '.join(names)}")
        return {names[name]: value for name, value in w.items()}
