"""Losses, paired differences and derivatives of many chains, as much at once as memory allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch.func import grad, grad_and_value, vmap

from singlearn.local.sampling.blocks import SAMPLES, VECTORS, curvature_in_blocks
from singlearn.local.torch.data import copies, gather, length, take
from singlearn.local.torch.flat_network import FlatNetwork
from singlearn.local.torch.gauss_newton import gauss_newton_product, goes_through_its_output
from singlearn.local.torch.loss import LossOfSamples
from singlearn.local.torch.memory import samples_at_once
from singlearn.local.torch.probe import Probe, per_sample
from singlearn.local.torch.recording import Compiled, record
from singlearn.results.caution import Caution, Reason
from singlearn.running.memory import pieces

CHUNK = 4096
"""Samples of one pass over all the data, at most."""
SAME = 1e-2
"""By how much of the largest numbers may differ by whether they were computed together."""
BLOCK, RANDOM_NUMBERS = 64, 2**20
"""Steps whose random numbers and minibatches are drawn together, at most, and how many numbers
either may be.
"""

Minibatch = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Mean paired difference and its gradient, for every chain, of its position."""


class Evaluation:
    """The loss of a network on its data, for many chains.

    Chains are evaluated together by ``vmap``; a module that does not allow it is evaluated chain by
    chain, and ``notes`` says why.

    Args:
        network: the module as a function of one vector.
        of_samples: the module and its loss.
        data: all samples.
        chains_at_once: upper limit on chains evaluated together; it is lowered so that derivatives
            fit into a quarter of the memory.
        compile: compile what is evaluated more than a thousand times.

    Attributes:
        at_once: chains × samples that are evaluated together, at most.
        reference: losses of all samples at w*; to be set before derivatives are asked for.
        writes: whether the model or the loss writes to its samples.
        notes: what is to be said of it.
    """

    def __init__(
        self,
        network: FlatNetwork,
        of_samples: LossOfSamples,
        data: Any,
        chains_at_once: int | None,
        compile: bool,
    ) -> None:
        self._network, self._of_samples, self._data = network, of_samples, data
        self._device, self._centre = network.device, network.centre
        self._chains_at_once, self.compile = chains_at_once, compile
        self.samples = length(data)
        self.notes: tuple[Caution, ...] = ()
        self.writes = True  # what is not known yet
        self.reference = torch.zeros(0)
        self._records: dict[Any, Callable[..., Any]] = {}
        self._derivative = grad_and_value(self._difference)
        self._vectorised = False
        self._has_output = False
        self.at_once = self._count_at_once()
        self._chunk = min(CHUNK, self.at_once)

    def _count_at_once(self) -> int:
        try:
            return samples_at_once(
                lambda count: self.losses(self._centre, take(self._data, slice(0, count))),
                self._device,
            )
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ValueError(
                f"model: it fails for one sample, or two ({' '.join(str(error).split())[:200]}); "
                f"it should take any number of samples and "
                "compute nothing, such as statistics, from the whole batch"
            ) from error

    def prepare(self, probe: Probe) -> None:
        """Find out how derivatives can be computed, once the losses at w* are known.

        Args:
            probe: that has looked at model and loss.
        """
        self.writes = probe.writes
        self._vectorised = self._can_vectorise(probe)
        few = take(self._data, slice(0, min(4, self.samples)))
        self._has_output = not self._of_samples.whole_model and goes_through_its_output(
            *self._through_output(few), probe.at(0.3)
        )

    def chunks(self, samples: int) -> list[slice]:
        """Passes over so many samples."""
        return [slice(i, min(i + self._chunk, samples)) for i in range(0, samples, self._chunk)]

    def losses(self, flat: torch.Tensor, batch: Any) -> torch.Tensor:
        """Per-sample losses at the sampled parameters ``flat``."""
        values = self._network.values(flat)
        found = self._of_samples(values, copies(batch) if self.writes else batch)
        return per_sample(found, length(batch))

    def losses_by_token(self, flat: torch.Tensor, batch: Any) -> torch.Tensor:
        """Losses by sample and token."""
        own = copies(batch) if self.writes else batch
        found: torch.Tensor = self._of_samples.by_token(self._network.values(flat), own)
        return found

    def losses_of_chains(
        self, position: torch.Tensor, samples: Any, by_token: bool = False
    ) -> torch.Tensor:
        """Losses of all these samples at every chain, minus those at w*."""
        losses = self.losses_by_token if by_token else self.losses
        parts = []
        with torch.no_grad():
            for chunk in self.chunks(length(samples)):
                some = take(samples, chunk)
                if self._vectorised:
                    at_once = max(
                        1,
                        min(
                            self.at_once // (chunk.stop - chunk.start),
                            self._chains_at_once or len(position),
                        ),
                    )
                    there = _together(losses, (0, None), at_once)(position, some)
                else:
                    there = torch.stack([losses(flat, some) for flat in position])
                parts.append(there - losses(self._centre, some))
        return torch.cat(parts, dim=1)

    def _difference(self, flat: torch.Tensor, batch: Any, reference: torch.Tensor) -> torch.Tensor:
        # The difference of each sample first, and their sum in float64.
        return (self.losses(flat, batch) - reference).double().mean()

    def _can_vectorise(self, probe: Probe) -> bool:
        """Whether ``vmap`` allows it and gives the numbers that each chain has alone."""
        index = torch.arange(4, device=self._device).reshape(2, 2) % self.samples
        # With a batch for every chain, so that a branch on the data is seen as well; and not at w*
        # alone.
        some, reference = take(self._data, index), self.reference[index]
        positions = torch.stack([probe.at(0.1), probe.at(0.3)])
        self._vectorised = False
        gradient, value = self._evaluate_at_once(positions, some, reference, own=True)[::-1]
        try:
            gradients, values = _together(self._derivative, (0, 0, 0))(positions, some, reference)
        except (
            Exception
        ) as error:  # whatever the module does that vmap cannot: say so, and go chain by chain
            self.note(
                f"chains are evaluated one by one, because vmap said: "
                f"{' '.join(str(error).split())[:200]}"
            )
            return False
        for alone, together in ((value, values), (gradient, gradients)):
            allowed = (
                SAME * (alone.abs().max() + reference.abs().max() * (alone.ndim == 1))
                + SAME * alone.abs()
            )
            if bool(((together - alone).abs() > allowed).any()):
                self.note(
                    "chains are evaluated one by one, because vmap gives other numbers than each "
                    "chain alone"
                )
                return False
        return True

    def _evaluate(
        self, position: torch.Tensor, batch: Any, reference: torch.Tensor, own: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean paired difference and its gradient for every chain, as much at once as fits;
        ``own``: each chain has a batch of its own.
        """
        chains, samples = len(position), reference.shape[-1]
        some, many = pieces(chains, samples, self.at_once)
        some = min(some, self._chains_at_once or chains)
        if some >= chains and many >= samples:
            return self._evaluate_at_once(position, batch, reference, own)
        values, gradients = [], []
        for c in range(0, chains, some):
            where = position[c : c + some]
            value, gradient = (
                torch.zeros(len(where), dtype=torch.float64, device=self._device),
                torch.zeros_like(where),
            )
            for s in range(0, samples, many):
                index = (slice(c, c + some), slice(s, s + many)) if own else slice(s, s + many)
                part, slope = self._evaluate_at_once(
                    where, take(batch, index), reference[index], own
                )
                share = min(many, samples - s) / samples
                value, gradient = value + share * part, gradient + share * slope
            values.append(value)
            gradients.append(gradient)
        return torch.cat(values), torch.cat(gradients)

    def _evaluate_at_once(
        self, position: torch.Tensor, batch: Any, reference: torch.Tensor, own: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self._vectorised:
            with torch.no_grad():
                gradient, value = self._recorded(position, batch, reference, own)(
                    position, batch, reference
                )
            return value, gradient
        values, gradients = [], []
        for c, flat in enumerate(position):
            leaf = flat.detach().clone().requires_grad_(True)
            mine, ours = (take(batch, c), reference[c]) if own else (batch, reference)
            value = self._difference(leaf, mine, ours)
            # Where no sampled parameter acts there is no gradient; it is the derivative all the
            # same.
            (gradient,) = (
                torch.autograd.grad(value, leaf, allow_unused=True)
                if value.requires_grad
                else (None,)
            )
            gradient = torch.zeros_like(flat) if gradient is None else gradient
            values.append(value.detach())
            gradients.append(gradient)
        return torch.stack(values), torch.stack(gradients)

    def _recorded(
        self, position: torch.Tensor, batch: Any, reference: torch.Tensor, own: bool
    ) -> Callable[..., Any]:
        """The vectorised derivative, recorded once for every shape."""
        key = (tuple(position.shape), tuple(reference.shape), own)
        if key not in self._records:
            axis = 0 if own else None
            found = record(_together(self._derivative, (0, axis, axis)), position, batch, reference)
            self._records[key] = Compiled(found, self.note) if self.compile else found
        return self._records[key]

    def kept(self, key: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that is compiled once for every key, if compiling was asked for."""
        if not self.compile:
            return function
        if key not in self._records:
            self._records[key] = Compiled(function, self.note)
        return self._records[key]

    def note(self, reason: str) -> None:
        """What is slower than it could be, and why."""
        caution = Caution(Reason.SLOW, reason)
        if caution not in self.notes:
            self.notes = (*self.notes, caution)

    def minibatches(
        self, steps: int, chains: int, batch: int, generator: torch.Generator
    ) -> list[Minibatch]:
        """For each step the function of the position that a minibatch for every chain defines, or
        that of all samples.
        """
        if batch >= self.samples:
            return [self.full] * steps
        index = torch.randint(
            self.samples, (steps, chains, batch), generator=generator, device=self._device
        )
        samples, (references,) = gather(self._data, index), gather((self.reference,), index)

        def of_step(t: int) -> Minibatch:
            own, reference = take(samples, t), references[t]
            return lambda where: self._evaluate(where, own, reference, own=True)

        return [of_step(t) for t in range(steps)]

    def steps_together(self, chains: int, batch: int) -> int:
        """How many steps are drawn together: one by one they cost as much as a small network."""
        parts = self._data.values() if isinstance(self._data, dict) else self._data
        sample = 0 if batch >= self.samples else sum(part[0].numel() for part in parts)
        return max(
            1,
            min(
                BLOCK,
                RANDOM_NUMBERS // (chains * max(self._network.dimension, batch, batch * sample)),
            ),
        )

    def full(self, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss over all samples, less the reference, and its gradient, of every chain."""
        chunks = self.chunks(self.samples)
        if len(chunks) == 1:
            value, gradient = self._evaluate(position, self._data, self.reference, own=False)
            return value.double(), gradient
        value, gradient = (
            torch.zeros(len(position), dtype=torch.float64, device=self._device),
            torch.zeros_like(position),
        )
        for s in chunks:
            share = (s.stop - s.start) / self.samples
            part, slope = self._evaluate(
                position, take(self._data, s), self.reference[s], own=False
            )
            value, gradient = value + share * part, gradient + share * slope
        return value, gradient

    def curvature(
        self, vectors: Float[np.ndarray, "k d"], index: Integer[np.ndarray, " m"]
    ) -> Float[np.ndarray, "k d"]:
        """Gauss-Newton products at w*, or Hessian products for ``loss(model, batch)``."""

        def products(block: np.ndarray, rows: np.ndarray) -> np.ndarray:
            batch = take(self._data, torch.as_tensor(rows, device=self._device))
            rows_of = torch.as_tensor(block, dtype=self._network.dtype, device=self._device)
            if self._vectorised:
                found = _together(self._product, (0, None))(rows_of, batch)
            else:
                found = torch.stack([self._product(vector, batch) for vector in rows_of])
            value: np.ndarray = found.detach().double().cpu().numpy()
            return value

        # A second derivative keeps about twice as much as a first.
        at_once, samples = pieces(
            min(VECTORS, self._chains_at_once or VECTORS), SAMPLES, max(1, self.at_once // 2)
        )
        return curvature_in_blocks(products, vectors, index, at_once, samples)

    def _product(self, vector: torch.Tensor, batch: Any) -> torch.Tensor:
        """Curvature times a vector: Gauss-Newton where there is an output."""
        if self._has_output:
            return gauss_newton_product(*self._through_output(batch), self._centre, vector)

        def along(flat: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = (
                grad(lambda f: self.losses(f, batch).mean())(flat) * vector
            ).sum()
            return found

        product: torch.Tensor = grad(along)(self._centre)
        return product

    def _through_output(self, batch: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """The output as a function of the parameters, and the mean loss as one of the output."""

        def own() -> (
            Any
        ):  # made within each derivative, for what is outside of it may not be written to
            return copies(batch) if self.writes else batch

        return (
            lambda flat: self._of_samples.output(self._network.values(flat), own()),
            lambda output: self._of_samples.of_output(output, own()).mean(),
        )


def _together(
    function: Callable[..., Any], in_dims: tuple[int | None, ...], at_once: int | None = None
) -> Callable[..., Any]:
    """``vmap``; attention is computed by plain operations, for its fused kernels have no rule for
    it.
    """
    mapped: Callable[..., Any] = vmap(function, in_dims=in_dims, chunk_size=at_once)
    return mapped
