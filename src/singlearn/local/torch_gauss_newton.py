"""Products with the Gauss-Newton matrix of a module, whatever it returns: a tensor, tuples or dicts of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.func import grad, vjp
from torch.utils._pytree import tree_flatten, tree_unflatten

Output = Callable[[torch.Tensor], Any]


class NoOutputError(TypeError):
    """What a module returns holds no tensors that PyTorch can find."""


def gauss_newton_product(
    output: Output, loss: Callable[[Any], torch.Tensor], centre: torch.Tensor, vector: torch.Tensor
) -> torch.Tensor:
    r"""The product :math:`J^\top H J v`, with J the derivative of the outputs by the parameters and H that of the mean loss by the outputs.

    By reverse differentiation alone: what has no forward derivative has this one. Parts of an output that are no floating-point tensors,
    such as indices, stay what they are at ``centre``.

    Args:
        output: of flat parameters.
        loss: mean loss of an output.
        centre: w*.
        vector: v.

    Returns:
        The product, in the shape of ``vector``.

    Raises:
        NoOutputError: there is no tensor in the output.
    """
    structure: Any = None
    leaves: list[Any] = []

    def tensors(flat: torch.Tensor) -> tuple[torch.Tensor, ...]:
        nonlocal structure, leaves
        leaves, structure = tree_flatten(output(flat))
        return tuple(_as_real(leaf) for leaf in leaves if _is_real(leaf))

    def of_tensors(parts: tuple[torch.Tensor, ...]) -> torch.Tensor:
        own, left = list(leaves), iter(parts)
        for i, leaf in enumerate(leaves):
            if _is_real(leaf):
                own[i] = torch.view_as_complex(next(left)) if leaf.is_complex() else next(left)
        return loss(tree_unflatten(own, structure))

    at = vjp(tensors, centre)
    out, transposed = at[0], at[1]
    if not out:
        raise NoOutputError("there is no floating-point tensor in what the model returns")
    if any(isinstance(leaf, torch.Tensor) and not _is_real(leaf) for leaf in leaves):
        with torch.no_grad():  # those of the derivative belong to it
            leaves, structure = tree_flatten(output(centre))
    # Jᵀu is linear in u, so that its transpose is J.
    forward = vjp(lambda u: transposed(u)[0], tuple(torch.zeros_like(part) for part in out))[1]
    (tangent,) = forward(vector)

    def along_output(parts: tuple[torch.Tensor, ...]) -> torch.Tensor:
        slopes = grad(of_tensors)(parts)
        return sum(((slope * along).sum() for slope, along in zip(slopes, tangent, strict=True)), torch.zeros_like(centre).sum())

    (product,) = transposed(grad(along_output)(out))
    return product


def _is_real(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and (leaf.is_floating_point() or leaf.is_complex())


def _as_real(leaf: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(leaf) if leaf.is_complex() else leaf
