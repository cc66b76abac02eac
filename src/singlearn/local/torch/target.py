"""A PyTorch module as a target: chains in the coordinates of its network."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer

from singlearn.local.names import Selection, Tie
from singlearn.local.sampling.langevin import advance, kick, log_acceptance, tamed
from singlearn.local.sampling.leapfrog import kick_drift_kick
from singlearn.local.target import Flight, Tempering, Traces, Trial
from singlearn.local.torch.checks import (
    NO_GRADIENT,
    refuse_a_false_gradient,
    refuse_another_function_with_gradients,
    refuse_dependence,
    refuse_losses_of_a_wrong_kind,
    refuse_padding_that_matters,
    refuse_random_losses,
    refuse_reads_of_other_tensors,
)
from singlearn.local.torch.data import Samples, length, samples_of, take
from singlearn.local.torch.evaluation import Evaluation
from singlearn.local.torch.flat_network import FlatNetwork
from singlearn.local.torch.loss import LossOfSamples
from singlearn.local.torch.memory import all_memory, operations
from singlearn.local.torch.one_function import evaluated_alike
from singlearn.local.torch.probe import Probe
from singlearn.local.torch.random import random_numbers_kept
from singlearn.local.torch.rounding import measured_rounding
from singlearn.results.caution import Caution

COPIES = 8
"""Of chains × parameters that a step needs: position, noises, gradient, and what is on the way."""


class TorchChains(NamedTuple):
    """Chains, the noise of their last step, and their random numbers."""

    position: torch.Tensor
    noise: torch.Tensor
    generator: torch.Generator


class TorchTarget:
    r"""A module, a per-sample loss and data, at the module's present parameters w*.

    The module is a :class:`~singlearn.local.torch.flat_network.FlatNetwork`, its losses and
    derivatives are an :class:`~singlearn.local.torch.evaluation.Evaluation`. The caller's module,
    its mode and the global random numbers are not touched.

    Args:
        model: the module.
        loss: ``loss(output, target)`` or ``loss(model, batch)`` (told apart by the name of the
            first argument), one number per sample.
        data: tensors with a common first axis (a tuple of inputs and target, or a dict), a
            ``Dataset``, a ``DataLoader`` (its order and batches are not used) or a Hugging Face
            data set.
        only: which parameters are sampled; by default those that require a gradient.
        chains_at_once: upper limit on chains evaluated together; it is lowered so that derivatives
            fit into a quarter of the memory.
        gamma: γ; its number on the coordinates that the chains live in is the attribute ``gamma``.
            ``"auto"``: by :func:`singlearn.local.gamma.choose_gamma`. What was taken is the
            attribute ``tie``, and ``chosen`` says by whom.
        compile: compile what is evaluated more than a thousand times.
        double: compute in float64.

    Raises:
        ValueError: a loss averaged over the batch, not finite, random, or of a sample but dependent
            on the others; parameters that are not finite; names that match nothing.
    """

    @random_numbers_kept()
    @evaluated_alike
    def __init__(
        self,
        model: torch.nn.Module,
        loss: Callable[..., Any],
        data: Any,
        only: Selection = None,
        chains_at_once: int | None = None,
        gamma: Tie = 1.0,
        compile: bool = False,
        double: bool = False,
    ) -> None:
        network = self._network = FlatNetwork(model, only, gamma, double)
        self._device, self._dtype, self._centre = network.device, network.dtype, network.centre
        self.dimension, self.groups = network.dimension, network.groups
        self.gamma, self.tie, self.chosen = network.gamma, network.tie, isinstance(gamma, str)
        self._more: tuple[Caution, ...] = ()
        brought = samples_of(data, self._device)
        self._data = network.fitted(brought.parts)
        self.samples = length(self._data)
        self._of_samples = LossOfSamples(network.module, loss, brought)
        probe = Probe(
            self._of_samples,
            network.values,
            network.fixed,
            self._data,
            self._centre,
            self.gamma**-0.5,
        )
        self._check_loss(probe)
        self._evaluation = Evaluation(
            network, self._of_samples, self._data, chains_at_once, compile
        )
        reference = self._losses_at_centre(probe)
        self._evaluation.reference = reference
        self.centre_loss = float(reference.double().mean())
        self.rounding = self._looked_at(probe, brought, reference)
        self._evaluation.prepare(probe)

    @property
    def notes(self) -> tuple[Caution, ...]:
        """What is to be said of the network and how it is evaluated."""
        return (*self._network.notes, *self._evaluation.notes, *self._more)

    def note(self, caution: Caution) -> None:
        """Say one more thing of it."""
        self._more = (*self._more, caution)

    def _looked_at(self, probe: Probe, brought: Samples, reference: torch.Tensor) -> float:
        """Refuse what cannot be sampled; what rounding costs the mean loss.

        Raises:
            ValueError: such a model or loss.
        """
        network, at_once = self._network, self._evaluation.at_once
        refuse_random_losses(probe, at_once)
        rounding = measured_rounding(
            self._of_samples, network.values(self._centre), self._data, reference, at_once
        )
        refuse_dependence(probe, reference.double().cpu().numpy(), at_once)
        refuse_padding_that_matters(
            probe, tuple((i, network.fitted(own)) for i, own in brought.alone)
        )
        outside = dict(network.copy.original.named_parameters())
        refuse_reads_of_other_tensors(
            probe,
            {name: outside[name] for name in network.chosen},
            network.chosen,
            network.copy.computed,
        )
        refuse_a_false_gradient(probe, self.groups, at_once)
        return rounding

    def _check_loss(self, probe: Probe) -> None:
        some, half = min(4, self.samples), self._network.half
        with torch.no_grad():
            try:
                found = probe.first_losses(take(self._data, slice(0, some)))
            except ValueError as error:
                if not half or not isinstance(error.__cause__, RuntimeError):
                    raise
                raise ValueError(
                    f"model: its parameters are {half[0]} and evaluated in float32, but it turns "
                    f"numbers into 16 bits on the way "
                    f"({' '.join(str(error.__cause__).split())[:120]}); leave that to the "
                    f"parameters"
                ) from error
        refuse_losses_of_a_wrong_kind(found, some)

    def _losses_at_centre(self, probe: Probe) -> torch.Tensor:
        """Of all samples; computed with gradients as well, as chains do."""
        parts = []
        for where in self._evaluation.chunks(self.samples):
            with torch.no_grad():
                parts.append(probe.losses(self._centre, take(self._data, where)))
            try:
                with_gradients = probe.losses(
                    self._centre.clone().requires_grad_(True), take(self._data, where)
                ).detach()
            except RuntimeError as error:
                raise ValueError(NO_GRADIENT.format(" ".join(str(error).split())[:200])) from error

            def again(where: slice = where) -> torch.Tensor:
                with torch.no_grad():
                    return probe.losses(self._centre, take(self._data, where))

            refuse_another_function_with_gradients(parts[-1], with_gradients, again, where.start)
        found = torch.cat(parts)
        if not bool(torch.isfinite(found).all()):
            bad = int(torch.nonzero(~torch.isfinite(found))[0, 0])
            raise ValueError(
                f"loss: it is not finite at sample {bad}; it should be at every sample"
            )
        return found

    @evaluated_alike
    def begin(self, spread: Float[np.ndarray, " chains"], seed: int) -> TorchChains:
        """Chains at w* + ``spread`` × standard normal numbers."""
        shape = (len(spread), self.dimension)
        needed, there_is = (
            COPIES * math.prod(shape) * self._centre.element_size(),
            all_memory(self._device),
        )
        if needed > there_is:
            raise MemoryError(
                f"chains: {shape[0]} of {shape[1]} parameters take about {needed / 2**30:.0f} GiB, "
                f"and {self._device} has "
                f"{there_is / 2**30:.0f}; take fewer chains, or sample a part of the parameters by "
                f"only="
            )
        generator = torch.Generator(self._device).manual_seed(seed)
        kick, noise = self._normal(shape, generator), self._normal(shape, generator)
        return TorchChains(self._centre + self._column(spread) * kick, noise, generator)

    @evaluated_alike
    def place(self, offset: Float[np.ndarray, "chains d"], seed: int) -> TorchChains:
        """Chains at w* + ``offset``."""
        generator = torch.Generator(self._device).manual_seed(seed)
        where = self._centre + torch.as_tensor(offset, dtype=self._dtype, device=self._device)
        return TorchChains(where, self._normal(tuple(where.shape), generator), generator)

    def offset(self, state: TorchChains) -> Float[np.ndarray, "chains d"]:
        """Where chains are, minus w*."""
        return (state.position - self._centre).double().cpu().numpy()

    @cached_property
    @evaluated_alike
    def cost(self) -> int:
        """Multiplications and additions of the loss of one sample, about."""
        weights = sum(p.numel() for p in self._network.module.parameters())
        one = take(self._data, slice(0, 1))
        return max(weights, operations(lambda: self._evaluation.losses(self._centre, one)))

    @evaluated_alike
    def walk(
        self,
        state: TorchChains,
        step: Float[np.ndarray, " chains"],
        batch: int,
        steps: int,
        tempering: Tempering,
    ) -> tuple[TorchChains, Traces]:
        """``steps`` Langevin steps."""
        position, before, generator = _own(state)
        epsilon = self._column(step)
        nbeta, gamma = (
            torch.tensor(number, dtype=self._dtype, device=self._device)
            for number in (tempering.nbeta, tempering.gamma)
        )
        move = self._evaluation.kept(("move", tuple(position.shape)), _moved)
        values, distances, virials = [], [], []
        block = self._evaluation.steps_together(len(position), batch)
        for begun in range(0, steps, block):
            now = min(block, steps - begun)
            noises = self._normal((now, *position.shape), generator)
            for minibatch, noise in zip(
                self._evaluation.minibatches(now, len(position), batch, generator),
                noises,
                strict=True,
            ):
                value, gradient = minibatch(position)
                position, distance, virial = move(
                    position, gradient, before, noise, self._centre, epsilon, nbeta, gamma
                )
                before = noise
                values.append(value)
                distances.append(distance)
                virials.append(virial)
        traces = (
            tempering.nbeta * torch.stack(values).double(),
            torch.stack(distances).double(),
            torch.stack(virials).double(),
        )
        return TorchChains(position, before, generator), Traces(
            *(trace.T.cpu().numpy() for trace in traces)
        )

    @evaluated_alike
    def attempt(
        self,
        state: TorchChains,
        step: Float[np.ndarray, " chains"],
        batch: int,
        tempering: Tempering,
    ) -> Trial:
        """One step with fresh noise, judged."""
        position, before, generator = _own(state)
        epsilon = self._column(step)

        def potential(
            where: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            away = where - self._centre
            energy = tempering.nbeta * value + 0.5 * tempering.gamma * (away**2).sum(1)
            return energy, tamed(
                torch.nan_to_num(tempering.nbeta * gradient + tempering.gamma * away), epsilon
            )

        sampled, other = self._evaluation.minibatches(2, len(position), batch, generator)
        value, gradient = sampled(position)
        noise_force = (
            torch.zeros(len(position))
            if batch >= self.samples
            else ((gradient - other(position)[1]) ** 2).sum(1)
        )
        energy, force = potential(position, value, gradient)
        noise = self._normal(tuple(position.shape), generator)
        there = advance(position, force, kick(noise, noise, epsilon), epsilon)
        energy_there, force_there = potential(there, *sampled(there))
        ratio = log_acceptance(energy, energy_there, force, force_there, noise, epsilon)
        acceptance = torch.nan_to_num(torch.exp(torch.clamp(ratio, max=0.0)), nan=0.0)
        return Trial(
            TorchChains(there, before, generator),
            acceptance.double().cpu().numpy(),
            tempering.nbeta**2 * noise_force.double().cpu().numpy(),
        )

    @evaluated_alike
    def losses(
        self, state: TorchChains, data: Any = None, by_token: bool = False
    ) -> Float[np.ndarray, "chains samples ..."]:
        """Loss of every sample, or of every token of it, at every chain, minus that at w*."""
        samples = self._data
        if data is not None:
            samples = self._network.fitted(samples_of(data, self._device).parts)
        found = self._evaluation.losses_of_chains(state.position, samples, by_token)
        return found.double().cpu().numpy()

    @evaluated_alike
    def full(
        self, offset: Float[np.ndarray, "chains d"]
    ) -> tuple[Float[np.ndarray, " chains"], Float[np.ndarray, "chains d"]]:
        """L_n(w* + offset) - L_n(w*) and its gradient."""
        value, gradient = self._evaluation.full(
            self._centre + torch.as_tensor(offset, dtype=self._dtype, device=self._device)
        )
        return value.double().cpu().numpy(), gradient.double().cpu().numpy()

    @evaluated_alike
    def curvature(
        self, vectors: Float[np.ndarray, "k d"], index: Integer[np.ndarray, " m"] | None
    ) -> Float[np.ndarray, "k d"]:
        """Gauss-Newton products at w*, or Hessian products for ``loss(model, batch)``."""
        rows = np.arange(self.samples) if index is None else index
        return self._evaluation.curvature(vectors, rows)

    @evaluated_alike
    def fly(
        self,
        flight: Flight,
        step: Float[np.ndarray, " chains"],
        leapfrogs: int,
        tempering: Tempering,
    ) -> Flight:
        """``leapfrogs`` leapfrog steps on all samples; where a gradient is not a number, the force
        is 0.
        """

        def evaluate(offset: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            value, gradient = self._evaluation.full(self._centre + offset)
            return tempering.nbeta * value, torch.nan_to_num(
                tempering.nbeta * gradient + tempering.gamma * offset
            )

        at: Any = tuple(
            torch.as_tensor(part, dtype=self._dtype, device=self._device) for part in flight
        )
        epsilon = self._column(step)
        for _ in range(leapfrogs):
            at = kick_drift_kick(evaluate, at, epsilon)
        return Flight(*(part.double().cpu().numpy() for part in at))

    def _normal(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=self._device, dtype=self._dtype)

    def _column(self, numbers: Float[np.ndarray, " chains"]) -> torch.Tensor:
        return torch.as_tensor(numbers, dtype=self._dtype, device=self._device)[:, None]


def _own(state: TorchChains) -> TorchChains:
    """With random numbers of its own, so that whoever still has ``state`` can go on from it as
    well.
    """
    return state._replace(generator=state.generator.clone_state())


def _moved(
    position: torch.Tensor,
    gradient: torch.Tensor,
    before: torch.Tensor,
    noise: torch.Tensor,
    centre: torch.Tensor,
    step: torch.Tensor,
    nbeta: torch.Tensor,
    gamma: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where a Langevin step leads; the squared distance from w* where it began, and the virial
    there.
    """
    away = position - centre
    force = torch.nan_to_num(nbeta * gradient + gamma * away)
    there = advance(position, tamed(force, step), kick(before, noise, step), step)
    return there, (away**2).sum(1), (away * force).sum(1)
