"""What a module and a loss have to be, looked at once before chains move: a function of a sample
and the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.utils._pytree import tree_leaves

from singlearn.local.checks.batch_independence import Dependence, Found, find_dependence
from singlearn.local.torch.data import Parts, length
from singlearn.local.torch.gradient import find_contradiction, find_jump
from singlearn.local.torch.probe import Probe, described
from singlearn.local.torch.reads import names_read

NEAR = 0.3
"""Where derivatives are looked at, in units of the tie: at w* a loss may be special."""
AROUND = (0.2, 0.3, 0.5)
FEW, MORE = 8, 32
"""Samples for that, and for jumps."""
NO_GRADIENT = (
    "model: its gradient cannot be computed ({}); nothing in it or in the loss should run under "
    "torch.inference_mode() or write to what "
    "a derivative needs"
)
CALLED_TWICE = "it gives different losses when called twice in evaluation mode"
NOT_RANDOM = (
    "it should not be random or remember calls (dropout by torch.nn.functional needs "
    "training=self.training)"
)
OFTEN = 64
"""Calls of what draws random numbers."""
RELATIVE, OF_SCALE = 1e-3, 1e-5
"""By how much two evaluations of one loss may differ by rounding: of itself, and of the largest."""


def refuse_losses_of_a_wrong_kind(found: Any, some: int) -> None:
    """One real number per sample, of a kind that has a derivative.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(found, torch.Tensor) or tuple(found.shape) != (some,):
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        reason = (
            "it seems averaged over the batch, use reduction='none'"
            if shape == ()
            else 'sum over outputs in the loss, or say tokens="mean" or "sum" where there is one '
            "number per token"
        )
        raise ValueError(
            f"loss: for {some} samples it gave {shape}; it should give one number per sample, "
            f"shape ({some},): {reason}"
        )
    if not found.is_floating_point():
        raise ValueError(
            f"loss: it gave {found.dtype}; it should give real numbers with a derivative by the "
            "parameters"
        )


def refuse_another_function_with_gradients(
    without: torch.Tensor, with_: torch.Tensor, again: Callable[[], torch.Tensor], first: int
) -> None:
    """The loss where gradients are computed is that where they are not.

    Args:
        without: losses of samples at w* without gradients.
        with_: the same with gradients.
        again: the first once more.
        first: number of the first of these samples.

    Raises:
        ValueError: it is another one.
    """
    allowed = RELATIVE * without.abs() + OF_SCALE * without.abs().max() + OF_SCALE
    worst = int(torch.argmax(torch.nan_to_num((with_ - without).abs() - allowed, nan=-1.0)))
    if not float(((with_ - without).abs() - allowed)[worst]) > 0:
        return
    once_more = again()
    if bool(((once_more - without).abs() > allowed).any()):
        worst = int(torch.argmax((once_more - without).abs() - allowed))
        raise ValueError(
            f"model or loss: {CALLED_TWICE}: at w* sample {first + worst} has the loss "
            f"{float(without[worst]):.6g} at one call and "
            f"{float(once_more[worst]):.6g} at the next; {NOT_RANDOM}"
        )
    raise ValueError(
        "model: it is another function where gradients are computed: the loss of sample "
        f"{first + worst} is "
        f"{float(without[worst]):.6g} without and {float(with_[worst]):.6g} with them (does it "
        "ask torch.is_grad_enabled(), or take a fast "
        "path for inference?); chains need one function"
    )


def refuse_random_losses(probe: Probe, at_once: int) -> None:
    """A model or a loss that draws random numbers, and may use them only now and then, is asked
    often.

    Raises:
        ValueError: its losses differ.
    """
    if not probe.draws:
        return
    index = np.arange(min(FEW, at_once, length(probe.data)))
    first = probe.by_number(NEAR, index)
    for _ in range(OFTEN):
        again = probe.by_number(NEAR, index)
        worst = int(np.argmax(np.abs(again - first)))
        if abs(again[worst] - first[worst]) > OF_SCALE * float(np.abs(first).max()):
            found = Found(
                Dependence.CALL,
                worst,
                (float(first[worst]), float(again[worst])),
                (len(index),) * 2,
                NEAR,
            )
            raise ValueError(f"model or loss: {CALLED_TWICE}: {found}; {NOT_RANDOM}")


def refuse_dependence(probe: Probe, at_centre: Float[np.ndarray, " samples"], at_once: int) -> None:
    """Every sample has a loss of its own, the same in every batch and at every call.

    Raises:
        ValueError: it has not; the sentence says whether model or loss is at fault.
    """
    exact = probe.by_number_in_double if probe.small else None
    try:
        found = find_dependence(probe.by_number, len(at_centre), 0, at_centre, exact, at_once)
    except Exception as error:  # in a batch of another size, or away from w*
        raise ValueError(
            f"model: it failed in a batch of another size, or near w* ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); "
            "it should take any number of samples and any parameters"
        ) from error
    if found is None:
        return
    who = _who(probe, found)
    if found.dependence is Dependence.CALL:
        raise ValueError(f"{who}: {CALLED_TWICE}: {found}; {NOT_RANDOM}")
    advice = {
        "model": "a mean or a softmax over the first axis, or statistics of the batch, cannot be "
        "part of it",
        "loss": "it should not divide by the size, a mean or a sum of the batch"
        + (_broadcast(probe) if who == "loss" else ""),
    }.get(who, "each should be treated by itself")
    raise ValueError(
        f"{who}: the loss of a sample depends on the other samples of its batch: {found}; {advice}"
    )


def _who(probe: Probe, found: Found) -> str:
    """Whether outputs depend on the batch, or on the call, too."""
    if probe.of_samples.whole_model:
        return "loss or model"
    values = probe.values(probe.at(found.displacement))
    others = np.setdiff1d(np.arange(min(length(probe.data), 16)), [found.sample])
    own = [found.sample]
    companies = [own, own, [*own, *others], [*others, *own], [*own, *others[:1]]]
    try:
        rows = [
            _row_of_outputs(probe, values, np.array(company), company.index(found.sample))
            for company in companies
        ]
    except Exception:  # a batch of one is too small for it
        return "model"
    relative = OF_SCALE if found.dependence is Dependence.CALL else RELATIVE
    scale = max((float(leaf.abs().max()) for leaf in rows[2] if leaf.numel()), default=0.0)
    for row in rows[1:]:
        for one, other in zip(rows[0], row, strict=True):
            if one.shape == other.shape and not torch.allclose(
                one, other, rtol=relative, atol=OF_SCALE * scale, equal_nan=True
            ):
                return "model"
    return "loss"


def _row_of_outputs(
    probe: Probe, values: dict[str, torch.Tensor], company: Any, place: int
) -> list[torch.Tensor]:
    """The outputs of one sample in a batch."""
    with torch.no_grad():
        leaves = tree_leaves(probe.of_samples.output(values, probe.take(company)))
    return [
        leaf[place]
        for leaf in leaves
        if isinstance(leaf, torch.Tensor) and leaf.ndim and len(leaf) == len(company)
    ]


def _broadcast(probe: Probe) -> str:
    """A word on outputs and targets whose shapes differ, of which a difference is a table of all
    pairs.
    """
    batch = probe.take(slice(0, min(4, length(probe.data))))
    with torch.no_grad():
        output = probe.of_samples.output(probe.values(probe.centre), batch)
    target = next(iter(probe.of_samples.targets(batch)), None)
    if (
        isinstance(output, torch.Tensor)
        and target is not None
        and target.is_floating_point()
        and output.shape != target.shape
    ):
        return (
            f"; outputs are {described(output)} and targets {described(target)}: should they have "
            "one shape?"
        )
    return ""


def refuse_reads_of_other_tensors(
    probe: Probe,
    outside: Mapping[str, torch.Tensor],
    inside: Mapping[str, torch.Tensor],
    computed: Mapping[str, torch.Tensor],
) -> None:
    """The loss is a function of the parameters that the chains move, not of what they leave behind.

    Args:
        probe: the model and its loss.
        outside: the sampled parameters of the caller's own module.
        inside: those of the copy as it was made, in whose place the chains put theirs.
        computed: what the copy keeps of tensors that were once computed from parameters.

    Raises:
        ValueError: one of these is read.
    """
    watched = {f"outside {k}": v for k, v in outside.items()} | {
        f"inside {k}": v for k, v in inside.items()
    }
    watched |= {f"computed {k}": v for k, v in computed.items()}
    batch, values, of_samples = (
        probe.take(slice(0, min(2, length(probe.data)))),
        probe.values(probe.at(NEAR)),
        probe.of_samples,
    )
    kept: list[Any] = []

    def read(function: Callable[[], Any]) -> list[str]:
        with torch.no_grad():
            return names_read(lambda: kept.append(function()), watched)

    if of_samples.whole_model:
        stages = [("loss or model", lambda: of_samples(values, batch))]
    else:
        stages = [
            ("model", lambda: of_samples.output(values, batch)),
            ("loss", lambda: of_samples.of_output(kept[0], batch)),
        ]
    for who, stage in stages:
        for found in read(stage)[:1]:
            kind, name = found.split(" ", 1)
            if kind == "computed":
                raise ValueError(
                    f"model: its forward reads {name}, a tensor that it keeps and that was "
                    "computed before from parameters: it does not "
                    "follow them; compute it in the forward"
                )
            if kind == "inside" or who == "model":
                raise ValueError(
                    f"{who}: it reads the parameter {name} by another way than the module's "
                    "attribute (a view that it keeps, a function "
                    "that closes over the module), which a copy of the module does not follow; "
                    "take it from self in the forward"
                )
            raise ValueError(
                f"{who}: it reads the parameter {name} of the module that was handed over, but "
                "the chains move a copy; write "
                "loss(model, batch), where model is that copy, or take a .detach().clone() of it "
                "before if a constant is meant"
            )


def refuse_a_false_gradient(probe: Probe, groups: Mapping[str, slice], at_once: int) -> None:
    """The gradient is the derivative of the loss.

    Args:
        probe: the model and its loss.
        groups: coordinates of every tensor.
        at_once: samples that fit.

    Raises:
        ValueError: along some parameters it is not, or there is none.
    """
    rng, samples = np.random.default_rng(5), length(probe.data)
    count, more = (max(1, min(samples, most, at_once // 4)) for most in (FEW, MORE))
    batch, larger = (probe.take(rng.choice(samples, size, replace=False)) for size in (count, more))
    # Jumps of several samples up and down may cancel in a sum.
    signs = torch.as_tensor(rng.normal(size=more), device=probe.centre.device)

    found, jump = None, None
    for double in (True, False) if probe.small else (False,):

        def losses(flat: torch.Tensor, double: bool = double) -> torch.Tensor:
            return probe.losses(flat, batch, double)

        def weighted(flat: torch.Tensor, double: bool = double) -> torch.Tensor:
            return signs * probe.losses(flat, larger, double)

        try:
            points = [
                probe.at(displacement).double() if double else probe.at(displacement)
                for displacement in (*AROUND, 0.0, 1.0)
            ]
            found = find_contradiction(losses, points[:-2], groups, probe.tie, 0)
            jump = find_jump(weighted, *points[-2:]) if found is None else None
        except Exception as error:  # float32 may be written into a module
            if double:
                continue
            raise ValueError(NO_GRADIENT.format(" ".join(str(error).split())[:200])) from error
        break
    if jump is not None:
        raise ValueError(
            "loss: it jumps, and has no derivative there: from w* to a point near it the losses of "
            f"{more} samples, weighted at random, change by {jump[0]:.3g}, and their gradients "
            f"account for {jump[1]:.3g}; a loss that counts errors cannot be sampled by gradients: "
            "give a smooth one, such as the cross entropy"
        )
    if found is not None:
        names = ", ".join(found.names[:3]) + (" and others" if len(found.names) > 3 else "")
        raise ValueError(
            f"model: its gradient is not the derivative of the loss: along {names} the loss of "
            f"{count} samples changes by "
            f"{found.difference:.3g} per unit, and the gradient says {found.gradient:.3g}; is a "
            "part of the model or the loss under "
            "torch.no_grad(), detached, or rounded with a gradient of its own? Take that away, "
            "or leave these parameters at w* by only="
        )


def refuse_padding_that_matters(probe: Probe, alone: tuple[tuple[int, Parts], ...]) -> None:
    """A sample has the same loss alone as padded to the longest.

    Raises:
        ValueError: it has another one.
    """
    for number, own in alone:
        for displacement in (0.0, NEAR):
            flat = probe.at(displacement)
            with torch.no_grad():
                padded = float(probe.losses(flat, probe.take(slice(number, number + 1)))[0])
                try:
                    bare = float(probe.losses(flat, own)[0])
                except Exception:  # a module that takes one length only does not see another
                    continue
            if abs(padded - bare) > RELATIVE * max(abs(padded), abs(bare)) + OF_SCALE:
                raise ValueError(
                    f"data: the collate_fn gives sample {number} another shape among others "
                    f"(padding?), and its loss is {bare:.6g} alone "
                    f"and {padded:.6g} among all; model and loss should leave padding out (a "
                    "mask), or all samples have one length"
                )
