"""Whether two smooth networks are the same function, with a proof either way."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import ctx

from singlearn.numbers.rational import Number, rational
from singlearn.results.caution import Caution, Reason
from singlearn.results.result import Answer
from singlearn.symmetry.deep.equivalence import Sameness
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.smooth.constant import Base, Constant
from singlearn.symmetry.smooth.distance import smooth_distance
from singlearn.symmetry.smooth.form import SmoothForm, check_domain, smooth_form
from singlearn.symmetry.smooth.in_base import in_base
from singlearn.symmetry.smooth.network import TwoLayerSmooth, require_smooth
from singlearn.symmetry.smooth.transformation import SmoothTransformation, find_transformation
from singlearn.symmetry.smooth.witness import (
    PRECISIONS,
    SmoothWitness,
    differing_units,
    find_witness,
)
from singlearn.symmetry.two_layer.distance import Distance
from singlearn.symmetry.two_layer.kink_form import short

REWRITTEN = {
    "sigmoid": "sigmoid(u) = 1/2 + tanh(u/2)/2",
    "silu": "SiLU of sharpness τ is SiLU(τu)/τ",
}


@dataclass(frozen=True)
class SmoothEquivalence(Answer):
    """The answer of :func:`equivalent_smooth`; true as a condition where the two are shown to be
    equal.

    Attributes:
        a, b: the networks that were compared: those given, or where their activations differ, both
            rewritten by :func:`~singlearn.symmetry.smooth.in_base.in_base`.
        domain: where; it matters for the witness only.
        forms: their forms.
        status: equivalent, different, or not shown.
        rewritten: activations that were, see ``a, b``.
        tolerance: up to which they were compared; 0 for exact equality.
        distance: bounds on the largest difference, where a tolerance was given.
    """

    a: TwoLayerSmooth
    b: TwoLayerSmooth
    domain: Domain | None
    forms: tuple[SmoothForm, SmoothForm]
    status: Sameness
    rewritten: tuple[str, ...] = ()
    tolerance: Fraction = Fraction(0)
    distance: Distance | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the two are exactly the same function."""
        return _verdict(*self.forms) is Sameness.EQUIVALENT

    def __bool__(self) -> bool:
        return self.status is Sameness.EQUIVALENT

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """That nothing was shown, where nothing was."""
        return (Caution(Reason.UNDECIDED, str(self)),) if self.status is Sameness.NOT_SHOWN else ()

    @cached_property
    def transformation(self) -> SmoothTransformation | None:
        """Steps that turn the first network into the second, where they are equal and of one
        activation.
        """
        if not self.is_exact or self.a.activation != self.b.activation:
            return None
        return find_transformation(self.a, self.b)

    @cached_property
    def witness(self) -> SmoothWitness | None:
        """A point where certified enclosures of the two do not meet; ``None`` if they are equal, or
        nothing tried separates them.
        """
        if self.is_exact:
            return None
        return find_witness(self.a, self.b, differing_units(*self.forms), self.domain)

    @property
    def reason(self) -> str:
        """Why they differ, in words."""
        one, other = self.forms
        differing = differing_units(one, other)
        if differing:
            unit = min(differing)
            of = one if unit in one.units else other
            return f"the weight on {of.activation.symbol}({unit}) is not the same in both"
        if one.linear != other.linear:
            return "the units agree, the linear part does not"
        return (
            f"they differ by the constant "
            f"{', '.join(str(x - y) for x, y in zip(one.constant, other.constant, strict=True))}"
        )

    def __str__(self) -> str:
        rewritten = "".join(f"\nrewritten: {REWRITTEN[name]}" for name in self.rewritten)
        if self.distance is not None and not self.is_exact:
            start = {
                Sameness.EQUIVALENT: "equal up to",
                Sameness.DIFFERENT: "not equal up to",
                Sameness.NOT_SHOWN: "not shown to be equal up to",
            }[self.status]
            return f"{start} {short(self.tolerance)} on the domain: {self.distance}{rewritten}"
        if self:
            steps = "" if self.transformation is None else f"\n{self.transformation}"
            return f"the same function{rewritten}{steps}"
        if self.status is Sameness.NOT_SHOWN:
            return f"not shown: {self.reason}, whose enclosure of {PRECISIONS[-1]} bits holds zero"
        found = (
            f"{self.witness}; "
            if self.witness
            else f"no point tried separates them with {PRECISIONS[-1]} bits, but "
        )
        return f"different functions: {found}{self.reason}{rewritten}"


def equivalent_smooth(
    a: TwoLayerSmooth,
    b: TwoLayerSmooth,
    domain: Domain | None = None,
    tolerance: Number | None = None,
) -> SmoothEquivalence:
    r"""Decide whether two networks are the same function; the answer does not depend on the domain,
    as both are analytic.

    They are exactly when their forms agree (:mod:`singlearn.symmetry.smooth.form`). Constants such
    as :math:`3\tanh(1/4)` are compared exactly for tanh, sigmoid and SiLU; for erf and GELU by
    enclosures where they are not the same expression, which leaves "not shown" possible in
    principle.

    Args:
        a, b: networks with the same inputs and outputs, of the same or of two activations.
        domain: where to look for a witness; ``None`` for all of R^N.
        tolerance: ε ≥ 0, in units of the output; needs a domain, and then asks whether the largest
            difference there is at most that, which bounds
            (:func:`~singlearn.symmetry.smooth.distance.smooth_distance`) may leave open.

    Returns:
        A condition that is true, false or not shown, with a transformation or a witness.

    Raises:
        ValueError: shapes that do not fit together, something else than smooth networks, a negative
            tolerance, one without a domain, or one for two activations that are not a rewriting of
            each other.

    >>> f = TwoLayerSmooth("tanh", [[1], [2]], [0, 1], [1, 3], 0)
    >>> g = TwoLayerSmooth("tanh", [[-2], [1]], [-1, 0], [-3, 1], 0)
    >>> print(equivalent_smooth(f, g))
    the same function
    1. turn node 1 round
    2. permute: the nodes in the order 1, 0
    """
    require_smooth(a, "equivalent"), require_smooth(b, "equivalent")
    if (a.inputs, a.outputs) != (b.inputs, b.outputs):
        raise ValueError(
            f"b: it has {b.inputs} inputs and {b.outputs} outputs, a {a.inputs} and {a.outputs}; "
            f"they should be equal"
        )
    check_domain(a, domain)
    rewritten: tuple[str, ...] = ()
    if a.activation != b.activation:
        bases = in_base(a), in_base(b)
        changed = {
            net.activation.name for net, base in zip((a, b), bases, strict=True) if base is not net
        }
        rewritten, (a, b) = tuple(sorted(changed)), bases
    forms = smooth_form(a), smooth_form(b)
    verdict = _verdict(*forms)
    if tolerance is None:
        return SmoothEquivalence(a, b, domain, forms, verdict, rewritten)
    allowed = rational(tolerance, "tolerance")
    if allowed < 0:
        raise ValueError(f"tolerance: got {tolerance}; it should be at least 0")
    if domain is None:
        raise ValueError("tolerance: a largest difference is bounded on a bounded domain; give one")
    if a.activation != b.activation:
        raise ValueError(
            f"tolerance: a {a.activation} and a {b.activation} network are compared exactly only"
        )
    try:
        distance = smooth_distance(a, b, domain)
    except OverflowError:
        raise ValueError(
            "a, b: their outputs or weights reach beyond 1.8e308, too large for a comparison up to "
            "a tolerance; "
            "without one it is exact"
        ) from None
    if verdict is not Sameness.EQUIVALENT:
        verdict = Sameness.NOT_SHOWN
        if distance.upper <= allowed:
            verdict = Sameness.EQUIVALENT
        elif distance.lower > allowed:
            verdict = Sameness.DIFFERENT
    return SmoothEquivalence(a, b, domain, forms, verdict, rewritten, allowed, distance)


def _verdict(one: SmoothForm, other: SmoothForm) -> Sameness:
    r"""Units of two bases are independent of each other too: tanh and SiLU have poles, erf and GELU
    have none; in :math:`A\tanh v + Bv\tanh v`, which share theirs, a residue A + Bv at an
    imaginary v is not zero for real A and B, and of erf'' and GELU'' with one Gaussian the
    coefficients are odd and even polynomials.
    """
    alike = one.activation == other.activation
    if (
        one.units != other.units if alike else one.units or other.units
    ) or one.linear != other.linear:
        return Sameness.DIFFERENT
    verdicts = [is_zero(x - y) for x, y in zip(one.constant, other.constant, strict=True)]
    if all(verdict is True for verdict in verdicts):
        return Sameness.EQUIVALENT
    return (
        Sameness.DIFFERENT if any(verdict is False for verdict in verdicts) else Sameness.NOT_SHOWN
    )


def is_zero(value: Constant) -> bool | None:
    """Whether a number is zero; ``None`` where neither is shown. See :class:`Constant` for the
    theorems.

    >>> from fractions import Fraction
    >>> is_zero(Constant.value(Base.ERF, Fraction(1, 2), Fraction(3)) + Fraction(-1))
    False
    """
    if not value:
        return True
    bases = {base for (base, _), _ in value.terms}
    if bases <= {Base.TANH} or (not value.rational and Base.TANH not in bases):
        return False
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            if not value.enclosure().contains(0):
                return False
    return None
