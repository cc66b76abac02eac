r"""Noether's theorem for heavy ball: the angular momentum of a rotation decays by exactly μ per
step.

Where a network does not change when hidden coordinates are rotated,
:math:`R_i \mapsto e^{εA} R_i` with A antisymmetric for every
matrix :math:`R_i` whose rows are those coordinates, gradient flow has no conserved quantity for A
(it is not a gradient). Heavy ball has: with :math:`v^+ = μ v + g + λ w`, :math:`w^+ = c w - η v^+`

.. math:: M = \tfrac12 \sum_i (V_i R_i^T - R_i V_i^T), \qquad M^+ = c μ M

exactly, since :math:`\langle w, A g \rangle = 0` by the symmetry, and
:math:`\langle w, A w \rangle = \langle v, A v \rangle = 0` because A is
antisymmetric. From rest M stays 0. It is not so for Nesterov, :math:`M^+ = μ M - η g^T A v^+`, nor
for adaptive steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from singlearn.flow.law import GramLaw
from singlearn.flow.ledger_forms import Arrays, GramForm, largest, rows
from singlearn.results.result import Answer


def turns(law: Any) -> bool:
    """Whether a law is the symmetric part of a group whose other part are rotations: the matrices
    of linear pairs and heads.

    >>> from singlearn.flow.law import Gram, gram_law
    >>> turns(gram_law([Gram("W1", 0), Gram("W2", 1, -1)], "symmetric", "GL(2)"))
    True
    >>> turns(gram_law([Gram("W1", 0), Gram("W2", 1, -1)], "diagonal", "scaling"))
    False
    """
    return (
        isinstance(law, GramLaw)
        and law.entries == "symmetric"
        and all(abs(term.coefficient) == 1 for term in law.terms)
    )


def angular_momentum(law: GramLaw, weights: Arrays, memory: Arrays) -> Any:
    """M, an antisymmetric matrix.

    Args:
        law: of a linear pair or a head.
        weights: by parameter, shape as the network has them.
        memory: v, alike.

    >>> import numpy as np
    >>> from singlearn.flow.law import Gram, gram_law
    >>> law = gram_law([Gram("W1", 0), Gram("W2", 1, -1)], "symmetric", "GL(2)")
    >>> w = {"W1": np.eye(2), "W2": np.zeros((1, 2))}
    >>> angular_momentum(law, w, {"W1": np.array([[0.0, 1.0], [0.0, 0.0]]), "W2": np.zeros((1, 2))})
    array([[ 0. ,  0.5],
           [-0.5,  0. ]])
    """
    total: Any = 0.0
    for term in law.terms:
        whole = rows(memory[term.parameter], term) @ rows(weights[term.parameter], term).T
        total = total + 0.5 * (whole - whole.T)
    return total


@dataclass(frozen=True)
class AngularMomentum(Answer):
    r"""The angular momentum of one law along a run, beside what heavy ball predicts.

    Attributes:
        law: whose rotations these are.
        before: M at the first recorded step.
        after: M now.
        predicted: M at the first recorded step times all factors μc; None where steps were left out
            between.
        gap: the largest entry of M⁺ - μ c M of a single recorded step.
        rounding: what rounding may have made of it.
        exact: whether the optimiser is heavy ball, for which the gap should be rounding.
    """

    law: GramLaw
    before: Any
    after: Any
    predicted: Any
    gap: float
    rounding: float
    exact: bool

    @property
    def kept(self) -> bool:
        """Whether M obeyed M⁺ = μ c M to rounding."""
        return self.gap <= self.rounding

    def summary(self) -> str:
        """All of it, for people."""
        sizes = f"{largest(self.before):.3g} → {largest(self.after):.3g}"
        predicted = "" if self.predicted is None else f", predicted {largest(self.predicted):.3g}"
        verdict = "M⁺ = μM" if self.kept else "M⁺ ≠ μM"
        expected = (
            ""
            if self.exact == self.kept
            else ("; heavy ball should keep it" if self.exact else "; though nothing asks for it")
        )
        measured = f"gap {self.gap:.2g}, rounding {self.rounding:.1g}"
        return (
            f"angular momentum of {self.law.formula}: {sizes}{predicted}; {verdict}, "
            f"{measured}{expected}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        values = {"before": self.before.tolist(), "after": self.after.tolist()}
        values["predicted"] = None if self.predicted is None else self.predicted.tolist()
        return {
            "law": self.law.formula,
            **values,
            "gap": self.gap,
            "rounding": self.rounding,
            "exact": self.exact,
            "kept": self.kept,
        }


@dataclass
class Turning:
    """What is remembered of one law's angular momentum while a ledger runs."""

    form: GramForm
    before: Any = None
    after: Any = None
    predicted: Any = None
    gap: float = 0.0
    rounding: float = 0.0
    exact: bool = True
    last: int = -1

    def record(
        self,
        step: int,
        weights: tuple[Arrays, Arrays],
        memory: tuple[Arrays, Arrays],
        factor: float,
        exact: bool,
        digit: float,
    ) -> None:
        """Take one step in.

        Args:
            step: its number.
            weights: before and after it.
            memory: before and after it.
            factor: μ c.
            exact: whether it was a step of heavy ball.
            digit: the last digit of gradients, relative.
        """
        law = self.form.law
        before = angular_momentum(law, weights[0], memory[0])
        after = angular_momentum(law, weights[1], memory[1])
        if self.before is None:
            self.before = self.predicted = before
        self.predicted = (
            None
            if self.predicted is None or (self.last >= 0 and step != self.last + 1)
            else factor * self.predicted
        )
        self.gap = max(self.gap, largest(after - factor * before))
        size = max(
            float((weights[1][n] ** 2).sum()) ** 0.5 * float((memory[1][n] ** 2).sum()) ** 0.5
            for n in self.form.parameters
        )
        self.rounding = max(self.rounding, 16 * digit * size)
        self.after, self.exact, self.last = after, self.exact and exact, step

    def account(self) -> AngularMomentum | None:
        """What came of it; None before the first step."""
        if self.before is None:
            return None
        return AngularMomentum(
            self.form.law,
            self.before,
            self.after,
            self.predicted,
            self.gap,
            self.rounding,
            self.exact,
        )
