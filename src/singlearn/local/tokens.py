"""Losses by token: what the loss of a sample then is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, get_args

Tokens = Literal["mean", "sum"] | None
"""What the loss of a sample is where the loss gives one number per token; ``None``: it gives one
number per sample.
"""


class LossOfTokens:
    """A loss that gives (samples, tokens), as one of samples.

    Args:
        loss: the caller's.
        tokens: ``"mean"`` or ``"sum"``.

    Attributes:
        raw: the caller's.
    """

    def __init__(self, loss: Callable[..., Any], tokens: Literal["mean", "sum"]) -> None:
        functools.update_wrapper(self, loss, updated=())
        self.raw, self.tokens = loss, tokens

    def __call__(self, *arguments: Any) -> Any:
        """Losses of samples."""
        found = self.raw(*arguments)
        shape = getattr(found, "shape", None)
        if shape is None or len(shape) != 2:
            given = type(found).__name__ if shape is None else f"shape {tuple(shape)}"
            raise ValueError(
                f"tokens: got {self.tokens!r}, for losses of shape (samples, tokens), but the loss "
                f"gave {given}; leave tokens out where the loss gives one number per sample"
            )
        return found.mean(-1) if self.tokens == "mean" else found.sum(-1)


@functools.lru_cache(maxsize=64)
def _of_tokens(loss: Callable[..., Any], tokens: Literal["mean", "sum"]) -> LossOfTokens:
    return LossOfTokens(loss, tokens)


def loss_of_samples(loss: Callable[..., Any], tokens: Any) -> Callable[..., Any]:
    """The loss of samples; the same object at every call, so that what is compiled for it is kept.

    Args:
        loss: the caller's.
        tokens: what a sample's loss is where the loss gives one number per token.

    Returns:
        The loss itself where it is one of samples.

    Raises:
        ValueError: ``tokens`` is nothing of the kind.

    >>> import numpy as np
    >>> loss_of_samples(lambda output, target: output - target, "sum")(np.ones((2, 3)), 0.0)
    array([3., 3.])
    """
    if tokens is None:
        return loss
    if not isinstance(tokens, str) or tokens not in get_args(Literal["mean", "sum"]):
        raise ValueError(
            f'tokens: got {tokens!r}; it should be "mean" or "sum": what the loss of a sample is '
            f"where the loss gives one number per token"
        )
    given: Literal["mean", "sum"] = "mean" if tokens == "mean" else "sum"
    try:
        return _of_tokens(loss, given)
    except TypeError:  # an object without a hash
        return LossOfTokens(loss, given)
