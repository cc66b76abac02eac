"""The divergence of a network from its own function: which one belongs to a loss, found by what the
loss says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped

Reference = Literal["loss", "self"]
Kind = Literal["squared error", "class labels", "yes or no"]
LossAt = Callable[
    [Shaped[np.ndarray, "m ..."], Shaped[np.ndarray, "m ..."]], Float[np.ndarray, " m"]
]
"""Losses of a few samples, of outputs and targets in the shapes that the network and the data
have."""

SAME = 1e-3
"""Losses agree with a formula if they differ by so much of the largest, in single precision."""
SCALES = (0.3, 1.0, 3.0)
"""Of the random outputs at which a loss is asked."""
UNKNOWN = (
    'loss: with reference="self" the divergence between two outputs of the network has to be '
    "known. It is for a squared error "
    "c |output - target|², for cross entropy of class labels (c times the sum over positions) and "
    "for binary cross entropy of "
    "logits, and at random outputs this loss is none of these ({why}); give one of them, or the "
    "outputs at w* as targets of a "
    'divergence of your own, with reference="loss"'
)


@dataclass(frozen=True)
class Likelihood:
    r"""What a loss says of an output, up to a term without the output.

    Attributes:
        kind: ``squared error``: :math:`c |f - y|^2`; ``class labels``: :math:`c \sum (\log\sum_k
            e^{f_k} - f_y)`; ``yes or no``: :math:`c \sum (\log(1 + e^f) - y f)`.
        factor: c.
        axis: of the classes, in an output with an axis of samples before it.
    """

    kind: Kind
    factor: float
    axis: int = -1


def reference_of(reference: object) -> Reference:
    """The argument, or why it is none.

    Raises:
        ValueError: neither "loss" nor "self".
    """
    if reference == "loss" and isinstance(reference, str):
        return "loss"
    if reference == "self" and isinstance(reference, str):
        return "self"
    raise ValueError(
        f'reference: got {reference!r}; it should be "loss" (the loss itself) or "self" (the '
        f"network's own function at w*)"
    )


def likelihood_of(
    loss_at: LossAt, output: Shaped[np.ndarray, "m ..."], target: Shaped[np.ndarray, "m ..."]
) -> Likelihood:
    """Which likelihood a loss is, by its values at random outputs; nothing is taken from its name
    or its source.

    Args:
        loss_at: the loss.
        output: of the network at a few samples.
        target: of the same samples.

    Raises:
        ValueError: it is none of those whose divergence is known.

    >>> def half(o, t): return 0.5 * ((o - t) ** 2).sum(-1)
    >>> likelihood_of(half, np.zeros((3, 2)), np.ones((3, 2)))
    Likelihood(kind='squared error', factor=0.5, axis=-1)
    """
    if output.dtype.kind != "f":
        raise ValueError(UNKNOWN.format(why=f"the outputs are {output.dtype}"))
    if target.dtype.kind in "iu":
        return _class_labels(loss_at, output, target)
    if target.dtype.kind != "f" or target.size != output.size:
        raise ValueError(
            UNKNOWN.format(
                why=f"outputs have the shape {output.shape}, targets {target.dtype} of shape "
                f"{target.shape}"
            )
        )
    squared = _squared_error(loss_at, output, target)
    found = squared or _yes_or_no(loss_at, output, target)
    if found is None:
        raise ValueError(
            UNKNOWN.format(why="its values at random outputs and targets fit neither formula")
        )
    return found


def _squared_error(loss_at: LossAt, output: np.ndarray, target: np.ndarray) -> Likelihood | None:
    r"""Where ℓ(o, t) - ℓ(t, t) is one multiple of \|o - t\|²."""
    rng, losses, sizes = np.random.default_rng(0), [], []
    for scale in SCALES:
        aim = rng.normal(size=target.shape).astype(target.dtype)
        here = scale * rng.normal(size=output.shape).astype(output.dtype)
        exact = aim.reshape(output.shape).astype(output.dtype)
        losses.append(loss_at(here, aim) - loss_at(exact, aim))
        sizes.append(((here.astype(float) - exact) ** 2).reshape(len(output), -1).sum(1))
    factor = _multiple(np.concatenate(losses), np.concatenate(sizes))
    return None if factor is None else Likelihood("squared error", factor)


def _yes_or_no(loss_at: LossAt, output: np.ndarray, target: np.ndarray) -> Likelihood | None:
    if not np.isin(target, (0, 1)).all():
        return None
    rng, losses, sizes = np.random.default_rng(1), [], []
    for scale in SCALES:
        aim = rng.integers(0, 2, target.shape).astype(target.dtype)
        here = scale * rng.normal(size=output.shape).astype(output.dtype)
        losses.append(loss_at(here, aim))
        said = here.astype(float)
        sizes.append(
            (np.logaddexp(0, said) - said * aim.reshape(output.shape))
            .reshape(len(output), -1)
            .sum(1)
        )
    factor = _multiple(np.concatenate(losses), np.concatenate(sizes))
    return None if factor is None else Likelihood("yes or no", factor)


def _class_labels(loss_at: LossAt, output: np.ndarray, target: np.ndarray) -> Likelihood:
    axes = [
        k for k in range(1, output.ndim) if output.shape[:k] + output.shape[k + 1 :] == target.shape
    ]
    if not axes:
        why = (
            f"targets are whole numbers of shape {target.shape}, and no axis of the outputs "
            f"{output.shape} can be that of the classes"
        )
        raise ValueError(UNKNOWN.format(why=why))
    for axis in axes:
        classes = output.shape[axis]
        if target.min() < 0 or target.max() >= classes:
            why = (
                f"labels go from {target.min()} to {target.max()}, and there are {classes} "
                "classes: positions that are left out?"
            )
            raise ValueError(UNKNOWN.format(why=why))
        rng, losses, sizes = np.random.default_rng(2), [], []
        for scale in SCALES:
            labels = rng.integers(0, classes, target.shape).astype(target.dtype)
            here = scale * rng.normal(size=output.shape).astype(output.dtype)
            losses.append(loss_at(here, labels))
            said = here.astype(float)
            own = np.take_along_axis(said, np.expand_dims(labels.astype(int), axis), axis).squeeze(
                axis
            )
            whole = np.logaddexp.reduce(said, axis=axis)
            sizes.append((whole - own).reshape(len(output), -1).sum(1))
        factor = _multiple(np.concatenate(losses), np.concatenate(sizes))
        if factor is not None:
            return Likelihood("class labels", factor, axis)
    raise ValueError(
        UNKNOWN.format(why="its values at random outputs and labels do not fit cross entropy")
    )


def _multiple(losses: np.ndarray, sizes: np.ndarray) -> float | None:
    """c > 0 where the losses are c times the sizes."""
    losses = np.asarray(losses, dtype=float).reshape(-1)
    if losses.shape != sizes.shape or not np.isfinite(losses).all():
        return None
    factor = float(losses @ sizes / (sizes @ sizes))
    fits = factor > 0 and bool(
        (
            np.abs(losses - factor * sizes) <= SAME * factor * sizes + 1e-5 * factor * sizes.max()
        ).all()
    )
    if not fits:
        return None
    whole = round(2 * factor) / 2
    return whole if whole and abs(factor / whole - 1) < 1e-5 else factor
