"""What a sampler needs to know of a model: one protocol, spoken by the PyTorch and the JAX side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Integer

from singlearn.local.names import Tie
from singlearn.results.caution import Caution, Reason


@dataclass(frozen=True)
class Tempering:
    r"""The posterior :math:`∝ \exp(-nβ L_n(w) - \frac{γ}{2} |w - w^*|^2)`.

    Attributes:
        nbeta: nβ, in units of 1/loss.
        gamma: γ, in units of 1/parameter².
    """

    nbeta: float
    gamma: float


class Traces(NamedTuple):
    r"""What is written down at every step of every chain, in float64.

    Attributes:
        excess: nβ (L(w) - L(w*)), both on the same samples.
        squared_distance: |w - w*|².
        virial: :math:`⟨w - w^*, ∇U(w)⟩` of the potential :math:`U = nβ L + \frac γ2 |w - w^*|^2`,
            on the same samples; its mean is d under the posterior
            (:mod:`singlearn.local.sampling.discretisation`). ``None`` where it was not recorded.
    """

    excess: Float[np.ndarray, "chains draws"]
    squared_distance: Float[np.ndarray, "chains draws"]
    virial: Float[np.ndarray, "chains draws"] | None = None


class Flight(NamedTuple):
    r"""Where a Hamiltonian trajectory is.

    Attributes:
        offset: w - w*.
        momentum: with unit mass.
        excess: nβ (L_n(w) - L_n(w*)).
        force: gradient of the potential :math:`nβ L_n + \frac γ2 |w - w^*|^2`.
    """

    offset: Float[np.ndarray, "chains d"]
    momentum: Float[np.ndarray, "chains d"]
    excess: Float[np.ndarray, " chains"]
    force: Float[np.ndarray, "chains d"]


class Trial(NamedTuple):
    """One Langevin step that was judged.

    Attributes:
        state: after the step.
        acceptance: what Metropolis would have accepted it with, on the minibatch of the step.
        gradient_noise: |nβ (g_1 - g_2)|² of two minibatches at the point before the step.
    """

    state: Any
    acceptance: Float[np.ndarray, " chains"]
    gradient_noise: Float[np.ndarray, " chains"]


def in_float32(kind: str) -> Caution:
    """The note of a network whose parameters have 16 bits."""
    return Caution(
        Reason.NUMBER_TYPE,
        f"the parameters are {kind}, and most steps are smaller than its last digit: chains and "
        "losses are computed in float32",
    )


@runtime_checkable
class Target(Protocol):
    """A model with its data at w*. ``state`` is the backend's own: positions, last noise, random
    numbers; it is never changed in place.

    Where γ was given parameter by parameter, coordinates are rescaled so that one number,
    ``gamma``, applies. ``tie`` is γ in units of the parameters, and ``chosen`` whether nobody gave
    it.
    ``groups`` are the coordinates of every tensor, and ``rounding`` is the error of L_n(w) -
    L_n(w*) by the rounding of losses (:func:`singlearn.local.checks.rounding.rounding_of_mean`).
    """

    samples: int
    dimension: int
    centre_loss: float
    gamma: float
    tie: Tie
    chosen: bool
    groups: dict[str, slice]
    rounding: float
    notes: tuple[Caution, ...]

    @property
    def cost(self) -> int:
        """Multiplications and additions of the loss of one sample, about: at least the number of
        all parameters of the network.
        """

    def place(self, offset: Float[np.ndarray, "chains d"], seed: int) -> Any:
        """Chains at w* + ``offset``."""

    def offset(self, state: Any) -> Float[np.ndarray, "chains d"]:
        """Where chains are, minus w*."""

    def begin(self, spread: Float[np.ndarray, " chains"], seed: int) -> Any:
        """Chains at w* + ``spread`` × standard normal numbers."""

    def walk(
        self,
        state: Any,
        step: Float[np.ndarray, " chains"],
        batch: int,
        steps: int,
        tempering: Tempering,
    ) -> tuple[Any, Traces]:
        """``steps`` Langevin steps, each on a fresh minibatch of ``batch`` samples (on all of them
        if ``batch`` is ``samples``).
        """

    def attempt(
        self, state: Any, step: Float[np.ndarray, " chains"], batch: int, tempering: Tempering
    ) -> Trial:
        """One step that is judged."""

    def losses(
        self, state: Any, data: Any = None, by_token: bool = False
    ) -> Float[np.ndarray, "chains samples ..."]:
        """Loss of every sample at every chain, minus that at w*; of other samples if ``data`` are
        given; of every token, if ``by_token`` and the loss gives one number per token.
        """

    def full(
        self, offset: Float[np.ndarray, "chains d"]
    ) -> tuple[Float[np.ndarray, " chains"], Float[np.ndarray, "chains d"]]:
        """L_n(w* + offset) - L_n(w*) over all samples, and its gradient."""

    def fly(
        self,
        flight: Flight,
        step: Float[np.ndarray, " chains"],
        leapfrogs: int,
        tempering: Tempering,
    ) -> Flight:
        """``leapfrogs`` leapfrog steps on all samples."""

    def curvature(
        self, vectors: Float[np.ndarray, "k d"], index: Integer[np.ndarray, " m"] | None
    ) -> Float[np.ndarray, "k d"]:
        """Products of the curvature of L_n at w* with the rows of ``vectors``, from the samples
        ``index`` or all.

        The curvature is the Gauss-Newton matrix where the loss is a function of an output and a
        target, else the Hessian.
        """
