"""What is known about a problem, and how it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from singlearn.results.result import Answer

QUANTITIES = ("free_energy", "energy", "heat_capacity", "mean", "mean_square", "phase_share")
"""What a number may be of: F(β), E(β) and C(β), the mean of a parameter or of its square, and the
posterior probability of a phase, at β."""


@dataclass(frozen=True)
class KnownValue(Answer):
    """A number that is known, with its error and the method that gave it.

    Attributes:
        quantity: one of :data:`QUANTITIES`.
        inverse_temperature: β.
        value: in nats for F and E.
        error: a bound that the method gives for its own error; of a closed form that of rounding.
        method: ``closed form``, ``quadrature``, or ``agreed reference of two methods``.
        of: for ``mean`` and ``mean_square`` the parameter with its place, ``means[0]``; for
            ``phase_share`` the name of the phase.
    """

    quantity: str
    inverse_temperature: float
    value: float
    error: float
    method: str
    of: str = ""

    @property
    def key(self) -> tuple[str, float, str]:
        """What a sampler's reading of the same number has, too."""
        return self.quantity, self.inverse_temperature, self.of

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> KnownValue:
        """The inverse of ``to_dict``."""
        return cls(**document)


@dataclass(frozen=True)
class KnownCoefficient(Answer):
    """λ and m, and who proved them.

    Attributes:
        value: λ as a fraction in words.
        multiplicity: m.
        source: a theorem, or a certificate that :func:`singlearn.exact.verify` accepts.
        conditions: on the truth and the prior.
    """

    value: str
    multiplicity: int
    source: str
    conditions: str = ""

    @classmethod
    def from_dict(cls, document: Mapping[str, Any] | None) -> KnownCoefficient | None:
        """The inverse of ``to_dict``; nothing where λ is not known."""
        return None if document is None else cls(**document)


@dataclass(frozen=True)
class Phase(Answer):
    """A part of the parameter space: one coordinate above or below a threshold.

    Attributes:
        name: of the phase.
        parameter: with its place, ``means[0]``.
        above: lower bound; ``None``: none.
        below: upper bound; ``None``: none.
    """

    name: str
    parameter: str
    above: float | None = None
    below: float | None = None

    def holds(self, values: Any) -> Any:
        """Whether draws of the coordinate lie in the phase.

        Returns:
            True or false for each draw.

        >>> import numpy as np
        >>> Phase("right", "x", above=0.5).holds(np.array([0.0, 1.0])).tolist()
        [False, True]
        """
        inside = values == values
        if self.above is not None:
            inside = inside & (values > self.above)
        if self.below is not None:
            inside = inside & (values < self.below)
        return inside
