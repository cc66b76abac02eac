"""A PyTorch module as a target: flat chains × parameters, one vectorised gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch.func import grad, grad_and_value, vmap

from singlearn.local.gamma import choose_gamma
from singlearn.local.names import Selection, Tie, tie_scales
from singlearn.local.sampling.blocks import SAMPLES, VECTORS, curvature_in_blocks
from singlearn.local.sampling.langevin import advance, kick, log_acceptance, tamed
from singlearn.local.sampling.leapfrog import kick_drift_kick
from singlearn.local.sampling.target import Flight, Tempering, Traces, Trial, in_float32
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
from singlearn.local.torch.coordinates import (
    entries_to_sample,
    flat_view,
    one_kind,
    out_of_flat,
    per_direction,
    places,
    widest_kind,
)
from singlearn.local.torch.data import copies, fitted, gather, length, samples_of, take, widened
from singlearn.local.torch.embedding import with_true_gradients
from singlearn.local.torch.evaluation import evaluated_alike
from singlearn.local.torch.gauss_newton import gauss_newton_product, goes_through_its_output
from singlearn.local.torch.loss import LossOfSamples
from singlearn.local.torch.memory import all_memory, operations, samples_at_once
from singlearn.local.torch.module import copied
from singlearn.local.torch.probe import Probe, per_sample
from singlearn.local.torch.random import random_numbers_kept
from singlearn.local.torch.recording import Compiled, record
from singlearn.local.torch.rounding import measured_rounding
from singlearn.running.memory import pieces

CHUNK = 4096
"""Samples of one pass over all the data, at most."""
HALF = (torch.float16, torch.bfloat16)
SAME = 1e-2
"""By how much of the largest numbers may differ by whether they were computed together."""
COPIES = 8
"""Of chains × parameters that a step needs: position, noises, gradient, and what is on the way."""
BLOCK, RANDOM_NUMBERS = 64, 2**20
"""Steps whose random numbers and minibatches are drawn together, at most, and how many numbers
either may be.
"""


Minibatch = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Mean paired difference and its gradient, for every chain, of its position."""


class State(NamedTuple):
    position: torch.Tensor
    noise: torch.Tensor
    generator: torch.Generator


class TorchTarget:
    r"""A module, a per-sample loss and data, at the module's present parameters w*.

    The module is copied and the copy put into evaluation mode: dropout is off, BatchNorm uses its
    running statistics as constants. The caller's module, its mode and the global random numbers are
    not touched. Chains are evaluated together by ``vmap``; a module that does not allow it is
    evaluated chain by chain, and ``notes`` says why. Parameters of 16 bits are evaluated with 32.

    Args:
        model: the module.
        loss: ``loss(output, target)`` or ``loss(model, batch)`` (told apart by the name of the
            first argument), one number a sample.
        data: tensors with a common first axis (a tuple of inputs and target, or a dict), a
            ``Dataset``, a ``DataLoader`` (its order and batches are not used) or a Hugging Face
            data set.
        only: which parameters are sampled; by default those that require a gradient.
        chains_at_once: evaluated together, at most; fewer, and fewer samples, where their
            derivatives would take more than a quarter of the memory.
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
        copy = copied(model)
        self._module = copy.module
        if double:
            self._module.double()
        padded = with_true_gradients(self._module)
        self.notes: tuple[str, ...] = ()
        half = [p.dtype for p in self._module.parameters() if p.dtype in HALF]
        self._widen = bool(half)
        if half:
            self._module._apply(lambda part: part.float() if part.dtype in HALF else part)
            self._note(in_float32(str(half[0])))
        every = {name: p.detach() for name, p in self._module.named_parameters()}
        for name, p in every.items():
            if not bool(torch.isfinite(p).all()):
                raise ValueError(
                    f"model: the parameter {name} has entries that are not finite; a trained "
                    f"network should have none"
                )
        self._masks = entries_to_sample(self._module, only, padded)
        chosen = {name: every[name] for name in self._masks}
        self._device, self._dtype = (
            next(iter(chosen.values())).device,
            widest_kind(list(chosen.values())),
        )
        self._fixed = {**every, **dict(self._module.named_buffers())}
        flat_places = {
            name: places(mask, every[name].is_complex()) for name, mask in self._masks.items()
        }
        self._indices = {
            name: torch.as_tensor(index, device=self._device) for name, index in flat_places.items()
        }
        self._kind = one_kind(self._module)
        brought = samples_of(data, self._device)
        self._data = self._fitted(brought.parts)
        self.samples = length(self._data)
        self.chosen = isinstance(gamma, str)
        self.tie = (
            choose_gamma({name: p.cpu().numpy() for name, p in every.items()})
            if isinstance(gamma, str)
            else gamma
        )
        self.gamma, scales = tie_scales(self._masks, self.tie, known=every)
        scale = np.concatenate(
            [per_direction(scales[name], every[name].is_complex()) for name in self._indices]
        )
        self._scale = torch.as_tensor(scale, dtype=self._dtype, device=self._device)
        at = torch.cat(
            [flat_view(every[name])[index].to(self._dtype) for name, index in self._indices.items()]
        )
        self._centre = at / self._scale
        self.dimension = len(self._centre)
        self._of_samples = LossOfSamples(self._module, loss, brought)
        probe = Probe(
            self._of_samples, self._values, self._fixed, self._data, self._centre, self.gamma**-0.5
        )
        self._writes = True  # what is not known yet
        self._check_loss(probe, half)
        self._at_once = self._count_at_once()
        self._chunk = min(CHUNK, self._at_once)
        self._reference = self._losses_at_centre(probe)
        if not bool(torch.isfinite(self._reference).all()):
            bad = int(torch.nonzero(~torch.isfinite(self._reference))[0, 0])
            raise ValueError(
                f"loss: it is not finite at sample {bad}; it should be at every sample"
            )
        self.centre_loss = float(self._reference.double().mean())
        refuse_random_losses(probe, self._at_once)
        self.groups = self._groups()
        self.rounding = measured_rounding(
            self._of_samples, self._values(self._centre), self._data, self._reference, self._at_once
        )
        refuse_dependence(probe, self._reference.double().cpu().numpy(), self._at_once)
        refuse_padding_that_matters(
            probe, tuple((i, self._fitted(own)) for i, own in brought.alone)
        )
        outside = dict(copy.original.named_parameters())
        refuse_reads_of_other_tensors(
            probe, {name: outside[name] for name in chosen}, chosen, copy.computed
        )
        refuse_a_false_gradient(probe, self.groups, self._at_once)
        self._writes = probe.writes
        self._chains_at_once, self._compile = chains_at_once, compile
        self._records: dict[Any, Callable[..., Any]] = {}
        self._derivative = grad_and_value(self._difference)
        self._vectorised = self._can_vectorise(probe)
        few = take(self._data, slice(0, min(4, self.samples)))
        self._has_output = not self._of_samples.whole_model and goes_through_its_output(
            *self._through_output(few), probe.at(0.3)
        )

    def _count_at_once(self) -> int:
        try:
            return samples_at_once(
                lambda count: self._losses(self._centre, take(self._data, slice(0, count))),
                self._device,
            )
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ValueError(
                f"model: it fails for one sample, or two ({' '.join(str(error).split())[:200]}); "
                f"it should take any number of samples and "
                "compute nothing, such as statistics, from the whole batch"
            ) from error

    def _groups(self) -> dict[str, slice]:
        """Coordinates of every tensor."""
        ends = np.cumsum([len(index) for index in self._indices.values()])
        return {
            name: slice(int(end) - len(index), int(end))
            for end, (name, index) in zip(ends, self._indices.items(), strict=True)
        }

    def _fitted(self, parts: Any) -> Any:
        """In the number types that the module has."""
        return fitted(widened(parts, HALF) if self._widen else parts, self._kind)

    def _held(self, data: Any) -> Any:
        return self._fitted(samples_of(data, self._device).parts)

    def _chunks(self, samples: int) -> list[slice]:
        return [slice(i, min(i + self._chunk, samples)) for i in range(0, samples, self._chunk)]

    def _values(
        self, flat: torch.Tensor, fixed: dict[str, torch.Tensor] | None = None
    ) -> dict[str, torch.Tensor]:
        """All parameters and buffers by name, the chosen ones at ``flat``."""
        values = dict(self._fixed if fixed is None else fixed)
        # The derivative of a split joins the parts once; that of a slice fills as many numbers as
        # there are parameters, once a slice.
        parts = (self._scale * flat).split([len(index) for index in self._indices.values()])
        for (name, index), part in zip(self._indices.items(), parts, strict=True):
            whole = values[name]
            at = flat_view(whole)
            part = part.to(at.dtype)
            values[name] = out_of_flat(
                part if len(index) == at.numel() else at.index_copy(0, index, part), whole
            )
        return values

    def _losses(self, flat: torch.Tensor, batch: Any) -> torch.Tensor:
        """Per-sample losses at the chosen parameters ``flat``."""
        found = self._of_samples(self._values(flat), copies(batch) if self._writes else batch)
        return per_sample(found, length(batch))

    def _difference(self, flat: torch.Tensor, batch: Any, reference: torch.Tensor) -> torch.Tensor:
        # The difference of each sample first, and their sum in float64.
        return (self._losses(flat, batch) - reference).double().mean()

    def _check_loss(self, probe: Probe, half: list[torch.dtype]) -> None:
        some = min(4, self.samples)
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
        for where in self._chunks(self.samples):
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
        return torch.cat(parts)

    def _can_vectorise(self, probe: Probe) -> bool:
        """Whether ``vmap`` allows it and gives the numbers that each chain has alone."""
        index = torch.arange(4, device=self._device).reshape(2, 2) % self.samples
        # With a batch for every chain, so that a branch on the data is seen as well; and not at w*
        # alone.
        some, reference = take(self._data, index), self._reference[index]
        positions = torch.stack([probe.at(0.1), probe.at(0.3)])
        self._vectorised = False
        gradient, value = self._evaluate_at_once(positions, some, reference, own=True)[::-1]
        try:
            gradients, values = _together(self._derivative, (0, 0, 0))(positions, some, reference)
        except (
            Exception
        ) as error:  # whatever the module does that vmap cannot: say so, and go chain by chain
            self._note(
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
                self._note(
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
        some, many = pieces(chains, samples, self._at_once)
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
            self._records[key] = Compiled(found, self._note) if self._compile else found
        return self._records[key]

    def _note(self, reason: str) -> None:
        if reason not in self.notes:
            self.notes = (*self.notes, reason)

    def _minibatches(
        self, steps: int, chains: int, batch: int, generator: torch.Generator
    ) -> list[Minibatch]:
        """For each step the function of the position that a minibatch for every chain defines, or
        that of all samples.
        """
        if batch >= self.samples:
            return [self._full] * steps
        index = torch.randint(
            self.samples, (steps, chains, batch), generator=generator, device=self._device
        )
        samples, (references,) = gather(self._data, index), gather((self._reference,), index)

        def of_step(t: int) -> Minibatch:
            own, reference = take(samples, t), references[t]
            return lambda where: self._evaluate(where, own, reference, own=True)

        return [of_step(t) for t in range(steps)]

    def _steps_together(self, chains: int, batch: int) -> int:
        """How many steps are drawn together: one by one they cost as much as a small network."""
        parts = self._data.values() if isinstance(self._data, dict) else self._data
        sample = 0 if batch >= self.samples else sum(part[0].numel() for part in parts)
        return max(
            1, min(BLOCK, RANDOM_NUMBERS // (chains * max(self.dimension, batch, batch * sample)))
        )

    def _full(self, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        value, gradient = (
            torch.zeros(len(position), dtype=torch.float64, device=self._device),
            torch.zeros_like(position),
        )
        for s in self._chunks(self.samples):
            share = (s.stop - s.start) / self.samples
            part, slope = self._evaluate(
                position, take(self._data, s), self._reference[s], own=False
            )
            value, gradient = value + share * part, gradient + share * slope
        return value, gradient

    @evaluated_alike
    def begin(self, spread: Float[np.ndarray, " chains"], seed: int) -> State:
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
        return State(self._centre + self._column(spread) * kick, noise, generator)

    @evaluated_alike
    def place(self, offset: Float[np.ndarray, "chains d"], seed: int) -> State:
        """Chains at w* + ``offset``."""
        generator = torch.Generator(self._device).manual_seed(seed)
        where = self._centre + torch.as_tensor(offset, dtype=self._dtype, device=self._device)
        return State(where, self._normal(tuple(where.shape), generator), generator)

    def offset(self, state: State) -> Float[np.ndarray, "chains d"]:
        """Where chains are, minus w*."""
        return (state.position - self._centre).double().cpu().numpy()

    @cached_property
    @evaluated_alike
    def cost(self) -> int:
        """Multiplications and additions of the loss of one sample, about."""
        weights = sum(p.numel() for p in self._module.parameters())
        return max(
            weights, operations(lambda: self._losses(self._centre, take(self._data, slice(0, 1))))
        )

    @evaluated_alike
    def walk(
        self,
        state: State,
        step: Float[np.ndarray, " chains"],
        batch: int,
        steps: int,
        tempering: Tempering,
    ) -> tuple[State, Traces]:
        """``steps`` Langevin steps."""
        position, before, generator = _own(state)
        epsilon = self._column(step)
        nbeta, gamma = (
            torch.tensor(number, dtype=self._dtype, device=self._device)
            for number in (tempering.nbeta, tempering.gamma)
        )
        move = self._move(position)
        values, distances, virials = [], [], []
        block = self._steps_together(len(position), batch)
        for begun in range(0, steps, block):
            now = min(block, steps - begun)
            noises = self._normal((now, *position.shape), generator)
            for minibatch, noise in zip(
                self._minibatches(now, len(position), batch, generator), noises, strict=True
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
        return State(position, before, generator), Traces(
            *(trace.T.cpu().numpy() for trace in traces)
        )

    def _move(
        self, position: torch.Tensor
    ) -> Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """The step once the gradient is known, compiled with it."""
        if not self._compile:
            return _moved
        key = ("move", tuple(position.shape))
        if key not in self._records:
            self._records[key] = Compiled(_moved, self._note)
        return self._records[key]

    @evaluated_alike
    def attempt(
        self, state: State, step: Float[np.ndarray, " chains"], batch: int, tempering: Tempering
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

        sampled, other = self._minibatches(2, len(position), batch, generator)
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
            State(there, before, generator),
            acceptance.double().cpu().numpy(),
            tempering.nbeta**2 * noise_force.double().cpu().numpy(),
        )

    @evaluated_alike
    def losses(self, state: State, data: Any = None) -> Float[np.ndarray, "chains samples"]:
        """Loss of every sample at every chain, minus that at w*."""
        samples = self._data if data is None else self._held(data)
        count = length(samples)
        parts = []
        with torch.no_grad():
            for chunk in self._chunks(count):
                some = take(samples, chunk)
                if self._vectorised:
                    at_once = max(
                        1,
                        min(
                            self._at_once // (chunk.stop - chunk.start),
                            self._chains_at_once or len(state.position),
                        ),
                    )
                    there = _together(self._losses, (0, None), at_once)(state.position, some)
                else:
                    there = torch.stack([self._losses(flat, some) for flat in state.position])
                parts.append(there - self._losses(self._centre, some))
        return torch.cat(parts, dim=1).double().cpu().numpy()

    @evaluated_alike
    def full(
        self, offset: Float[np.ndarray, "chains d"]
    ) -> tuple[Float[np.ndarray, " chains"], Float[np.ndarray, "chains d"]]:
        """L_n(w* + offset) - L_n(w*) and its gradient."""
        value, gradient = self._full(
            self._centre + torch.as_tensor(offset, dtype=self._dtype, device=self._device)
        )
        return value.double().cpu().numpy(), gradient.double().cpu().numpy()

    @evaluated_alike
    def curvature(
        self, vectors: Float[np.ndarray, "k d"], index: Integer[np.ndarray, " m"] | None
    ) -> Float[np.ndarray, "k d"]:
        """Gauss-Newton products at w*, or Hessian products for ``loss(model, batch)``."""

        def products(block: np.ndarray, rows: np.ndarray) -> np.ndarray:
            batch = take(self._data, torch.as_tensor(rows, device=self._device))
            rows_of = torch.as_tensor(block, dtype=self._dtype, device=self._device)
            if self._vectorised:
                found = _together(self._product, (0, None))(rows_of, batch)
            else:
                found = torch.stack([self._product(vector, batch) for vector in rows_of])
            return found.detach().double().cpu().numpy()

        # A second derivative keeps about twice as much as a first.
        at_once, samples = pieces(
            min(VECTORS, self._chains_at_once or VECTORS), SAMPLES, max(1, self._at_once // 2)
        )
        return curvature_in_blocks(
            products, vectors, np.arange(self.samples) if index is None else index, at_once, samples
        )

    def _product(self, vector: torch.Tensor, batch: Any) -> torch.Tensor:
        """Curvature times a vector: Gauss-Newton where there is an output."""
        if self._has_output:
            return gauss_newton_product(*self._through_output(batch), self._centre, vector)

        def along(flat: torch.Tensor) -> torch.Tensor:
            return (grad(lambda f: self._losses(f, batch).mean())(flat) * vector).sum()

        product: torch.Tensor = grad(along)(self._centre)
        return product

    def _through_output(self, batch: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """The output as a function of the parameters, and the mean loss as one of the output."""

        def own() -> (
            Any
        ):  # made within each derivative, for what is outside of it may not be written to
            return copies(batch) if self._writes else batch

        return (
            lambda flat: self._of_samples.output(self._values(flat), own()),
            lambda output: self._of_samples.of_output(output, own()).mean(),
        )

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
            value, gradient = self._full(self._centre + offset)
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


def _together(
    function: Callable[..., Any], in_dims: tuple[int | None, ...], at_once: int | None = None
) -> Callable[..., Any]:
    """``vmap``; attention is computed by plain operations, for its fused kernels have no rule for
    it.
    """
    mapped: Callable[..., Any] = vmap(function, in_dims=in_dims, chunk_size=at_once)
    return mapped


def _own(state: State) -> State:
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
