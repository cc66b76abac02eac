"""``Chains``: what is asked of a run, one object for every verb, so that all refuse the same
arguments in the same words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from singlearn.local.names import AUTO, Tie
from singlearn.local.target import Tempering
from singlearn.running.arguments import random_seed, real_number, whole_number

DEFAULT_BATCH = 64
SAMPLERS: tuple[Literal["auto", "sgld", "hmc"], ...] = ("auto", "sgld", "hmc")
FEWEST_CHAINS, FEWEST_STEPS = 4, 1000


@dataclass(frozen=True, init=False)
class Chains:
    """Number, goals and limits of the chains of one run.

    The arguments are checked here and nowhere else; every number becomes one of Python's own kind.

    Attributes:
        chains: how many; half of them start at w*, half away from it.
        tolerance: wanted standard error of λ̂, relative.
        max_steps: largest number of steps of each chain, calibration included.
        batch_size: samples of a minibatch at the start; raised when its noise heats the chains.
        largest_batch: largest minibatch; beyond it the step is made smaller instead.
        seed: same seed, same numbers.
        gamma: γ, the tie to w*: a number, by name, or ``"auto"``.
        nbeta: nβ; ``None``: n / log n.
        sampler: ``"auto"``, ``"sgld"`` or ``"hmc"``.

    Raises:
        ValueError: an argument that is no such number, or out of range.

    >>> Chains(gamma=-1.0)
    Traceback (most recent call last):
    ValueError: gamma: got -1.0; it should be a positive number, "auto", or such numbers by name
    """

    chains: int
    tolerance: float
    max_steps: int
    batch_size: int
    largest_batch: int
    seed: int
    gamma: Tie
    nbeta: float | None
    sampler: Literal["auto", "sgld", "hmc"]

    # Anything may be given: what it is, is decided here.
    def __init__(
        self,
        chains: Any = 8,
        tolerance: Any = 0.02,
        max_steps: Any = 100_000,
        batch_size: Any = DEFAULT_BATCH,
        largest_batch: Any = 4096,
        seed: Any = 0,
        gamma: Any = AUTO,
        nbeta: Any = None,
        sampler: Any = "auto",
    ) -> None:
        if not isinstance(sampler, str) or sampler not in SAMPLERS:
            raise ValueError(f'sampler: got {sampler!r}; it should be "auto", "sgld" or "hmc"')
        largest = whole_number("largest_batch", largest_batch)
        batch = whole_number("batch_size", batch_size)
        if largest < batch:
            raise ValueError(
                f"batch_size: got {batch} and largest_batch {largest}; it should be from 1 to "
                f"largest_batch"
            )
        agree = "agreement of chains with different starts needs them"
        checked = {
            "chains": whole_number("chains", chains, FEWEST_CHAINS, why=agree),
            "tolerance": real_number(
                "tolerance", tolerance, above=0, meaning="a positive number, such as 0.05"
            ),
            "max_steps": whole_number(
                "max_steps",
                max_steps,
                FEWEST_STEPS,
                why="calibration alone needs some hundred",
            ),
            "batch_size": batch,
            "largest_batch": largest,
            "seed": random_seed(seed),
            "gamma": _tie(gamma),
            "sampler": sampler,
            "nbeta": None
            if nbeta is None
            else real_number("nbeta", nbeta, above=0, meaning="a positive number"),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def of_samples(self, samples: int) -> Chains:
        """The same for so many samples.

        Raises:
            ValueError: a batch that was asked for and is larger than the data.
        """
        if self.batch_size > samples and self.batch_size != DEFAULT_BATCH:
            raise ValueError(
                f"batch_size: got {self.batch_size}, but there are only {samples} samples; it "
                f"should be at most that"
            )
        return self

    def tied(self, gamma: Tie) -> Chains:
        """The same with another γ."""
        return replace(self, gamma=gamma)

    def tempering(self, samples: int, gamma: float) -> Tempering:
        """nβ, by default n / log n, and γ on the coordinates that the chains live in."""
        nbeta = samples / math.log(samples) if self.nbeta is None else self.nbeta
        return Tempering(float(nbeta), gamma)


def _tie(gamma: Any) -> Tie:
    wanted = 'a positive number, "auto", or such numbers by name'
    if isinstance(gamma, str) and gamma == AUTO:
        return AUTO
    if isinstance(gamma, Mapping):
        if not gamma:
            raise ValueError(f"gamma: got no name; it should be {wanted}")
        return gamma  # numbers by name are looked at where the parameters are known
    return real_number("gamma", gamma, above=0, meaning=wanted)
