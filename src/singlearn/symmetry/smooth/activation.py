r"""Activations that are odd up to a constant (tanh, sigmoid, erf) or even up to a line (SiLU,
GELU).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb
from jaxtyping import Float

from singlearn.numbers.rational import rational
from singlearn.symmetry.smooth.constant import Base, Constant, ball, enclosure

HALF = Fraction(1, 2)


class Parity(StrEnum):
    """What is left of σ when its constant and its line are taken away."""

    ODD = "odd"
    EVEN = "even"


@dataclass(frozen=True)
class ActivationKind:
    """One activation function, :math:`σ(u) = α + βu + γ(u)`.

    Attributes:
        base: the odd function T that γ is made of.
        parity: of γ.
        offset: α.
        slope: β.
        factor: γ(u) = factor · T(scale · u), times u where γ is even.
        scale: of the argument.
    """

    base: Base
    parity: Parity
    offset: Fraction
    slope: Fraction
    factor: Fraction
    scale: Fraction


ZERO, ONE = Fraction(0), Fraction(1)
KINDS = {
    "tanh": ActivationKind(Base.TANH, Parity.ODD, ZERO, ZERO, ONE, ONE),
    "sigmoid": ActivationKind(Base.TANH, Parity.ODD, HALF, ZERO, HALF, HALF),
    "erf": ActivationKind(Base.ERF, Parity.ODD, ZERO, ZERO, ONE, ONE),
    "silu": ActivationKind(Base.TANH, Parity.EVEN, ZERO, HALF, HALF, HALF),
    "gelu": ActivationKind(Base.ERF_HALF, Parity.EVEN, ZERO, HALF, HALF, ONE),
}
ALIASES = {"logistic": "sigmoid", "swish": "silu"}
OTHERS = {
    "gelu_new": "the tanh approximation of GELU is another function",
    "gelu_tanh": "the tanh approximation of GELU is another function",
    "gelu_pytorch_tanh": "the tanh approximation of GELU is another function",
    "gelu_fast": "the tanh approximation of GELU is another function",
    "quick_gelu": "u·sigmoid(1.702 u) is Activation('silu', sharpness=1.702)",
}


@dataclass(frozen=True, init=False)
class Activation:
    r"""An activation function, with the law by which a node turns round:

    .. math:: \tanh(-u) = -\tanh u,\quad \mathrm{erf}(-u) = -\mathrm{erf}\,u,\quad
              \mathrm{sigmoid}(-u) = 1 - \mathrm{sigmoid}(u),

    .. math:: \mathrm{SiLU}(-u) = \mathrm{SiLU}(u) - u,\quad
              \mathrm{GELU}(-u) = \mathrm{GELU}(u) - u.

    SiLU is :math:`u/(1 + e^{-τu})` with the sharpness τ; GELU is :math:`u\,Φ(u)`, exactly, not its
    tanh approximation. None of them commutes with scaling.

    Args:
        name: "tanh", "sigmoid", "erf", "silu" or "gelu"; "swish" and "logistic" are read too.
        sharpness: τ > 0, a rational, for SiLU only. PyTorch's SiLU has 1, and so has this one;
            ``singlearn.models.two_layer`` has 100, that of Wei et al. 2022.

    Raises:
        ValueError: another name, or a sharpness that is not positive or has no meaning.

    >>> Activation("Swish", sharpness=100)
    Activation(name='silu', sharpness=Fraction(100, 1))
    """

    name: str
    sharpness: Fraction

    def __init__(self, name: str, sharpness: Any = 1) -> None:
        own = name.lower() if isinstance(name, str) else name
        own = ALIASES.get(own, own)
        if own not in KINDS:
            why = f" ({OTHERS[own]})" if own in OTHERS else ""
            raise ValueError(
                f"activation: got {name!r}{why}; it should be one of {', '.join(KINDS)}"
            )
        value = rational(sharpness, "sharpness")
        if value <= 0:
            raise ValueError(f"sharpness: got {sharpness}; it should be positive")
        if value != 1 and own != "silu":
            raise ValueError(
                f"sharpness: got {sharpness}; only SiLU has one, {own} has it in its weights"
            )
        object.__setattr__(self, "name", own)
        object.__setattr__(self, "sharpness", value)

    @property
    def kind(self) -> ActivationKind:
        """Its constant, its line and the rest."""
        return KINDS[self.name]

    @property
    def symbol(self) -> str:
        """Its name in a formula, with the sharpness where that is not 1.

        >>> Activation("silu").symbol, Activation("silu", 100).symbol
        ('silu', 'silu_100')
        """
        return self.name if self.sharpness == 1 else f"{self.name}_{self.sharpness}"

    @property
    def is_even(self) -> bool:
        """Whether turning a node round leaves a line behind (SiLU, GELU), as with ReLU."""
        return self.kind.parity is Parity.EVEN

    @property
    def scale(self) -> Fraction:
        """Of the argument of T."""
        return self.kind.scale * self.sharpness

    def value(self, at: Fraction) -> Constant:
        """σ(b) at a rational, exactly.

        Returns:
            An exact constant.

        >>> print(Activation("silu").value(Fraction(-1)))
        -1/2 + 1/2 tanh(1/2)
        """
        kind = self.kind
        # T is odd: the sign of an even γ(u) = u T(u) is that of |u| T(|u|).
        odd = kind.factor * at if self.is_even else kind.factor
        argument = at if kind.base is Base.ERF_HALF else self.scale * at
        return Constant.value(kind.base, argument, odd) + (kind.offset + kind.slope * at)

    def enclosure(self, at: arb) -> arb:
        """A ball that holds σ(u) for every u of a ball, in the precision that is set."""
        kind = self.kind
        inner = at if kind.base is Base.ERF_HALF else ball(self.scale) * at
        odd = ball(kind.factor) * enclosure(kind.base, inner)
        return ball(kind.offset) + ball(kind.slope) * at + (odd * at if self.is_even else odd)

    def evaluate(self, u: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """σ in float64."""
        found: Float[np.ndarray, "*shape"] = FLOATS[self.name][0](u, float(self.sharpness))
        return found

    def derivative(self, u: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """σ' in float64."""
        found: Float[np.ndarray, "*shape"] = FLOATS[self.name][1](u, float(self.sharpness))
        return found

    def __str__(self) -> str:
        names = {"silu": "SiLU", "gelu": "GELU"}
        sharp = "" if self.sharpness == 1 else f" (τ = {self.sharpness})"
        return names.get(self.name, self.name) + sharp


def _sigmoid(u: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * u))


def _sigmoid_slope(u: Any) -> Any:
    return 0.25 / np.cosh(np.clip(0.5 * u, -350, 350)) ** 2


def _normal(u: Any) -> Any:
    from scipy.special import ndtr

    return ndtr(u)


def _erf(u: Any) -> Any:
    from scipy.special import erf

    return erf(u)


def _density(u: Any) -> Any:
    return np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi)


FLOATS: dict[str, tuple[Callable[[Any, float], Any], Callable[[Any, float], Any]]] = {
    "tanh": (lambda u, _: np.tanh(u), lambda u, _: 4 * _sigmoid_slope(2 * u)),
    "sigmoid": (lambda u, _: _sigmoid(u), lambda u, _: _sigmoid_slope(u)),
    "erf": (lambda u, _: _erf(u), lambda u, _: 2 / np.sqrt(np.pi) * np.exp(-u * u)),
    "silu": (
        lambda u, t: u * _sigmoid(t * u),
        lambda u, t: _sigmoid(t * u) + t * u * _sigmoid_slope(t * u),
    ),
    "gelu": (lambda u, _: u * _normal(u), lambda u, _: _normal(u) + u * _density(u)),
}
