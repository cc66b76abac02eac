"""How far a computed number may be from the exact one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.deep.network import DeepReLU

UNIT = 2.0**-53
"""Unit roundoff of double precision."""

LARGEST = 1e300
"""Beyond this, sums of a few numbers may overflow."""

UNDERFLOW = 1e-300
"""Added to error bounds, so that products too small to be represented are covered as well."""


def gamma(terms: int) -> float:
    r""":math:`γ_n = n u / (1 - n u)`: relative to the sum of absolute terms, the error of a sum of
    ``terms`` products in any order.
    """
    return terms * UNIT / (1 - terms * UNIT)


def evaluation_error(
    net: DeepReLU, x: Float[np.ndarray, "points inputs"], perturbation: float = 0.0
) -> list[Float[np.ndarray, "points nodes"]]:
    r"""Bounds on \|computed − exact\| for every pre-activation at the inputs ``x`` (taken as the
    exact numbers they are).

    .. math:: e_l = |W_l| e_{l-1} + (γ_{n_{l-1}+2} + ε) (|W_l| (|h_{l-1}| + e_{l-1}) + |b_l|), \qquad
              e_{-1} = 0,

    since ReLU does not enlarge errors, and gives 0 twice where :math:`u_l + e_l ≤ 0`. A
    pre-activation whose sign is open within its error hands the error on: which nodes are active is
    never taken from a rounded number. With ε > 0 the bound also covers a relative change of every
    weight and bias by ε.

    Args:
        perturbation: ε ≥ 0.
    """  # noqa: E501
    errors: list[np.ndarray] = []
    activation, error = x, np.zeros_like(x)
    for matrix, bias in zip(net.weights, net.biases, strict=True):
        size = np.abs(matrix)
        relative = gamma(matrix.shape[1] + 2) + perturbation
        inflated = error @ size.T + relative * (
            (np.abs(activation) + error) @ size.T + np.abs(bias)
        )
        # The bound is itself computed; a relative 2γ covers that.
        error = inflated * (1 + 2 * relative) + UNDERFLOW
        errors.append(error)
        value = activation @ matrix.T + bias
        activation = np.maximum(value, 0.0)
        # Where even the highest value is not positive, ReLU gives 0 in both; where the sign is
        # open, the error goes through.
        error = np.where(value + error <= 0, 0.0, error)
    return errors


def require_range(net: DeepReLU, reach: Float[np.ndarray, " inputs"], name: str) -> None:
    """Refuse a network whose numbers may leave float64 for inputs up to ``reach``.

    Raises:
        ValueError: a bound on some pre-activation, :math:`|W_l| ⋯ |W_0| r + …`, is beyond 1e300.
    """
    size = np.abs(reach)
    for layer, (matrix, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.abs(matrix) @ size + np.abs(bias)
        if not np.all(size < LARGEST):
            raise ValueError(
                f"{name}: its weights are too large: layer {layer} may reach 1e300 for inputs up "
                f"to {np.max(np.abs(reach)):g}, beyond "
                "what float64 computes; scale the weights down"
            )


def exact_outputs(net: DeepReLU, point: Float[np.ndarray, " inputs"]) -> list[Fraction]:
    """The outputs at one input in exact arithmetic, weights and input being the rationals that the
    floats are.

    >>> exact_outputs(DeepReLU([[[0.5]]], [[0.25]]), np.array([1.0]))
    [Fraction(3, 4)]
    """
    values, exponent = _integers(point)
    for layer, (matrix, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        if layer:
            values = np.array([max(value, 0) for value in values], dtype=object)
        whole, shift = _integers(matrix)
        offset, own = _integers(bias)
        exponent += shift
        common = min(exponent, own)
        products = whole @ values if matrix.shape[1] else np.array([0] * len(bias), dtype=object)
        values = products * 2 ** (exponent - common) + offset * 2 ** (own - common)
        exponent = common
    return [Fraction(value) * Fraction(2) ** exponent for value in values]


def _integers(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Python integers and an exponent e with ``array = integers * 2**e``, exactly."""
    mantissa, exponent = np.frexp(array)
    whole = (mantissa * 2.0**53).astype(np.int64)
    used = exponent[whole != 0]
    least = int(used.min()) if used.size else 53
    shift = np.where(whole != 0, exponent - least, 0)
    return whole.astype(object) * 2 ** shift.astype(object), least - 53
