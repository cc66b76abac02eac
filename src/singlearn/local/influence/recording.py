"""Losses along chains that have arrived, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.local.sampling.agreement import diverged
from singlearn.local.sampling.sampled import Sampled
from singlearn.local.target import Target, Tempering, Traces
from singlearn.local.verdict.result import LocalLearningCoefficient
from singlearn.local.verdict.status import Status
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each

Onward = Callable[[int], tuple[Any, Traces]]
"""Makes so many more moves; gives the state and the traces."""


@dataclass(frozen=True)
class Recording:
    """What is known of the chains of one component, and how to go on with them.

    Attributes:
        value: λ̂.
        standard_error: of λ̂.
        status: the verdict.
        cautions: what may be wrong with λ̂, and with what is recorded.
        samples: n.
        nbeta: nβ.
        gamma: γ.
        useful: whether losses are recorded.
        started_away: how far from w* each chain started.
        thinning: steps between two draws.
        sampler: ``"sgld"`` or ``"hmc"``.
        step: of every chain.
        batch: samples of a minibatch.
        draw: of the place in ``offset``, the last one that was kept; -1 for none.
        offset: where the chains were then, minus w*.
    """

    value: float
    standard_error: float
    status: str
    cautions: tuple[Caution, ...]
    samples: int
    nbeta: float
    gamma: float
    useful: bool
    started_away: Float[np.ndarray, " chains"]
    thinning: int
    sampler: str
    step: Float[np.ndarray, " chains"]
    batch: int
    draw: int = -1
    offset: Float[np.ndarray, "chains d"] | None = None

    @classmethod
    def of(
        cls, run: Sampled, found: LocalLearningCoefficient, draws: int, anyway: bool, name: str
    ) -> Recording:
        """Of chains that have arrived.

        Args:
            run: the chains.
            found: the verdict on them.
            draws: that are to be recorded.
            anyway: also where w* is not a minimum.
            name: of the component, for cautions.
        """
        no_minimum = found.status is Status.NOT_LOCAL_MINIMUM
        cautions = found.cautions
        if no_minimum and anyway:
            words = (
                "w* is not a minimum (status not_local_minimum), and numbers are given anyway: "
                "they are covariances under the tied posterior where the chains went, and not the "
                "response of a trained network"
            )
            cautions = (Caution(Reason.NOT_A_MINIMUM, words), *cautions)
        return cls(
            value=found.value,
            standard_error=found.standard_error,
            status=str(found.status),
            cautions=tuple(caution.of(name) for caution in cautions),
            samples=found.samples,
            nbeta=found.nbeta,
            gamma=found.gamma,
            useful=found.status is not Status.DIVERGED and (anyway or not no_minimum),
            started_away=run.started_away,
            thinning=max(1, run.traces.excess.shape[1] // draws),
            sampler=run.sampler,
            step=run.step,
            batch=run.batch,
        )

    def onward(self, target: Target, tempering: Tempering, run: Sampled | None) -> Onward:
        """The chains that go on, from where they were when the last draw was kept.

        Args:
            target: the model at w*.
            tempering: nβ and γ.
            run: the chains themselves, where they were run just now.
        """
        if run is not None:
            return run.record
        assert self.offset is not None
        state = target.place(self.offset, self.draw + 2)
        at = [state]

        def go_on(steps: int) -> tuple[Any, Traces]:
            at[0], traces = target.walk(at[0], self.step, self.batch, steps, tempering)
            return at[0], traces

        return go_on

    def after(self, target: Target, state: Any, draw: int) -> Callable[[], Recording]:
        """The same at a later draw, for whoever wants to keep it."""
        return lambda: replace(self, draw=draw, offset=target.offset(state))

    def to_dict(self) -> dict[str, Any]:
        """All but the place, for machines."""
        plain = {k: v for k, v in vars(self).items() if k not in ("offset", "draw")}
        arrays = {k: getattr(self, k).tolist() for k in ("started_away", "step")}
        return {**plain, **arrays, "cautions": of_each(self.cautions)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Recording:
        """What ``to_dict`` wrote."""
        return cls(
            **dict(plain)
            | {
                "started_away": np.array(plain["started_away"]),
                "step": np.array(plain["step"]),
                "cautions": tuple(Caution.from_dict(one) for one in plain["cautions"]),
            }
        )


def recorded(
    target: Target,
    recording: Recording,
    moving: Onward,
    draws: int,
    shifts: Mapping[str, Any],
    by_token: bool,
    tempering: Tempering,
) -> Iterator[tuple[int, Any, list[Float[np.ndarray, "chains ..."]]]]:
    """Losses of the draws that are still to come: own samples first, then every shift.

    Yields:
        The number of the draw, the state, and the losses; of chains of no use NaN, once, for all
        draws.

    Raises:
        ValueError: a chain diverged meanwhile.
    """
    if not recording.useful:
        state = target.begin(recording.started_away, 0)
        rows = [target.losses(state, data, by_token) for data in (None, *shifts.values())]
        for draw in range(draws):
            yield draw, state, [np.full_like(part, np.nan) for part in rows]
        return
    for draw in range(recording.draw + 1, draws):
        state, traces = moving(recording.thinning)
        if diverged(traces, target.dimension, tempering.gamma):
            raise ValueError(
                "gamma: a chain diverged while losses were recorded; a larger gamma keeps "
                "chains near w*"
            )
        yield (
            draw,
            state,
            [target.losses(state, data, by_token) for data in (None, *shifts.values())],
        )
