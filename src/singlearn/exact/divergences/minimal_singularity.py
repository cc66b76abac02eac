"""Minimally singular models: K is a sum of squares of coordinates near every true parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from singlearn.exact.catalogue.refusals import require_at_least, require_rank
from singlearn.exact.divergences.true_set_chart import TrueSetChart, Zeros
from singlearn.results.caution import Caution, Reason
from singlearn.results.result import Answer

Kind = Literal["regular", "minimally singular", "not minimally singular", "undecided"]


@dataclass(frozen=True)
class ReducedRank(Answer):
    """Reduced rank regression with M inputs, N outputs, H hidden units and a true map BA of rank r.

    Raises:
        ValueError: a number of units < 1, or a rank that does not fit through them.
    """

    inputs: int
    outputs: int
    hidden: int
    rank: int

    def __post_init__(self) -> None:
        for argument in ("inputs", "outputs", "hidden"):
            require_at_least(argument, getattr(self, argument), 1)
        require_rank(self.rank, [self.inputs, self.outputs, self.hidden])


@dataclass(frozen=True)
class Stratum(Answer):
    """A part of W_0 along which the rank of the Hessian of K is the same.

    Attributes:
        where: in words or equations.
        hessian_rank: of K at its points.
        codimension: of W_0 near its points, d minus the largest dimension of a piece of W_0 through
            them.
        verdict: whether the two are equal, so that K is a sum of as many squares there; ``None``
            where that was not decided.
    """

    where: str
    hessian_rank: int
    codimension: int
    verdict: bool | None

    def __str__(self) -> str:
        says = {
            True: "as many",
            False: "fewer: not minimally singular here",
            None: "at most as many: not decided here",
        }
        return (
            f"{self.where}: rank of the Hessian {self.hessian_rank}, codimension "
            f"{self.codimension}: {says[self.verdict]}"
        )


@dataclass(frozen=True)
class MinimalSingularity(Answer):
    """The answer of :func:`minimally_singular`.

    Attributes:
        dimension: d, number of parameters.
        strata: the parts of W_0 that were compared.
        covers: whether they are all of W_0; charts are only what they are.
    """

    dimension: int
    strata: tuple[Stratum, ...]
    covers: bool

    @property
    def kind(self) -> Kind:
        """``regular`` when K is a sum of d squares near every true parameter, which then is
        isolated.
        """
        verdicts = [stratum.verdict for stratum in self.strata]
        if False in verdicts:
            return "not minimally singular"
        if None in verdicts:
            return "undecided"
        return (
            "regular"
            if all(stratum.codimension == self.dimension for stratum in self.strata)
            else "minimally singular"
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """That it is not decided on every stratum, or that the charts may not be all of W_0."""
        found = []
        if self.kind == "undecided":
            found.append(Caution(Reason.UNDECIDED, "on some strata only bounds were proved"))
        if not self.covers:
            found.append(
                Caution(Reason.NOT_CHECKED, "points of W_0 outside the charts were not looked at")
            )
        return tuple(found)

    @property
    def where_not(self) -> tuple[Stratum, ...]:
        """The strata where the Hessian has too small a rank."""
        return tuple(stratum for stratum in self.strata if stratum.verdict is False)

    @property
    def learning_coefficient(self) -> Fraction | None:
        """λ = d'/2, d' the smallest codimension, where K is a sum of d' squares; ``None``
        otherwise, then λ ≤ d'/2 only.

        Of the charts, where these are what was examined: points of W_0 outside them may have a
        smaller one.
        """
        if self.kind not in ("regular", "minimally singular"):
            return None
        return Fraction(min(stratum.codimension for stratum in self.strata), 2)

    def explain(self) -> str:
        """The verdict and its reasons, one line per stratum."""
        value = self.learning_coefficient
        head = self.kind if self.covers else f"{self.kind} on what the charts show"
        if value is not None:
            head += f": λ = {value}, m = 1, of {self.dimension} parameters"
        return "\n".join([head, *(f"  {stratum}" for stratum in self.strata)])


def minimally_singular(
    model: ReducedRank | TrueSetChart | Sequence[TrueSetChart],
) -> MinimalSingularity:
    r"""Compare the rank of the Hessian of K on the true parameters W_0 with the codimension of W_0.

    Near :math:`v_0 ∈ W_0` there are coordinates with :math:`K = ∑_{i ≤ d'} c_i w_i^2`, all
    :math:`c_i > 0`, exactly when the Hessian has rank d' and W_0 codimension d' there (Morse–Bott).
    A model is *minimally singular* when that holds at every true parameter and d' < d; then
    :math:`λ = d'/2, m = 1` (Wei et al. 2022, section 4 [wei2022deep]_).

    For reduced rank regression, at ranks a of A, b of B and r of BA, the Hessian has rank :math:`aN
    + bM - ab`, and W_0 near there is a manifold times :math:`\{B'A' = 0\}` with M-a inputs, N-b
    outputs and H-a-b+r hidden units. So the model is minimally singular exactly when the true map
    has the largest rank that fits, r = min(M, N, H). (The appendix A.2 of the paper claims it for
    square B and any true rank; it describes W_0 by det B ≠ 0, which leaves out the worse points
    when the truth has a smaller rank.)

    Args:
        model: :class:`ReducedRank`; or a chart of W_0, or several that together cover it, as
            :class:`TrueSetChart`. For charts the answer is about the charts: points of W_0 on none
            of them are not examined.

    Returns:
        Both numbers on every stratum of W_0, and the verdict for the whole.

    Raises:
        ValueError: no chart, or charts of models with different parameters.

    >>> print(minimally_singular(ReducedRank(inputs=2, outputs=2, hidden=2, rank=2)).explain())
    minimally singular: λ = 2, m = 1, of 8 parameters
      rank A = 2, rank B = 2: rank of the Hessian 4, codimension 4: as many
    >>> print(minimally_singular(TrueSetChart("x^2*y^2", {"x": "s", "y": 0})).explain())
    not minimally singular on what the charts show
      x = s, y = 0: rank of the Hessian 1, codimension 1: as many
      x = s, y = 0 with s = 0: rank of the Hessian 0, codimension 1: fewer: not minimally
      singular here
    """
    if isinstance(model, ReducedRank):
        return MinimalSingularity(
            model.hidden * (model.inputs + model.outputs), _reduced_rank_strata(model), covers=True
        )
    charts = [model] if isinstance(model, TrueSetChart) else list(model)
    if not charts:
        raise ValueError("model: got no chart; there should be at least one")
    if len({chart.variables for chart in charts}) > 1:
        raise ValueError(
            f"model: got charts in {[chart.variables for chart in charts]}; they should have the "
            f"same parameters"
        )
    strata = [stratum for chart in charts for stratum in _chart_strata(chart)]
    return MinimalSingularity(len(charts[0].variables), tuple(strata), covers=False)


def _reduced_rank_strata(model: ReducedRank) -> tuple[Stratum, ...]:
    M, N, H, r = model.inputs, model.outputs, model.hidden, model.rank
    strata = []
    for a in range(r, min(M, H) + 1):
        for b in range(r, min(N, H, H - a + r) + 1):
            rank = a * N + b * M - a * b
            # The rest is B'A' = 0; its piece with rank A' = k has this codimension.
            m, n, h = M - a, N - b, H - a - b + r
            rest = min((h - k) * (m - k) + n * k for k in range(min(h, m) + 1))
            strata.append(Stratum(f"rank A = {a}, rank B = {b}", rank, rank + rest, rest == 0))
    return tuple(strata)


def _chart_strata(chart: TrueSetChart) -> list[Stratum]:
    codimension = len(chart.variables) - chart.dimension
    if chart.generic_rank < codimension:
        return [Stratum(chart.name, chart.generic_rank, codimension, False)]
    strata = [Stratum(chart.name, codimension, codimension, True)]
    for locus in chart.degenerate_loci():
        if locus.zeros is Zeros.NONE:
            continue
        found = locus.zeros is Zeros.SOME
        where = f"{chart.name} with {locus.equation} = 0"
        if locus.solved:
            where = f"{chart.name} with {locus.solved}"
        rank = locus.hessian_rank if found else codimension
        strata.append(Stratum(where, rank, codimension, False if found else None))
    return strata
