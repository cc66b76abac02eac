"""A PyTorch module as a target: flat chains × parameters, one vectorised gradient."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch.func import functional_call, grad, grad_and_value, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from singlearn.local.blocks import SAMPLES, VECTORS, curvature_in_blocks
from singlearn.local.langevin import advance, kick, log_acceptance, tamed
from singlearn.local.leapfrog import kick_drift_kick
from singlearn.local.memory import pieces
from singlearn.local.names import Selection, Tie, choose, tie_scales
from singlearn.local.recorded import Compiled, record
from singlearn.local.target import Flight, Tempering, Traces, Trial, in_float32
from singlearn.local.torch_data import as_tensors, gather, model_form, take, widened
from singlearn.local.torch_memory import all_memory, operations, samples_at_once

CHUNK = 4096
"""Samples of one pass over all the data, at most."""
HALF = (torch.float16, torch.bfloat16)
COPIES = 8
"""Of chains × parameters that a step needs: position, noises, gradient, and what is on the way."""
BLOCK, RANDOM_NUMBERS = 64, 2**20
"""Steps whose random numbers and minibatches are drawn together, at most, and how many numbers either may be."""


Minibatch = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Mean paired difference and its gradient, for every chain, of its position."""


class State(NamedTuple):
    position: torch.Tensor
    noise: torch.Tensor
    generator: torch.Generator


class TorchTarget:
    r"""A module, a per-sample loss and data, at the module's present parameters w*.

    The module is copied and the copy put into evaluation mode: dropout is off, BatchNorm uses its running statistics as constants. The
    caller's module, its mode and the global random numbers are not touched. Chains are evaluated together by ``vmap``; a module that does
    not allow it is evaluated chain by chain, and ``notes`` says why. Parameters of 16 bits are evaluated with 32.

    Args:
        model: the module.
        loss: ``loss(output, target)`` or ``loss(model, batch)`` (told apart by the name of the first argument), one number a sample.
        data: tensors with a common first axis (a tuple of inputs and target, or a dict), a ``Dataset``, a ``DataLoader`` (its order and
            batches are not used) or a Hugging Face data set.
        only: which parameters are sampled; by default those that require a gradient.
        chains_at_once: evaluated together, at most; fewer, and fewer samples, where their derivatives would take more than a quarter of
            the memory.
        gamma: γ; its number on the coordinates that the chains live in is the attribute ``gamma``.
        compile: compile what is evaluated more than a thousand times.

    Raises:
        ValueError: a loss averaged over the batch, not finite, random, or of a sample but dependent on the others; parameters that are
            not finite; names that match nothing.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        loss: Callable[..., Any],
        data: Any,
        only: Selection = None,
        chains_at_once: int | None = None,
        gamma: Tie = 1.0,
        compile: bool = False,
    ) -> None:
        self._module = copy.deepcopy(model).eval()
        self.notes: tuple[str, ...] = ()
        half = [p.dtype for p in self._module.parameters() if p.dtype in HALF]
        self._widen = bool(half)
        if half:
            self._module._apply(lambda part: part.float() if part.dtype in HALF else part)
            self._note(in_float32(str(half[0])))
        self._loss = loss
        self._whole_model = model_form(loss)
        every = {name: p.detach() for name, p in self._module.named_parameters()}
        trainable = {name: tuple(p.shape) for name, p in self._module.named_parameters() if p.requires_grad or only is not None}
        if not trainable:
            raise ValueError("model: none of its parameters requires a gradient; name those to sample by only=")
        for name, p in every.items():
            if not bool(torch.isfinite(p).all()):
                raise ValueError(f"model: the parameter {name} has entries that are not finite; a trained network should have none")
        self._masks = choose(trainable, only)
        first = every[next(iter(self._masks))]
        self._device, self._dtype = first.device, first.dtype
        self._fixed = {**every, **dict(self._module.named_buffers())}
        self._indices = {name: torch.as_tensor(np.flatnonzero(mask), device=self._device) for name, mask in self._masks.items()}
        self._data = self._held(data)
        self.samples = len(self._data[0] if isinstance(self._data, tuple) else next(iter(self._data.values())))
        self.gamma, scales = tie_scales(self._masks, gamma)
        self._scale = torch.as_tensor(np.concatenate([scales[name] for name in self._indices]), dtype=self._dtype, device=self._device)
        at = torch.cat([every[name].reshape(-1)[index].to(self._dtype) for name, index in self._indices.items()])
        self._centre = at / self._scale
        self.dimension = len(self._centre)
        try:
            self._check_loss()
        except RuntimeError as error:
            if not half:
                raise
            raise ValueError(
                f"model: its parameters are {half[0]} and evaluated in float32, but it turns numbers into 16 bits on the way "
                f"({' '.join(str(error).split())[:120]}); leave that to the parameters"
            ) from error
        with sdpa_kernel(SDPBackend.MATH):  # as chains are evaluated: fused kernels hold less
            self._at_once = samples_at_once(lambda count: self._losses(self._centre, take(self._data, slice(0, count))), self._device)
        self._chunk = min(CHUNK, self._at_once)
        with torch.no_grad():
            parts = [self._losses(self._centre, take(self._data, s)) for s in self._chunks(self.samples)]
        self._reference = torch.cat(parts)
        if not bool(torch.isfinite(self._reference).all()):
            bad = int(torch.nonzero(~torch.isfinite(self._reference))[0, 0])
            raise ValueError(f"loss: it is not finite at sample {bad}; it should be at every sample")
        self.centre_loss = float(self._reference.double().mean())
        self._chains_at_once, self._compile = chains_at_once, compile
        self._records: dict[Any, Callable[..., Any]] = {}
        self._derivative = grad_and_value(self._difference)
        self._vectorised = self._can_vectorise()

    def _held(self, data: Any) -> Any:
        tensors = as_tensors(data, self._device)
        return widened(tensors, HALF) if self._widen else tensors

    def _chunks(self, samples: int) -> list[slice]:
        return [slice(i, min(i + self._chunk, samples)) for i in range(0, samples, self._chunk)]

    def _values(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """All parameters and buffers by name, the chosen ones at ``flat``."""
        values = dict(self._fixed)
        # The derivative of a split joins the parts once; that of a slice fills as many numbers as there are parameters, once a slice.
        parts = (self._scale * flat).split([len(index) for index in self._indices.values()])
        for (name, index), part in zip(self._indices.items(), parts, strict=True):
            whole = values[name]
            part = part.to(whole.dtype)
            if len(index) == whole.numel():
                values[name] = part.reshape(whole.shape)
            else:
                values[name] = whole.reshape(-1).index_copy(0, index, part).reshape(whole.shape)
        return values

    def _losses(self, flat: torch.Tensor, batch: Any) -> torch.Tensor:
        """Per-sample losses at the chosen parameters ``flat``."""
        values = self._values(flat)

        def model(*inputs: Any, **named: Any) -> Any:
            return functional_call(self._module, values, inputs, named)

        if self._whole_model:
            return self._loss(model, batch)
        return self._loss(model(*batch[:-1]), batch[-1])

    def _difference(self, flat: torch.Tensor, batch: Any, reference: torch.Tensor) -> torch.Tensor:
        return (self._losses(flat, batch) - reference).mean()

    def _check_loss(self) -> None:
        some = min(4, self.samples)
        batch = take(self._data, slice(0, some))
        with torch.no_grad():
            got = self._losses(self._centre, batch)
            if not isinstance(got, torch.Tensor) or tuple(got.shape) != (some,):
                shape = tuple(got.shape) if isinstance(got, torch.Tensor) else type(got).__name__
                reason = "it seems averaged over the batch, use reduction='none'" if shape == () else "sum over outputs in the loss"
                raise ValueError(f"loss: for {some} samples it gave {shape}; it should give one number a sample, shape ({some},): {reason}")
            again = self._losses(self._centre, batch)
            if not torch.equal(got, again) and bool(torch.isfinite(got).all()):
                raise ValueError("model: it gives different losses when called twice in evaluation mode; it should not be random")
            alone = torch.cat([self._losses(self._centre, take(self._data, slice(i, i + 1))).reshape(1) for i in range(some)])
        if some > 1 and bool(torch.isfinite(got).all()) and not torch.allclose(got, alone, rtol=1e-3, atol=1e-5):
            raise ValueError(
                "loss: the loss of a sample depends on the other samples of its batch (a batch average, or BatchNorm without running "
                "statistics); it should not"
            )

    def _can_vectorise(self) -> bool:
        index = torch.arange(4, device=self._device).reshape(2, 2) % self.samples
        # With a batch for every chain, so that a branch on the data is seen as well.
        some, reference = take(self._data, index), self._reference[index]
        try:
            _together(self._derivative, (0, 0, 0))(torch.stack([self._centre] * 2), some, reference)
        except Exception as error:  # whatever the module does that vmap cannot: say so, and go chain by chain
            self.notes = (*self.notes, f"chains are evaluated one by one, because vmap said: {' '.join(str(error).split())[:200]}",)
            return False
        return True

    def _evaluate(self, position: torch.Tensor, batch: Any, reference: torch.Tensor, own: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean paired difference and its gradient for every chain, as much at once as fits; ``own``: each chain has a batch of its own."""
        chains, samples = len(position), reference.shape[-1]
        some, many = pieces(chains, samples, self._at_once)
        some = min(some, self._chains_at_once or chains)
        if some >= chains and many >= samples:
            return self._evaluate_at_once(position, batch, reference, own)
        values, gradients = [], []
        for c in range(0, chains, some):
            where = position[c : c + some]
            value, gradient = torch.zeros(len(where), dtype=self._dtype, device=self._device), torch.zeros_like(where)
            for s in range(0, samples, many):
                index = (slice(c, c + some), slice(s, s + many)) if own else slice(s, s + many)
                part, slope = self._evaluate_at_once(where, take(batch, index), reference[index], own)
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
                gradient, value = self._recorded(position, batch, reference, own)(position, batch, reference)
            return value, gradient
        values, gradients = [], []
        for c, flat in enumerate(position):
            leaf = flat.detach().clone().requires_grad_(True)
            mine, ours = (take(batch, c), reference[c]) if own else (batch, reference)
            value = self._difference(leaf, mine, ours)
            (gradient,) = torch.autograd.grad(value, leaf)
            values.append(value.detach())
            gradients.append(gradient)
        return torch.stack(values), torch.stack(gradients)

    def _recorded(self, position: torch.Tensor, batch: Any, reference: torch.Tensor, own: bool) -> Callable[..., Any]:
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

    def _minibatches(self, steps: int, chains: int, batch: int, generator: torch.Generator) -> list[Minibatch]:
        """For each step the function of the position that a minibatch for every chain defines, or that of all samples."""
        if batch >= self.samples:
            return [self._full] * steps
        index = torch.randint(self.samples, (steps, chains, batch), generator=generator, device=self._device)
        samples, (references,) = gather(self._data, index), gather((self._reference,), index)

        def of_step(t: int) -> Minibatch:
            own, reference = take(samples, t), references[t]
            return lambda where: self._evaluate(where, own, reference, own=True)

        return [of_step(t) for t in range(steps)]

    def _steps_together(self, chains: int, batch: int) -> int:
        """How many steps are drawn together: one by one they cost as much as a small network."""
        parts = self._data.values() if isinstance(self._data, dict) else self._data
        sample = 0 if batch >= self.samples else sum(part[0].numel() for part in parts)
        return max(1, min(BLOCK, RANDOM_NUMBERS // (chains * max(self.dimension, batch, batch * sample))))

    def _full(self, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        value, gradient = torch.zeros(len(position), dtype=torch.float64, device=self._device), torch.zeros_like(position)
        for s in self._chunks(self.samples):
            share = (s.stop - s.start) / self.samples
            part, slope = self._evaluate(position, take(self._data, s), self._reference[s], own=False)
            value, gradient = value + share * part, gradient + share * slope
        return value, gradient

    def begin(self, spread: Float[np.ndarray, " chains"], seed: int) -> State:
        """Chains at w* + ``spread`` × standard normal numbers."""
        shape = (len(spread), self.dimension)
        needed, there_is = COPIES * math.prod(shape) * self._centre.element_size(), all_memory(self._device)
        if needed > there_is:
            raise MemoryError(
                f"chains: {shape[0]} of {shape[1]} parameters take about {needed / 2**30:.0f} GiB, and {self._device} has "
                f"{there_is / 2**30:.0f}; take fewer chains, or sample a part of the parameters by only="
            )
        generator = torch.Generator(self._device).manual_seed(seed)
        kick, noise = self._normal(shape, generator), self._normal(shape, generator)
        return State(self._centre + self._column(spread) * kick, noise, generator)

    def place(self, offset: Float[np.ndarray, "chains d"], seed: int) -> State:
        """Chains at w* + ``offset``."""
        generator = torch.Generator(self._device).manual_seed(seed)
        where = self._centre + torch.as_tensor(offset, dtype=self._dtype, device=self._device)
        return State(where, self._normal(tuple(where.shape), generator), generator)

    def offset(self, state: State) -> Float[np.ndarray, "chains d"]:
        """Where chains are, minus w*."""
        return (state.position - self._centre).double().cpu().numpy()

    @cached_property
    def cost(self) -> int:
        """Multiplications and additions of the loss of one sample, about."""
        weights = sum(p.numel() for p in self._module.parameters())
        return max(weights, operations(lambda: self._losses(self._centre, take(self._data, slice(0, 1)))))

    def walk(self, state: State, step: Float[np.ndarray, " chains"], batch: int, steps: int, tempering: Tempering) -> tuple[State, Traces]:
        """``steps`` Langevin steps."""
        position, before, generator = _own(state)
        epsilon = self._column(step)
        nbeta, gamma = (torch.tensor(number, dtype=self._dtype, device=self._device) for number in (tempering.nbeta, tempering.gamma))
        move = self._move(position)
        values, distances, virials = [], [], []
        block = self._steps_together(len(position), batch)
        for begun in range(0, steps, block):
            now = min(block, steps - begun)
            noises = self._normal((now, *position.shape), generator)
            for minibatch, noise in zip(self._minibatches(now, len(position), batch, generator), noises, strict=True):
                value, gradient = minibatch(position)
                position, distance, virial = move(position, gradient, before, noise, self._centre, epsilon, nbeta, gamma)
                before = noise
                values.append(value)
                distances.append(distance)
                virials.append(virial)
        traces = (tempering.nbeta * torch.stack(values).double(), torch.stack(distances).double(), torch.stack(virials).double())
        return State(position, before, generator), Traces(*(trace.T.cpu().numpy() for trace in traces))

    def _move(self, position: torch.Tensor) -> Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """The step once the gradient is known, compiled with it."""
        if not self._compile:
            return _moved
        key = ("move", tuple(position.shape))
        if key not in self._records:
            self._records[key] = Compiled(_moved, self._note)
        return self._records[key]

    def attempt(self, state: State, step: Float[np.ndarray, " chains"], batch: int, tempering: Tempering) -> Trial:
        """One step with fresh noise, judged."""
        position, before, generator = _own(state)
        epsilon = self._column(step)

        def potential(where: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            away = where - self._centre
            energy = tempering.nbeta * value + 0.5 * tempering.gamma * (away**2).sum(1)
            return energy, tamed(torch.nan_to_num(tempering.nbeta * gradient + tempering.gamma * away), epsilon)

        sampled, other = self._minibatches(2, len(position), batch, generator)
        value, gradient = sampled(position)
        noise_force = torch.zeros(len(position)) if batch >= self.samples else ((gradient - other(position)[1]) ** 2).sum(1)
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

    def losses(self, state: State, data: Any = None) -> Float[np.ndarray, "chains samples"]:
        """Loss of every sample at every chain, minus that at w*."""
        samples = self._data if data is None else self._held(data)
        count = len(samples[0] if isinstance(samples, tuple) else next(iter(samples.values())))
        parts = []
        with torch.no_grad():
            for chunk in self._chunks(count):
                some = take(samples, chunk)
                if self._vectorised:
                    at_once = max(1, min(self._at_once // (chunk.stop - chunk.start), self._chains_at_once or len(state.position)))
                    there = _together(self._losses, (0, None), at_once)(state.position, some)
                else:
                    there = torch.stack([self._losses(flat, some) for flat in state.position])
                parts.append(there - self._losses(self._centre, some))
        return torch.cat(parts, dim=1).double().cpu().numpy()

    def full(self, offset: Float[np.ndarray, "chains d"]) -> tuple[Float[np.ndarray, " chains"], Float[np.ndarray, "chains d"]]:
        """L_n(w* + offset) - L_n(w*) and its gradient."""
        value, gradient = self._full(self._centre + torch.as_tensor(offset, dtype=self._dtype, device=self._device))
        return value.double().cpu().numpy(), gradient.double().cpu().numpy()

    def curvature(self, vectors: Float[np.ndarray, "k d"], index: Integer[np.ndarray, " m"] | None) -> Float[np.ndarray, "k d"]:
        """Gauss-Newton products at w*, or Hessian products for ``loss(model, batch)``."""

        def products(block: np.ndarray, rows: np.ndarray) -> np.ndarray:
            batch = take(self._data, torch.as_tensor(rows, device=self._device))
            rows_of = torch.as_tensor(block, dtype=self._dtype, device=self._device)
            if self._vectorised:
                found = _together(self._product, (0, None))(rows_of, batch)
            else:
                with sdpa_kernel(SDPBackend.MATH):  # the fused kernels of attention have no second derivative
                    found = torch.stack([self._product(vector, batch) for vector in rows_of])
            return found.detach().double().cpu().numpy()

        # A second derivative keeps about twice as much as a first.
        at_once, samples = pieces(min(VECTORS, self._chains_at_once or VECTORS), SAMPLES, max(1, self._at_once // 2))
        return curvature_in_blocks(products, vectors, np.arange(self.samples) if index is None else index, at_once, samples)

    def _product(self, vector: torch.Tensor, batch: Any) -> torch.Tensor:
        """Curvature times a vector, by reverse differentiation alone: what has no forward derivative has this one."""

        def output(flat: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = functional_call(self._module, self._values(flat), batch[:-1])
            return out

        def along_output(out: torch.Tensor, tangent: torch.Tensor) -> torch.Tensor:
            return (grad(lambda o: self._loss(o, batch[-1]).mean())(out) * tangent).sum()

        def along(flat: torch.Tensor) -> torch.Tensor:
            return (grad(lambda f: self._losses(f, batch).mean())(flat) * vector).sum()

        if self._whole_model:
            return grad(along)(self._centre)
        at = vjp(output, self._centre)
        out, transposed = at[0], at[1]
        # Jᵀu is linear in u, so that its transpose is J.
        forward = vjp(lambda u: transposed(u)[0], torch.zeros_like(out))[1]
        (product,) = transposed(grad(along_output)(out, forward(vector)[0]))
        return product

    def fly(self, flight: Flight, step: Float[np.ndarray, " chains"], leapfrogs: int, tempering: Tempering) -> Flight:
        """``leapfrogs`` leapfrog steps on all samples; where a gradient is not a number, the force is 0."""

        def evaluate(offset: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            value, gradient = self._full(self._centre + offset)
            return tempering.nbeta * value, torch.nan_to_num(tempering.nbeta * gradient + tempering.gamma * offset)

        at: tuple[Any, Any, Any, Any] = tuple(torch.as_tensor(part, dtype=self._dtype, device=self._device) for part in flight)
        epsilon = self._column(step)
        for _ in range(leapfrogs):
            at = kick_drift_kick(evaluate, at, epsilon)
        return Flight(*(part.double().cpu().numpy() for part in at))

    def _normal(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=self._device, dtype=self._dtype)

    def _column(self, numbers: Float[np.ndarray, " chains"]) -> torch.Tensor:
        return torch.as_tensor(numbers, dtype=self._dtype, device=self._device)[:, None]


def _together(function: Callable[..., Any], in_dims: tuple[int | None, ...], at_once: int | None = None) -> Callable[..., Any]:
    """``vmap``, with attention by plain operations: its fused kernels have no rule for vmap and no second derivative."""
    mapped = vmap(function, in_dims=in_dims, chunk_size=at_once)

    def call(*arguments: Any) -> Any:
        with sdpa_kernel(SDPBackend.MATH):
            return mapped(*arguments)

    return call


def _own(state: State) -> State:
    """With random numbers of its own, so that whoever still has ``state`` can go on from it as well."""
    return state._replace(generator=state.generator.clone_state())


def _moved(
    position: torch.Tensor, gradient: torch.Tensor, before: torch.Tensor, noise: torch.Tensor, centre: torch.Tensor, step: torch.Tensor,
    nbeta: torch.Tensor, gamma: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    """Where a Langevin step leads; the squared distance from w* where it began, and the virial there."""
    away = position - centre
    force = torch.nan_to_num(nbeta * gradient + gamma * away)
    there = advance(position, tamed(force, step), kick(before, noise, step), step)
    return there, (away**2).sum(1), (away * force).sum(1)
