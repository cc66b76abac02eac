"""Two-layer ReLU networks on a bounded domain: the volume exponent of the whole model, and of its
phases.
"""

from __future__ import annotations

from fractions import Fraction

from singlearn.exact.catalogue.refusals import in_whole_numbers, require_at_least
from singlearn.exact.coefficient import ExactCoefficient

SOURCE = "singlearn, by counting the directions that change the function"
DOMAIN = (
    "inputs on a bounded set whose interior meets every kink of the truth; "
    "truth minimal, with as many nodes as distinct kinks"
)
PHASES = ("dead", "zero_outgoing", "zero_incoming", "shared_boundary", "corner", "opposite_pair")


@in_whole_numbers
def relu_two_layer(inputs: int, outputs: int, kinks: int) -> ExactCoefficient:
    r"""(λ, m) of :math:`f(x) = c + ∑_{i=1}^H q_i \mathrm{ReLU}(⟨w_i, x⟩ + b_i)` when the truth has
    d kinks.

    For every width H ≥ d,

    .. math:: λ = \frac{d (N + M) + M}{2}, \qquad m = 1,

    for N inputs and M outputs. A kink is a hyperplane (N numbers) and a jump of the gradient (M
    numbers), the bias is M more; all of them change the function to first order, and rescaling a
    node does not. Nodes beyond d rest, dead on the domain, on a set of positive volume, so the
    width does not matter. :math:`K` of a ReLU network is twice continuously differentiable but not
    analytic, so λ is meant as the volume exponent, :math:`∫_{K<t} φ\,dw ≍ t^λ (-\log t)^{m-1}`.

    Args:
        inputs: N ≥ 1.
        outputs: M ≥ 1.
        kinks: d ≥ 0, of the true function; the width of the model is at least d.

    Returns:
        λ and m as exact numbers, the same for every width that is large enough.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> print(relu_two_layer(inputs=2, outputs=1, kinks=3).value)
    5
    """
    require_at_least("inputs", inputs, 1)
    require_at_least("outputs", outputs, 1)
    require_at_least("kinks", kinks, 0)
    return ExactCoefficient(
        value=Fraction(kinks * (inputs + outputs) + outputs, 2),
        multiplicity=1,
        source=SOURCE,
        conditions=f"{DOMAIN}; prior positive on a compact set with dead nodes; width at least the "
        f"number of kinks",
    )


@in_whole_numbers
def relu_phase(inputs: int, kinks: int, phase: str) -> ExactCoefficient:
    r"""Local (λ, m) at a true parameter with one node too many (H = d + 1, scalar output), by what
    that node does.

    With the base :math:`λ_0 = (d (N + 1) + 1)/2` of :func:`relu_two_layer`:

    ===================  ====================================================  ==================
    phase                the excess node                                       λ
    ===================  ====================================================  ==================
    ``dead``             never active on the domain                            λ₀
    ``zero_outgoing``    q = 0, its boundary inside the domain                 λ₀ + 1/2
    ``zero_incoming``    w = 0, b > 0: a constant                              λ₀ + N/2
    ``shared_boundary``  on a true boundary, equally oriented                  λ₀ + N/3
    ``corner``           q = 0, and on a true boundary                         λ₀ + min(1/2, N/3)
    ``opposite_pair``    on a true boundary, oppositely oriented, paying for   λ₀ + N/2 + 1/3
                         the reversal of another node
    ===================  ====================================================  ==================

    The thirds come from splitting one kink in two, a distance δ apart: the function then differs by
    about δ on a strip of width δ, so :math:`K ≍ |δ|^3`. An opposite pair adds a slope ∝ its
    outgoing weight times its normal, which pins N directions to second order and leaves one, the
    distance along the normal, to be split.

    Args:
        inputs: N ≥ 1.
        kinks: d ≥ 0 of the true function; ≥ 1 for the phases on a true boundary, ≥ 2 for an
            opposite pair.
        phase: one of the names in the table.

    Returns:
        The local λ and m as exact numbers, by the row of the table that ``phase`` names.

    Raises:
        ValueError: an unknown phase, or an argument outside these ranges.

    >>> print(relu_phase(inputs=1, kinks=1, phase="shared_boundary").value)
    11/6
    """
    require_at_least("inputs", inputs, 1)
    if phase not in PHASES:
        raise ValueError(f"phase: got {phase!r}; it should be one of {', '.join(PHASES)}")
    require_at_least(
        "kinks", kinks, {"shared_boundary": 1, "corner": 1, "opposite_pair": 2}.get(phase, 0)
    )
    half, third = Fraction(1, 2), Fraction(1, 3)
    excess = {
        "dead": Fraction(0),
        "zero_outgoing": half,
        "zero_incoming": inputs * half,
        "shared_boundary": inputs * third,
        "corner": min(half, inputs * third),
        "opposite_pair": inputs * half + third,
    }
    return ExactCoefficient(
        value=relu_two_layer(inputs, 1, kinks).number() + excess[phase],
        multiplicity=1,
        source=SOURCE,
        conditions=f"{DOMAIN}; one output, one node more than kinks; local to phase {phase!r}; "
        f"prior positive there",
    )
