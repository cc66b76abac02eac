"""An upper bound on the free energy of ReLU networks that counts the truth's nodes, not the
model's.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from singlearn.results.result import Answer
from singlearn.running.arguments import whole_number


@dataclass(frozen=True)
class FreeEnergyBound(Answer):
    """Coefficients of log n in upper bounds on the free energy.

    Attributes:
        parameters: D*, of the network that realises the truth.
        nodes: H*, its hidden nodes.
        by_parameters: D*/2.
        by_directions: (D* - H*)/2: scaling a hidden node costs nothing.
        exact: λ for one hidden layer whose nodes have distinct boundaries that meet the inputs;
            ``None`` for deeper truths, where only the bound is known.
    """

    parameters: int
    nodes: int
    by_parameters: Fraction
    by_directions: Fraction
    exact: Fraction | None

    def __str__(self) -> str:
        text = (
            f"λ ≤ {self.by_parameters} by the truth's {self.parameters} parameters, ≤ "
            f"{self.by_directions} without {self.nodes} scalings"
        )
        return text if self.exact is None else f"{text}; λ = {self.exact}"


def free_energy_bound(truth: Sequence[int], model: Sequence[int] | None = None) -> FreeEnergyBound:
    r"""Upper bounds on the learning coefficient of a ReLU network that is at least as large as the
    truth.

    Let the truth be a ReLU network of widths :math:`(H^*_0, …, H^*_K)`, with :math:`D^* = \sum_l
    H^*_l (H^*_{l-1} + 1)` parameters and :math:`H^* = \sum_{0<l<K} H^*_l` hidden nodes, the model
    one of the same depth and of widths :math:`H_l ≥ H^*_l`, the inputs bounded, the noise Gaussian,
    the prior positive and continuous near the parameters named below. Then

    .. math::
        F_n \le n L_n(w_0) + \tfrac{D^*}{2} \log n + O_p(1), \qquad
        F_n \le n L_n(w_0) + \tfrac{D^* - H^*}{2} \log n + O_p(1).

    *Proof.* Let the excess nodes have :math:`w < 0, b < 0` towards the layer below: what they read
    is bounded, and not negative from the second layer on, so they are dead on an open set of
    parameters (in the first layer b is taken far below) and free there. With the other :math:`D^*`
    parameters within :math:`δ` of the truth's, f is within :math:`Cδ` of the truth, and :math:`K ≤
    C^2 δ^2/2`. So :math:`V(t) = \int_{K<t} φ\,dw ≥ c\,t^{D^*/2}`, which is the first bound. The
    scalings of the truth's nodes move it along an :math:`H^*`-dimensional family of parameters of
    the same function, transversally to the others; the same tube round that family has :math:`V(t)
    ≥ c\,t^{(D^* - H^*)/2}`. ∎

    That the complexity of an overparametrised ReLU network is bounded by that of the truth is due
    to Nagayasu and Watanabe [nagayasu2023bayesian]_ (the post behind this library mentions it in
    its footnote 7); the constants above are those of this proof, not a quotation. For one hidden
    layer of d nodes, N inputs and M outputs the second is :math:`(d(N + M) + M)/2`, and it is
    sharp: it is λ.

    Args:
        truth: widths of the smallest network that realises the truth, inputs and outputs included.
        model: widths of the model; only compared with the truth's, since the bounds do not depend
            on them.

    Returns:
        Both bounds as fractions, and the exact λ where it is known.

    Raises:
        ValueError: fewer than two widths, or a model that is another depth or narrower than the
            truth.

    >>> for d in (3, 4, 5):
    ...     print(free_energy_bound([2, d, 1], model=[2, 5, 1]))
    λ ≤ 13/2 by the truth's 13 parameters, ≤ 5 without 3 scalings; λ = 5
    λ ≤ 17/2 by the truth's 17 parameters, ≤ 13/2 without 4 scalings; λ = 13/2
    λ ≤ 21/2 by the truth's 21 parameters, ≤ 8 without 5 scalings; λ = 8
    """
    widths = [whole_number(f"truth[{i}]", width) for i, width in enumerate(truth)]
    if len(widths) < 2:
        raise ValueError(
            f"truth: got {list(truth)}; it should be the widths from the inputs to the outputs, at "
            f"least two"
        )
    if model is not None:
        wide = [whole_number(f"model[{i}]", width) for i, width in enumerate(model)]
        if len(wide) != len(widths) or wide[0] != widths[0] or wide[-1] != widths[-1]:
            raise ValueError(
                f"model: got widths {wide}; it should have the depth, inputs and outputs of the "
                f"truth, {widths}"
            )
        narrow = [i for i, (own, least) in enumerate(zip(wide, widths, strict=True)) if own < least]
        if narrow:
            raise ValueError(
                f"model[{narrow[0]}]: got {wide[narrow[0]]} nodes; it should have at least the "
                f"truth's {widths[narrow[0]]}"
            )
    parameters = sum(after * (before + 1) for before, after in itertools.pairwise(widths))
    nodes = sum(widths[1:-1])
    by_directions = Fraction(parameters - nodes, 2)
    exact = by_directions if len(widths) == 3 else None
    return FreeEnergyBound(parameters, nodes, Fraction(parameters, 2), by_directions, exact)
