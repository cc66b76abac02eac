"""What is asked of a run: one object for every verb, so that all refuse the same arguments with the
same words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from singlearn.local.names import AUTO, Tie
from singlearn.local.sampling.target import Tempering
from singlearn.running.arguments import random_seed, real_number, whole_number

DEFAULT_BATCH = 64
SAMPLERS: tuple[Literal["auto", "sgld", "hmc"], ...] = ("auto", "sgld", "hmc")
FEWEST_CHAINS, FEWEST_STEPS = 4, 1000


@dataclass(frozen=True)
class Settings:
    """Limits and goals of one run.

    Attributes:
        chains: half of them start at w*, half away from it.
        tolerance: wanted standard error of λ̂, relative.
        max_steps: of every chain, calibration included.
        batch: samples of a minibatch at the start; raised when its noise heats the chains.
        largest_batch: it is not raised beyond this.
        seed: same seed, same numbers.
        gamma: γ, the tie to w*: a number, by name, or ``"auto"``.
        nbeta: nβ; ``None``: n / log n.
        sampler: ``"auto"``, ``"sgld"`` or ``"hmc"``.
    """

    chains: int
    tolerance: float
    max_steps: int
    batch: int
    largest_batch: int
    seed: int
    gamma: Tie = 10.0
    nbeta: float | None = None
    sampler: Literal["auto", "sgld", "hmc"] = "auto"

    @classmethod
    def asked(
        cls,
        *,
        gamma: Any,
        nbeta: Any,
        chains: Any,
        batch_size: Any,
        largest_batch: Any,
        tolerance: Any,
        max_steps: Any,
        seed: Any,
        sampler: Any = "auto",
    ) -> Settings:
        """The settings that a caller asked for, in the words of the verbs' arguments.

        Returns:
            Settings in which every number is of Python's own kind.

        Raises:
            ValueError: an argument that is no such number, or out of range.

        >>> Settings.asked(gamma=-1.0, nbeta=None, chains=8, batch_size=64, largest_batch=4096, tolerance=0.1, max_steps=1000, seed=0)
        Traceback (most recent call last):
        ValueError: gamma: got -1.0; it should be a positive number, "auto", or such numbers by name
        """
        chosen: Literal["auto", "sgld", "hmc"] | None = next(
            (known for known in SAMPLERS if isinstance(sampler, str) and sampler == known), None
        )
        if chosen is None:
            raise ValueError(f'sampler: got {sampler!r}; it should be "auto", "sgld" or "hmc"')
        largest = whole_number("largest_batch", largest_batch)
        batch = whole_number("batch_size", batch_size)
        if largest < batch:
            raise ValueError(
                f"batch_size: got {batch} and largest_batch {largest}; it should be from 1 to "
                f"largest_batch"
            )
        return cls(
            chains=whole_number(
                "chains",
                chains,
                FEWEST_CHAINS,
                why="agreement of chains with different starts needs them",
            ),
            tolerance=real_number(
                "tolerance", tolerance, above=0, meaning="a positive number, such as 0.05"
            ),
            max_steps=whole_number(
                "max_steps", max_steps, FEWEST_STEPS, why="calibration alone needs some hundred"
            ),
            batch=batch,
            largest_batch=largest,
            seed=random_seed(seed),
            gamma=_tie(gamma),
            nbeta=None
            if nbeta is None
            else real_number("nbeta", nbeta, above=0, meaning="a positive number"),
            sampler=chosen,
        )

    def of_samples(self, samples: int) -> Settings:
        """The same for so many samples.

        Raises:
            ValueError: a batch that was asked for and is larger than the data.
        """
        if self.batch > samples and self.batch != DEFAULT_BATCH:
            raise ValueError(
                f"batch_size: got {self.batch}, but there are only {samples} samples; it should be "
                f"at most that"
            )
        return self

    def tied(self, gamma: Tie) -> Settings:
        """The same with another γ."""
        return replace(self, gamma=gamma)

    def tempering(self, samples: int, gamma: float) -> Tempering:
        """nβ, by default n / log n, and γ on the coordinates that the chains live in."""
        return Tempering(
            float(samples / math.log(samples) if self.nbeta is None else self.nbeta), gamma
        )


def _tie(gamma: Any) -> Tie:
    wanted = 'a positive number, "auto", or such numbers by name'
    if isinstance(gamma, str) and gamma == AUTO:
        return AUTO
    if isinstance(gamma, Mapping):
        if not gamma:
            raise ValueError(f"gamma: got no name; it should be {wanted}")
        return gamma  # numbers by name are looked at where the parameters are known
    return real_number("gamma", gamma, above=0, meaning=wanted)
