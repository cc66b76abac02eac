"""A module and its loss, asked at w* and near it while they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer

from singlearn.local.torch.data import Parts, copies, length, take
from singlearn.local.torch.loss import TOLD_APART, LossOfSamples
from singlearn.local.torch.random import draws_random_numbers

Values = Callable[[torch.Tensor, "dict[str, torch.Tensor]"], "dict[str, torch.Tensor]"]
"""From flat coordinates, and all parameters and buffers at w*, to those of the chain."""
MOST_IN_DOUBLE = 2 * 10**7
"""Parameters of which a copy in double precision is made."""


class Probe:
    """Losses on copies of samples, so that what is written to them is seen and does no harm.

    Args:
        of_samples: the module and its loss.
        values: parameters and buffers by name, of flat coordinates.
        fixed: all parameters and buffers at w*.
        data: all samples.
        centre: w*, in coordinates of the chains.
        tie: :math:`γ^{-1/2}`, in these coordinates.
    """

    def __init__(
        self,
        of_samples: LossOfSamples,
        values: Values,
        fixed: dict[str, torch.Tensor],
        data: Parts,
        centre: torch.Tensor,
        tie: float,
    ) -> None:
        self.of_samples, self._values, self._fixed, self.data = of_samples, values, fixed, data
        self.centre, self.tie = centre, tie
        self.writes = self.draws = False
        generator = torch.Generator(centre.device).manual_seed(0)
        self._direction = torch.randn(
            centre.shape, generator=generator, dtype=centre.dtype, device=centre.device
        )
        self._double: dict[str, torch.Tensor] | None = None

    def at(self, displacement: float) -> torch.Tensor:
        """w* moved in a fixed random direction, by so many ties."""
        return (
            self.centre + displacement * self.tie * self._direction if displacement else self.centre
        )

    def values(self, flat: torch.Tensor, double: bool = False) -> dict[str, torch.Tensor]:
        """Parameters and buffers by name; all in double precision if asked for."""
        return self._values(flat, self._fixed_in_double() if double else self._fixed)

    def take(self, index: Integer[np.ndarray, " m"] | slice) -> Parts:
        """Copies of samples by number."""
        return copies(
            take(
                self.data,
                index
                if isinstance(index, slice)
                else torch.as_tensor(index, device=self.centre.device),
            )
        )

    def losses(self, flat: torch.Tensor, batch: Parts, double: bool = False) -> torch.Tensor:
        """Losses of samples; in double precision throughout if asked for."""
        if double:
            batch = (
                tuple(map(in_double, batch))
                if isinstance(batch, tuple)
                else {key: in_double(part) for key, part in batch.items()}
            )
        given = copies(batch)
        found = per_sample(self.of_samples(self.values(flat, double), given), length(batch))
        self.writes = self.writes or _differ(given, batch)
        return found

    def by_number(
        self, displacement: float, index: Integer[np.ndarray, " m"]
    ) -> Float[np.ndarray, " m"]:
        """Losses of samples by number, where the probe is displaced."""
        with torch.no_grad():
            return self.losses(self.at(displacement), self.take(index)).double().cpu().numpy()

    def by_number_in_double(
        self, displacement: float, index: Integer[np.ndarray, " m"]
    ) -> Float[np.ndarray, " m"]:
        """The same in double precision."""
        with torch.no_grad():
            return (
                self.losses(self.at(displacement).double(), self.take(index), double=True)
                .double()
                .cpu()
                .numpy()
            )

    @property
    def small(self) -> bool:
        """Whether a copy in double precision may be made."""
        return sum(part.numel() for part in self._fixed.values()) <= MOST_IN_DOUBLE

    def _fixed_in_double(self) -> dict[str, torch.Tensor]:
        """Parameters and buffers at w* in double precision."""
        if self._double is None:
            self._double = {name: in_double(part) for name, part in self._fixed.items()}
        return self._double

    def first_losses(self, batch: Parts) -> Any:
        """What the loss says of a first batch, whatever it is.

        Raises:
            ValueError: the model or the loss fails.
        """
        found, self.draws = draws_random_numbers(lambda: self._first_losses(batch))
        return found

    def _first_losses(self, batch: Parts) -> Any:
        given, values = copies(batch), self.values(self.centre)
        if self.of_samples.whole_model:
            return _called(
                lambda: self.of_samples(values, given),
                "loss",
                lambda: f"loss(model, batch) got the model and the batch {described(batch)}",
            )
        output = _called(
            lambda: self.of_samples.output(values, given),
            "model",
            lambda: f"it got {_inputs_described(self.of_samples.inputs(batch))}",
        )
        return _called(
            lambda: self.of_samples.of_output(output, given),
            "loss",
            lambda: (
                f"it got the output {described(output)} and "
                f"{described(self.of_samples.targets(batch))}; {TOLD_APART}"
            ),
        )


def _called(function: Callable[[], Any], argument: str, got: Callable[[], str]) -> Any:
    try:
        return function()
    except Exception as error:  # whatever a caller's module or loss raises
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ValueError(
            f"{argument}: called with the first samples of the data, it failed ({reason}); {got()}"
        ) from error


def _inputs_described(inputs: tuple[torch.Tensor, ...]) -> str:
    whole = [
        i for i, part in enumerate(inputs) if not (part.is_floating_point() or part.is_complex())
    ]
    hint = (
        f"; if part {whole[0]} of the data should be floating-point numbers, give it so, by "
        ".float()"
        if whole
        else ""
    )
    return described(inputs) + hint


def described(tree: Any) -> str:
    """Types and shapes.

    >>> described((torch.zeros(2, 3), {"y": torch.zeros(2, dtype=torch.int64)}))
    '(float32 (2, 3), {y: int64 (2,)})'
    """
    if isinstance(tree, torch.Tensor):
        return f"{str(tree.dtype).removeprefix('torch.')} {tuple(tree.shape)}"
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {described(part)}" for key, part in tree.items()) + "}"
    if isinstance(tree, tuple | list):
        return f"({', '.join(described(part) for part in tree)})"
    return type(tree).__name__


def per_sample(found: torch.Tensor, samples: int) -> torch.Tensor:
    """Losses with an axis of samples, which a module that squeezes its outputs loses for one
    sample.
    """
    return found.reshape(1) if samples == 1 and found.ndim == 0 else found


def in_double(part: torch.Tensor) -> torch.Tensor:
    """Real and complex numbers in double precision."""
    if part.is_complex():
        return part.to(torch.complex128)
    return part.double() if part.is_floating_point() else part


def _differ(one: Parts, other: Parts) -> bool:
    ours, theirs = (parts.values() if isinstance(parts, dict) else parts for parts in (one, other))
    return any(not torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
