"""One model of a family, and how two of them compare out of sample."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from singlearn.measure.criteria import Loo, Waic, standard_error_over_data
from singlearn.results.caution import Caution
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.number import WithError
from singlearn.results.result import Answer
from singlearn.tempering import Run

CRITERIA: tuple[Literal["waic", "loo"], ...] = ("waic", "loo")


@dataclass(frozen=True)
class Candidate(Answer):
    """One model of the family, and what its run says.

    Attributes:
        size: K, the number of components, the rank, ….
        free_energy: F = -log evidence, in nats.
        probability: P(K), with all models of the selection equally probable beforehand.
        wbic: in nats; ``None`` for n < 3.
        waic: in nats, of the whole sample; an estimate of n times the generalisation loss, not of
            F. With the error of the computation and the error over data.
        loo: the same quantity by leave-one-out cross-validation, with what Pareto k̂ says of it.
        bic: in nats.
        is_likelihood_maximum: whether BIC stands at a maximum of the likelihood; where none could
            be reached it stands at the lowest energy the run knows.
        spike_height: nats by which the likelihood rises above the maximum of BIC where the prior
            all but forbids it (a component on two neighbouring observations, say), as far as it was
            met; 0 where it was not.
        learning_coefficient: λ̂, or ``None`` for n too small to read it at 1/log n.
        not_read: why there is no λ̂, in words; ``None`` if there is.
        half_dimension: d/2, what λ would be if the model were regular.
        cautions: why these numbers should not be taken at face value.
    """

    size: int
    free_energy: Estimate
    probability: Estimate
    wbic: Estimate | None
    waic: Waic | None
    loo: Loo | None
    bic: float
    is_likelihood_maximum: bool
    spike_height: float
    learning_coefficient: Estimate | None
    not_read: str | None
    half_dimension: float
    cautions: tuple[Caution, ...]
    run: Run = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The numbers for machines."""
        wbic, waic, loo, coefficient = of_each(
            (self.wbic, self.waic, self.loo, self.learning_coefficient)
        )
        return {
            "K": self.size,
            "free_energy": self.free_energy.to_dict(),
            "probability": self.probability.to_dict(),
            "wbic": wbic,
            "waic": waic,
            "loo": loo,
            "bic": self.bic,
            "is_likelihood_maximum": self.is_likelihood_maximum,
            "spike_height": self.spike_height,
            "learning_coefficient": coefficient,
            "learning_coefficient_is_not_read": self.not_read,
            "half_dimension": self.half_dimension,
            "cautions": of_each(self.cautions),
        }


@dataclass(frozen=True)
class Difference(WithError, Answer):
    """How much worse one model is than the best by WAIC or LOO, in nats.

    Attributes:
        value: of the whole sample; 0 for the best.
        standard_error: of the computation; of both models, which are independent runs.
        standard_error_over_data: paired (ArviZ's ``dse``); ``None`` where the observations of the
            two do not match.
    """

    value: float
    standard_error: float
    standard_error_over_data: float | None

    @property
    def is_decisive(self) -> bool:
        """Whether it is more than two standard errors over data and two of the computation."""
        if self.standard_error_over_data is None:
            return False
        return self.value > 2 * math.hypot(self.standard_error, self.standard_error_over_data)

    def __str__(self) -> str:
        if self.standard_error_over_data is None:
            return (
                f"{Estimate(self.value, self.standard_error)} nats (± is of the computation; the "
                "observations are not the same)"
            )
        return (
            f"{Estimate(self.value, self.standard_error)} nats (± is of the computation; paired "
            f"over data: standard error "
            f"{self.standard_error_over_data:.2g}), "
            f"{'decisive' if self.is_decisive else 'not decisive'}"
        )

    def to_dict(self) -> dict[str, float | None]:
        """The same for machines, in nats."""
        return {
            "value": self.value,
            "standard_error": self.standard_error,
            "standard_error_over_data": self.standard_error_over_data,
        }


def difference(one: Waic | Loo, other: Waic | Loo) -> Difference:
    """How much worse one model predicts than another, by WAIC or LOO of both on the same data.

    Args:
        one: of a run, ``run.loo()``.
        other: the same criterion of another run.

    Returns:
        ``one`` above ``other`` in nats, with the paired error over data.

    Raises:
        TypeError: two criteria that are not of one kind.

    >>> import numpy as np
    >>> from singlearn.measure.criteria import loo
    >>> rng = np.random.default_rng(0)
    >>> y, w = rng.normal(size=50), rng.normal(size=(2, 2000)) / np.sqrt(50)
    >>> right, wrong = (
    ...     loo(-0.5 * (y - (w + y.mean())[..., None]) ** 2 / v - 0.5 * np.log(2 * np.pi * v))
    ...     for v in (1.0, 1.1)
    ... )
    >>> difference(wrong, right).is_decisive
    False
    """
    kinds = {type(one), type(other)}
    if len(kinds) > 1 or not kinds <= {Waic, Loo}:
        raise TypeError(
            f"other: got {type(other).__name__} beside {type(one).__name__}; both should be Waic, "
            f"or both Loo"
        )
    matched = one.pointwise.shape == other.pointwise.shape
    paired = standard_error_over_data(one.pointwise - other.pointwise) if matched else None
    computed = math.hypot(one.standard_error, other.standard_error)
    return Difference(one.value - other.value, computed, paired)
