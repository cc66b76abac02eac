"""``llc``: the local learning coefficient of a trained network."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal

from singlearn.local.names import Selection, Tie
from singlearn.local.reading import read
from singlearn.local.result import LocalLearningCoefficient
from singlearn.local.sampled import Progress
from singlearn.local.sampling import sample
from singlearn.local.settings import Settings
from singlearn.local.target import Target, Tempering

DEFAULT_BATCH = 64


def llc(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    *,
    parameters: Any = None,
    only: Selection = None,
    gamma: Tie = 10.0,
    nbeta: float | int | None = None,
    sampler: Literal["auto", "sgld", "hmc"] = "auto",
    chains: int = 8,
    batch_size: int = DEFAULT_BATCH,
    largest_batch: int = 4096,
    tolerance: float = 0.02,
    max_steps: int = 100_000,
    chains_at_once: int | None = None,
    compile: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> LocalLearningCoefficient:
    r"""Local learning coefficient at the model's present parameters w* (Lau et al. 2023 [lau2023local]_).

    .. math:: \hat λ(w^*) = nβ \left( E[L_n(w)] - L_n(w^*) \right), \qquad w ∼ \exp\left(-nβ L_n(w) - \tfrac{γ}{2} |w - w^*|^2\right).

    Every minibatch is evaluated at the chain and at w*, and the difference is averaged. The step, the batch and the number of steps are
    found by the run; ``status`` says whether the number can be trusted.

    Args:
        model: a ``torch.nn.Module``, or a pure function ``model(parameters, x)`` of JAX arrays.
        loss: per sample, in nats for a likelihood: ``loss(output, target)``; for PyTorch also ``loss(model, batch)``.
        data: tensors with a common first axis, inputs then target, or for PyTorch a ``Dataset``, ``DataLoader`` or Hugging Face data set.
            All of it is held in memory.
        parameters: w* as a pytree, for JAX only.
        only: the parameters to sample: a pattern of names (``"layers.3.attn.*"``), several, or masks by name; the others stay at w*.
        gamma: γ > 0, the tie to w*, in units of 1/parameter². A chain stays within about :math:`\sqrt{d/γ}`. The default suits weights of
            order one; λ̂ depends on it, and a smaller γ needs many more steps. By name, ``{"layers.0.*": 4.0, "*": 1.0}``, with numbers or
            arrays, where parameters have different scales; distances are then in units of the tie, :math:`γ_i^{-1/2}`.
        nbeta: nβ; by default n / log n.
        sampler: ``"hmc"``: exact, on all samples (``max_steps`` then counts gradients of each chain); ``"sgld"``: Langevin steps on
            minibatches; ``"auto"``: exact where all samples cost no more than the overhead of a step, or where Langevin steps turn out
            to be too long for the loss and all samples can be paid, else Langevin.
        chains: at least 4, half of which start at w* and half at :math:`w^* + N(0, 1/γ)`.
        batch_size: of the first minibatches; raised when their noise heats the chains.
        largest_batch: it is not raised beyond this, but the step made smaller.
        tolerance: wanted relative standard error.
        max_steps: steps of each chain at most; a quarter of the counted ones come on top, at twice γ.
        chains_at_once: PyTorch: chains evaluated together, at most. What would take more than a quarter of the memory is evaluated in
            pieces anyway.
        compile: PyTorch: compile what is evaluated more than a thousand times. A minute of compilation for steps twice as fast: for long
            runs. Without a working compiler the run goes on as it would have.
        seed: same seed, same numbers.
        progress: called with steps done, ``max_steps`` and the present mean excess.

    Returns:
        λ̂ with its error, status and diagnostics.

    Raises:
        ValueError: an argument out of range, fewer samples than ``batch_size``, a loss already averaged over the batch, parameters or
            losses that are not finite.
    """
    one_gamma = 1.0 if isinstance(gamma, Mapping) else gamma
    for name, value in (("gamma", one_gamma), ("tolerance", tolerance), ("nbeta", 1.0 if nbeta is None else nbeta)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name}: got {value}; it should be a positive number")
    if chains < 4:
        raise ValueError(f"chains: got {chains}; agreement of chains with different starts needs at least 4")
    if max_steps < 1000:
        raise ValueError(f"max_steps: got {max_steps}; calibration alone needs some hundred, so it should be at least 1000")
    if batch_size < 1 or largest_batch < batch_size:
        raise ValueError(f"batch_size: got {batch_size} and largest_batch {largest_batch}; it should be from 1 to largest_batch")
    target = _target(model, loss, data, parameters, only, chains_at_once, gamma, compile)
    if target.samples < batch_size and batch_size != DEFAULT_BATCH:
        raise ValueError(f"batch_size: got {batch_size}, but there are only {target.samples} samples; it should be at most that")
    tempering = Tempering(float(target.samples / math.log(target.samples) if nbeta is None else nbeta), target.gamma)
    settings = Settings(chains, float(tolerance), max_steps, batch_size, largest_batch, seed, sampler)
    sampled = sample(target, tempering, settings, progress)
    return read(target, tempering, sampled, settings.tolerance, seed)


def _target(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    parameters: Any,
    only: Selection,
    chains_at_once: int | None,
    gamma: Tie,
    compile: bool,
) -> Target:
    # Whoever passes a module has imported torch; nobody else needs it.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        if parameters is not None:
            raise ValueError("parameters: a module brings its own; leave them out")
        from singlearn.local.pytorch import TorchTarget

        return TorchTarget(model, loss, data, only, chains_at_once, gamma, compile)
    if parameters is None:
        raise ValueError("parameters: missing; a function model(parameters, x) needs w* as a pytree (a torch.nn.Module does not)")
    from singlearn.local.jax_function import JaxTarget

    return JaxTarget(model, loss, data, parameters, only, gamma)
