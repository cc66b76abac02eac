"""Five small singular models in closed form: K, its Hessian, the Fisher information and its kernel,
with symbols.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

import sympy

from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.divergences.worked_example import TrueCurve, WorkedExample

THETA, WIDTH, OFFSET = sympy.symbols("θ A B", positive=True)
"""Size of the truth, half width of the inputs, place of a kink: stand for themselves where no
number is given.
"""

Size: TypeAlias = sympy.Expr | Fraction | int

OWN = "singlearn, in closed form"
UNIFORM = "unit noise; inputs uniform on [-A, A]"


def scaling_valley(theta: Size = THETA, half_width: Size = WIDTH) -> WorkedExample:
    r"""Example 3.2 of Carroll: :math:`q\,\mathrm{ReLU}(w x)` learns :math:`θ\,\mathrm{ReLU}(x)`.

    .. math:: K = \frac{A^2}{12} (wq - θ)^2 \;\; (w ≥ 0), \qquad
              K = \frac{A^2}{12} (w^2 q^2 + θ^2) \;\; (w < 0)

    W_0 is the hyperbola wq = θ, w > 0, along which (w, -q) is the null direction of the Fisher
    information: the scaling :math:`(aw, q/a)`. For θ = 0 it is the cross wq = 0, of multiplicity 2
    (Carroll 2021 [carroll2021phase]_).

    Args:
        theta: θ ≥ 0.
        half_width: A > 0 of the inputs.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> valley = scaling_valley(theta=2)
    >>> w = sympy.Symbol("s", positive=True)
    >>> valley.at(valley.fisher, w=w, q=2 / w)
    Matrix([
    [2*A**2/(3*s**2),    A**2/3],
    [         A**2/3, A**2*s**2/6]])
    >>> valley.kernel(w=1, q=2)
    [Matrix([
    [-1/2],
    [   1]])]
    """
    theta, half_width = _number("theta", theta, may_vanish=True), _number("half_width", half_width)
    w, q = sympy.symbols("w q", real=True)
    scale = half_width**2 / 12
    K = sympy.Piecewise(
        (scale * (w * q - theta) ** 2, w >= 0), (scale * (w**2 * q**2 + theta**2), True)
    )
    fisher = 2 * scale * sympy.Matrix([[q**2, w * q], [w * q, w**2]])
    if theta == 0:
        known, true_set = (
            ExactCoefficient(Fraction(1, 2), 2, OWN, f"{UNIFORM}; θ = 0; prior positive near 0"),
            "wq = 0",
        )
    else:
        known = ExactCoefficient(
            Fraction(1, 2), 1, OWN, f"{UNIFORM}; θ > 0; prior positive on a part of W_0"
        )
        true_set = "wq = θ, w > 0"
    along = sympy.Symbol("s", positive=True)
    zero = sympy.Integer(0)
    arms = (
        [TrueCurve({"w": along, "q": theta / along}, along, 0.1, 5)]
        if theta != 0
        else [
            TrueCurve({"w": along, "q": zero}, along, -1, 5),
            TrueCurve({"w": zero, "q": along}, along, -1, 5),
        ]
    )
    return WorkedExample(
        "scaling valley (Carroll, Example 3.2)",
        (w, q),
        K,
        fisher,
        true_set,
        known,
        {THETA: sympy.Integer(2), WIDTH: sympy.sqrt(3)},
        {"w": (-1, 5), "q": (-1, 5)},
        tuple(arms),
    )


def orientation_reversal(
    theta: Size = THETA,
    offset: Size = OFFSET,
    half_width: Size = WIDTH,
) -> WorkedExample:
    r"""Example 3.3 of Carroll: both nodes of a truth turned round, :math:`s\,\mathrm{ReLU}(x - B) +
    s\,\mathrm{ReLU}(-x - B) + c`.

    The truth is :math:`θ\,\mathrm{ReLU}(x + B) + θ\,\mathrm{ReLU}(B - x)`, whose nodes annihilate
    each other between the kinks. With :math:`e = c - 2θB`,

    .. math:: K = \frac{(A - B)^3}{6A} (s - θ)^2 + \frac{(A - B)^2}{2A} (s - θ) e + \frac{e^2}{2}.

    So the reversed network is the truth exactly for s = θ, c = 2θB, and in these two parameters the
    model is regular: reversing is a symmetry without a direction (Carroll 2021
    [carroll2021phase]_).

    Args:
        theta: θ > 0.
        offset: B > 0 of the kinks.
        half_width: A > B of the inputs.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> reversal = orientation_reversal()
    >>> sympy.factor(reversal.fisher.det())
    (A - B)**3*(A + 3*B)/(12*A**2)
    """
    theta, offset, half_width = (
        _number("theta", theta),
        _number("offset", offset),
        _number("half_width", half_width),
    )
    if (offset >= half_width) == True:  # noqa: E712 - a comparison of symbols is neither true nor false
        raise ValueError(
            f"offset: got {offset}; the kinks should lie inside the inputs, below {half_width}"
        )
    s, c = sympy.symbols("s c", real=True)
    gap, e = half_width - offset, c - 2 * theta * offset
    K = (
        gap**3 / (6 * half_width) * (s - theta) ** 2
        + gap**2 / (2 * half_width) * (s - theta) * e
        + e**2 / 2
    )
    cross = gap**2 / (2 * half_width)
    fisher = sympy.Matrix([[gap**3 / (3 * half_width), cross], [cross, 1]])
    known = ExactCoefficient(
        Fraction(1), 1, OWN, f"{UNIFORM}, A > B; prior positive near the truth"
    )
    return WorkedExample(
        "orientation reversal (Carroll, Example 3.3)",
        (s, c),
        K,
        fisher,
        "s = θ, c = 2θB",
        known,
        {THETA: sympy.Integer(1), OFFSET: sympy.Rational(1, 2), WIDTH: sympy.Integer(1)},
        {"s": (-1, 3), "c": (-1, 3)},
        (TrueCurve({"s": theta, "c": 2 * theta * offset}, sympy.Symbol("s"), 0, 0),),
    )


def two_node_degeneracy(theta: Size = THETA, half_width: Size = WIDTH) -> WorkedExample:
    r"""Example 3.4 of Carroll: :math:`\mathrm{ReLU}(w_1 x) + \mathrm{ReLU}(w_2 x)` learns
    :math:`θ\,\mathrm{ReLU}(x)`.

    .. math:: K = \frac{A^2}{12} \big[(w_1^+ + w_2^+ - θ)^2 + (w_1^- + w_2^-)^2\big]

    W_0 is the segment :math:`w_1 + w_2 = θ, w_1, w_2 ≥ 0`. Near small t the set K < t has the area
    :math:`2θρ + πρ^2, ρ = \sqrt{12 t}/A`: a strip along the segment and two half discs around its
    ends. So λ = 1/2 everywhere on it, the ends included, which have half the volume of a point
    inside, not more (Carroll 2021 [carroll2021phase]_ expects a smaller λ there). At the ends K has
    no Hessian; where a weight is 0 the function has no derivative by it, and the Fisher information
    is given as for nodes that look to opposite sides.

    Args:
        theta: θ > 0.
        half_width: A > 0 of the inputs.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> pair = two_node_degeneracy(theta=1)
    >>> pair.kernel(w1=sympy.Rational(1, 2), w2=sympy.Rational(1, 2))
    [Matrix([
    [-1],
    [ 1]])]
    """
    theta, half_width = _number("theta", theta), _number("half_width", half_width)
    w1, w2 = sympy.symbols("w1 w2", real=True)
    scale = half_width**2 / 12
    K = sympy.Piecewise(
        (scale * (w1 + w2 - theta) ** 2, (w1 >= 0) & (w2 >= 0)),
        (scale * ((w1 - theta) ** 2 + w2**2), w1 >= 0),
        (scale * ((w2 - theta) ** 2 + w1**2), w2 >= 0),
        (scale * (theta**2 + (w1 + w2) ** 2), True),
    )
    # Nodes on the same side see the same inputs, nodes on opposite sides none in common.
    cross = sympy.Piecewise((2 * scale, w1 * w2 > 0), (0, True))
    fisher = sympy.Matrix([[2 * scale, cross], [cross, 2 * scale]])
    known = ExactCoefficient(
        Fraction(1, 2), 1, OWN, f"{UNIFORM}; θ > 0; prior positive on a part of W_0"
    )
    along = sympy.Symbol("s", real=True)
    return WorkedExample(
        "two-node degeneracy (Carroll, Example 3.4)",
        (w1, w2),
        K,
        fisher,
        "w1 + w2 = θ, w1 ≥ 0, w2 ≥ 0",
        known,
        {THETA: sympy.Integer(1), WIDTH: sympy.sqrt(3)},
        {"w1": (-0.6, 1.6), "w2": (-0.6, 1.6)},
        (TrueCurve({"w1": theta * along, "w2": theta * (1 - along)}, along, 0, 1),),
    )


def moving_kink(half_width: Size = WIDTH) -> WorkedExample:
    r"""Example 4 of Wei et al.: :math:`\mathrm{ReLU}(x - b)` learns :math:`\mathrm{ReLU}(x)`; K is
    C² but not C³.

    .. math:: K = \frac{1}{4A} \begin{cases} A b^2 - \frac23 b^3 & 0 ≤ b ≤ A \\
              A b^2 - \frac13 b^3 & -A ≤ b ≤ 0 \end{cases}

    with x uniform on [-A, A]; beyond, :math:`K = A^2/12` for b > A and
    :math:`\frac{1}{4A}\big[\frac{(-b)^3 - (-A - b)^3}{3} + A b^2\big]` for b < -A. The third
    derivative jumps at 0 from -1/(2A) to -1/A. The paper's function is :math:`4A K`, and its
    formula holds for |b| ≤ A (Wei et al. 2022 [wei2022deep]_).

    Args:
        half_width: A > 0 of the inputs.

    Raises:
        ValueError: A is not positive.

    >>> kink = moving_kink(half_width=1)
    >>> kink.at(kink.K, b=sympy.Rational(1, 2)), kink.at(kink.hessian, b=0), kink.kernel(b=0)
    (1/24, Matrix([[1/2]]), [])
    """
    half_width = _number("half_width", half_width)
    b = sympy.Symbol("b", real=True)
    below = ((-b) ** 3 - (-half_width - b) ** 3) / 3 + half_width * b**2
    K = sympy.Piecewise(
        (half_width**2 / 12, b > half_width),
        ((half_width * b**2 - 2 * b**3 / 3) / (4 * half_width), b >= 0),
        ((half_width * b**2 - b**3 / 3) / (4 * half_width), b >= -half_width),
        (below / (4 * half_width), True),
    )
    # ∂_b f = -1 where the node is active: the share of inputs above b.
    share = sympy.Piecewise(
        (0, b >= half_width), ((half_width - b) / (2 * half_width), b >= -half_width), (1, True)
    )
    known = ExactCoefficient(Fraction(1, 2), 1, OWN, f"{UNIFORM}; prior positive near 0")
    return WorkedExample(
        "moving kink (Wei et al., Example 4)",
        (b,),
        K,
        sympy.Matrix([[share]]),
        "b = 0",
        known,
        {WIDTH: sympy.Integer(1)},
        {"b": (-1.5, 1.5)},
        (TrueCurve({"b": sympy.Integer(0)}, sympy.Symbol("s"), 0, 0),),
    )


def pendulum(velocity: Size, gravity: Size, time: Size) -> WorkedExample:
    r"""The pendulum :math:`f(x_0) = x_0 \cos φ + u \sin φ` with :math:`φ = \sqrt g t, u = v/\sqrt
    g`, and x₀ ~ N(0, 1).

    .. math:: K = \frac12 (\cos φ - \cos φ_0)^2 + \frac12 (u \sin φ - u_0 \sin φ_0)^2

    The orbit :math:`(av, a^2 g, t/a)` leaves φ and u alone; its generator :math:`v ∂_v + 2g ∂_g - t
    ∂_t` spans the kernel of the Fisher information, of rank 2, where sin φ ≠ 0. On the singular
    locus sin φ = 0 the rank is 1, and 0 where also v = 0; there :math:`K ≍ δ^2 (u^2 + δ^2)` with δ
    the distance of φ from πZ, so λ = 1/2, m = 2.

    Args:
        velocity: true v.
        gravity: true g > 0.
        time: true t > 0.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> swing = pendulum(velocity=1, gravity=1, time=1)
    >>> swing.kernel(v=1, g=1, t=1)
    [Matrix([
    [-1],
    [-2],
    [ 1]])]
    >>> half = pendulum(velocity=1, gravity=1, time=sympy.pi)
    >>> (
    ...     len(half.kernel(v=1, g=1, t=sympy.pi)),
    ...     len(half.kernel(v=0, g=1, t=sympy.pi)),
    ...     half.known.multiplicity,
    ... )
    (2, 3, 2)
    """
    velocity, gravity, time = (
        sympy.sympify(velocity),
        _number("gravity", gravity),
        _number("time", time),
    )
    v = sympy.Symbol("v", real=True)
    g, t = sympy.symbols("g t", positive=True)
    cosine = sympy.cos(sympy.sqrt(g) * t)
    sine = v / sympy.sqrt(g) * sympy.sin(sympy.sqrt(g) * t)
    truth = {v: velocity, g: gravity, t: time}
    K = ((cosine - cosine.subs(truth)) ** 2 + (sine - sine.subs(truth)) ** 2) / 2
    jacobian = sympy.Matrix([cosine, sine]).jacobian([v, g, t])
    degenerate = sympy.simplify(sympy.sin(sympy.sqrt(gravity) * time)) == 0
    condition = "sin(√g t) = 0 at the truth" if degenerate else "sin(√g t) ≠ 0 at the truth"
    known = ExactCoefficient(
        Fraction(1, 2) if degenerate else Fraction(1),
        2 if degenerate else 1,
        OWN,
        f"unit noise; starting positions N(0, 1); {condition}; prior positive on W_0",
    )
    fisher = jacobian.T * jacobian
    true_set = (
        "√g t ∈ πZ with the true parity, any v"
        if degenerate
        else "cos φ and u sin φ as in the truth"
    )
    return WorkedExample("pendulum", (v, g, t), K, fisher, true_set, known)


def _number(argument: str, value: Any, may_vanish: bool = False) -> sympy.Expr:
    """The value for SymPy; refused when it is known not to be positive."""
    number = sympy.sympify(value)
    if not (number.is_positive or (may_vanish and number.is_zero)):
        raise ValueError(
            f"{argument}: got {value}; it should be positive" + (" or 0" if may_vanish else "")
        )
    return number
