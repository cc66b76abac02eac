"""The laws of a PyTorch module, read from what it does when it runs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from singlearn.flow.law import BilinearLaw, GramLaw, Law, SumLaw
from singlearn.flow.laws_found import Broken, Laws
from singlearn.flow.laws_spaces import ZERO
from singlearn.flow.networks.convolution import commuting
from singlearn.flow.torch_module_inputs import example_inputs, quietly
from singlearn.flow.torch_module_operations import follow
from singlearn.flow.torch_module_trace import Tape

TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-3}
"""A violation that is more than this, relative to what the parts of a law would give alone, refutes
it."""
FLOOR = 1e-3
"""Gradients smaller than this, relative to the largest, are measured in units of it: what is zero
but for rounding has no size of its own.
"""
MOST_IN_DOUBLE = 20_000_000
CHECKS = 2


def module_laws(
    model: nn.Module, inputs: Any, loss: str | None, outputs: Callable[[Any], Any] | None, seed: int
) -> Laws:
    """What :func:`singlearn.flow.laws` does for a module.

    Args:
        model: the module, in the mode (training or evaluation) in which it is.
        inputs: the arguments of a call, or None.
        loss: "cross_entropy" or None.
        outputs: what of the result the loss sees.
        seed: of the check.

    Returns:
        The laws.

    Raises:
        ValueError: complex parameters, no parameters that move, or inputs with which it does not
            run.
    """
    _refuse(model)
    given = _arguments(model, inputs)
    tape = Tape(model, follow)
    with torch.no_grad(), quietly(model):
        try:
            with tape.listening():
                result = model(*given)
        except Exception as error:
            raise ValueError(
                f"inputs: {type(model).__name__} does not run with them ({error})"
            ) from error
    seen = _seen(result, outputs)
    for tensor in seen:
        if not tape.is_followed(tensor):
            continue
        ids = tape.ids(tensor)
        tape.uses.spaces.pin(ids[ids != ZERO])
        if loss == "cross_entropy":
            for row in np.unique(tape.labels(tensor).reshape(-1, tensor.shape[-1]).numpy(), axis=0):
                tape.uses.shifts.row(row[row > 0])
            tape.uses.shifts.see(ids, ("row",))
        else:
            tape.uses.shifts.see(ids)
    shifts = tape.uses.shift_laws()
    claimed: list[Law] = [*tape.uses.gram_laws(still=shifts), *shifts]
    perhaps = _commuting_kernels(claimed, tape.uses.shapes)
    without = list(tape.notes.curved)
    unused = [name for name in tape.moving if name not in tape.used]
    without += [f"{name}: this run does not use it, so that it does not move" for name in unused]
    if tape.frozen:
        names = ", ".join(tape.frozen)
        without.append(f"frozen, laws that depend on their values are not listed: {names}")
    kept, refuted, worst = _checked(model, given, [*claimed, *perhaps], loss, outputs, seed)
    refuted = [law for law in refuted if law not in perhaps]
    notes = [
        *tape.notes.unknown,
        *(
            f"{law.formula}: it was read off, but automatic differentiation refutes it"
            for law in refuted
        ),
    ]
    broken = _broken(tape, shifts, kept, model, given, outputs)
    return Laws(tuple(kept), tuple(without), tuple(notes), broken, worst)


def _commuting_kernels(claimed: list[Law], shapes: Mapping[str, tuple[int, ...]]) -> list[Law]:
    """Between two linear convolutions with one channel at both ends and equal kernels; the check
    decides.
    """
    found: list[Law] = []
    for law in claimed:
        if isinstance(law, GramLaw) and law.entries == "symmetric" and len(law.terms) == 2:
            a, b = (shapes[term.parameter] for term in law.terms)
            if len(a) == 3 and a[1] == b[0] == 1 and a[0] == b[1] > 1 and a[2] == b[2]:
                found.append(commuting(a[0], a[2], law.terms[0].parameter, law.terms[1].parameter))
    return found


def _refuse(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.is_complex():
            raise ValueError(
                f"model: {name} is {parameter.dtype}; it should be real, gradient flow of complex "
                f"weights has other laws"
            )
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise ValueError(f"model: {name} has no shape yet; run the module once on data")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            f"model: {type(model).__name__} has no parameter that moves; a law says what stays "
            f"while weights move"
        )


def _arguments(model: nn.Module, inputs: Any) -> tuple[Any, ...]:
    if inputs is None:
        return example_inputs(model)
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    return tuple(torch.as_tensor(part) if isinstance(part, np.ndarray) else part for part in given)


def _seen(result: Any, outputs: Callable[[Any], Any] | None) -> list[torch.Tensor]:
    """What of a result a loss sees."""
    if outputs is not None:
        result = outputs(result)
    elif hasattr(result, "logits"):
        result = result.logits
    elif hasattr(result, "last_hidden_state"):
        result = result.last_hidden_state
    found = _tensors(result)
    if not found:
        raise ValueError(
            f"outputs: the module gives a {type(result).__name__} without floating-point tensors"
        )
    return found


def _tensors(result: Any) -> list[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        return [result] if result.is_floating_point() else []
    parts = (
        result.values()
        if isinstance(result, Mapping)
        else result
        if isinstance(result, (list, tuple))
        else ()
    )
    return [tensor for part in parts for tensor in _tensors(part)]


def _checked(
    model: nn.Module,
    given: tuple[Any, ...],
    claimed: list[Law],
    loss: str | None,
    outputs: Callable[[Any], Any] | None,
    seed: int,
) -> tuple[list[Law], list[Law], float]:
    """Every law is orthogonal to gradients of random combinations of what the loss sees, at random
    weights.
    """
    size = sum(p.numel() for p in model.parameters())
    dtype = torch.float64 if size <= MOST_IN_DOUBLE else torch.float32
    other = copy.deepcopy(model).to(dtype)
    points = tuple(
        x.to(dtype) if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in given
    )
    generator = torch.Generator().manual_seed(seed)
    worst = {id(law): 0.0 for law in claimed}
    for _ in range(CHECKS if dtype == torch.float64 else 1):
        with torch.no_grad():
            for p in other.parameters():
                noise = torch.randn(p.shape, generator=generator, dtype=dtype)
                spread = float(p.std()) if p.numel() > 1 else 0.0
                p.add_(noise.to(p.device), alpha=0.3 * (spread or 0.3))
        moving = {name: p for name, p in other.named_parameters() if p.requires_grad}
        with quietly(other):
            total = _random_combination(_seen(other(*points), outputs), loss, generator)
            if not total.requires_grad:
                break
            gradients = torch.autograd.grad(total, list(moving.values()), allow_unused=True)
        w = {name: p.detach().cpu() for name, p in moving.items()}
        g = {
            name: torch.zeros_like(w[name]) if x is None else x.cpu()
            for name, x in zip(moving, gradients, strict=True)
        }
        largest = max(float(x.norm()) for x in g.values())
        for law in claimed:
            worst[id(law)] = max(worst[id(law)], violation(law, w, g, largest))
    kept = [law for law in claimed if worst[id(law)] <= TOLERANCE[dtype]]
    refuted = [law for law in claimed if worst[id(law)] > TOLERANCE[dtype]]
    return kept, refuted, max((worst[id(law)] for law in kept), default=0.0)


def _random_combination(
    seen: list[torch.Tensor], loss: str | None, generator: torch.Generator
) -> torch.Tensor:
    """A random linear loss, or one that sees differences of logits only."""
    total = torch.zeros((), dtype=seen[0].dtype)
    for tensor in seen:
        if tensor.requires_grad:
            weights = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype).to(
                tensor.device
            )
            weights = (
                weights - weights.mean(-1, keepdim=True) if loss == "cross_entropy" else weights
            )
            total = total + (tensor * weights).sum()
    return total


def violation(
    law: Law, w: Mapping[str, torch.Tensor], g: Mapping[str, torch.Tensor], largest: float
) -> float:
    """The part of ∇h along a gradient, relative to the sizes of both.

    Args:
        law: quadratic or a sum.
        w: parameters.
        g: the gradient.
        largest: norm of the gradient by the parameter that has most of it.
    """
    if isinstance(law, SumLaw):
        sums = np.abs(law.values(g)).max(initial=0.0)
        scale = float(g[law.parameter].norm()) * np.sqrt(
            1 if law.entries else g[law.parameter].shape[law.axis]
        )
        return float(sums / max(scale, FLOOR * largest, 1e-300))
    if isinstance(law, BilinearLaw):
        at = {name: w[name].numpy() for name in (law.first, law.second)}
        slopes = law.differentials(at)
        values = [
            abs(sum(float(np.sum(slope[name] * g[name].numpy())) for name in slope))
            for slope in slopes
        ]
        return max(values) / max(largest * max(float(w[name].norm()) for name in at), 1e-300)
    assert isinstance(law, GramLaw)
    part = float(law.form(w, g).abs().max())
    norms = [
        (float(t.rows(w).norm()), float(t.rows(g).norm()), abs(t.coefficient)) for t in law.terms
    ]
    scale = sum(c * a * b for a, b, c in norms)
    return part / max(scale, FLOOR * largest * max(a for a, _, _ in norms), 1e-300)


def _broken(
    tape: Tape,
    shifts: list[SumLaw],
    kept: list[Law],
    model: nn.Module,
    given: tuple[Any, ...],
    outputs: Callable[[Any], Any] | None,
) -> tuple[Broken, ...]:
    """Laws of the same network with the ε of all norms left out, less those that hold."""
    if not tape.norms:
        return ()
    true = {law.formula for law in kept}
    norms = ", ".join(dict.fromkeys(tape.norms))
    return tuple(
        Broken(law, f"the ε of {norms}", _rate(law, model, given, outputs))
        for law in tape.uses.gram_laws(True, shifts)
        if law.formula not in true
    )


def _rate(
    law: GramLaw, model: nn.Module, given: tuple[Any, ...], outputs: Callable[[Any], Any] | None
) -> Callable[..., Any]:
    def rate(loss: Callable[[Any], torch.Tensor], *inputs: Any) -> np.ndarray:
        """The rate dQ/dt under the gradient flow of a loss.

        Args:
            loss: of what the network gives.
            inputs: of the network; those with which it was read if none.
        """
        result = model(*(inputs or given))
        result = result if outputs is None else outputs(result)
        moving = {name: p for name, p in model.named_parameters() if p.requires_grad}
        found = torch.autograd.grad(loss(result), list(moving.values()), allow_unused=True)
        w = {name: p.detach().double().cpu() for name, p in moving.items()}
        g = {
            name: torch.zeros_like(w[name]) if x is None else x.double().cpu()
            for name, x in zip(moving, found, strict=True)
        }
        return np.asarray(-2 * law.form(w, g))

    return rate
