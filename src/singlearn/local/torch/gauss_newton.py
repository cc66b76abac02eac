"""Products with the Gauss-Newton matrix of a module, whatever it returns: a tensor, tuples or dicts
of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.func import grad, vjp
from torch.utils._pytree import tree_flatten, tree_unflatten

Output = Callable[[torch.Tensor], Any]


Losses = Callable[[Any], torch.Tensor]


def goes_through_its_output(output: Output, loss: Losses, at: torch.Tensor) -> bool:
    """Whether all that the loss takes from the parameters is in the tensors that the module
    returns.

    It is not where a module returns an object in which PyTorch finds no tensors.

    Args:
        output: of flat parameters.
        loss: mean loss of an output.
        at: some parameters, at which losses have a slope.

    Returns:
        Whether the chain rule over these tensors gives the gradient.
    """
    through = _Output(output, loss)
    try:
        out, transposed = vjp(through.tensors, at)[:2]
        (by_the_chain_rule,) = transposed(grad(through.of_tensors)(out))
    except Exception:  # PyTorch finds no tensor, or an object refuses to be put together again
        return False
    direct = grad(lambda flat: loss(output(flat)))(at)
    return bool(
        torch.allclose(by_the_chain_rule, direct, rtol=1e-3, atol=1e-3 * float(direct.abs().max()))
    )


class _Output:
    """The tensors that a module returns, and the loss as a function of them."""

    def __init__(self, output: Output, loss: Losses) -> None:
        self._output, self._loss = output, loss
        self._leaves: list[Any] = []
        self._structure: Any = None

    def tensors(self, flat: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """All real numbers of an output; of complex ones both parts."""
        self._leaves, self._structure = tree_flatten(self._output(flat))
        return tuple(_as_real(leaf) for leaf in self._leaves if _is_real(leaf))

    def of_tensors(self, parts: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """The loss of an output that has these in their places."""
        own, left = list(self._leaves), iter(parts)
        for i, leaf in enumerate(own):
            if _is_real(leaf):
                own[i] = torch.view_as_complex(next(left)) if leaf.is_complex() else next(left)
        return self._loss(tree_unflatten(own, self._structure))

    def forget_the_derivative(self, centre: torch.Tensor) -> None:
        """Whole numbers, such as indices, are those at ``centre``: the ones of a derivative belong
        to it.
        """
        if any(isinstance(leaf, torch.Tensor) and not _is_real(leaf) for leaf in self._leaves):
            with torch.no_grad():
                self._leaves, self._structure = tree_flatten(self._output(centre))


def gauss_newton_product(
    output: Output, loss: Losses, centre: torch.Tensor, vector: torch.Tensor
) -> torch.Tensor:
    r"""The product :math:`J^\top H J v`, with J the derivative of the outputs by the parameters and
    H that of the mean loss by the outputs.

    By reverse differentiation alone: what has no forward derivative has this one. Whole numbers in
    an output, such as indices, stay what they are at ``centre``.

    Args:
        output: of flat parameters; a tensor, or tuples or dicts of them.
        loss: mean loss of an output.
        centre: w*.
        vector: v.

    Returns:
        The product, in the shape of ``vector``.
    """
    through = _Output(output, loss)
    out, transposed = vjp(through.tensors, centre)[:2]
    through.forget_the_derivative(centre)
    # Jᵀu is linear in u, so that its transpose is J.
    forward = vjp(lambda u: transposed(u)[0], tuple(torch.zeros_like(part) for part in out))[1]
    (tangent,) = forward(vector)

    def along_output(parts: tuple[torch.Tensor, ...]) -> torch.Tensor:
        slopes = grad(through.of_tensors)(parts)
        products = [(slope * along).sum() for slope, along in zip(slopes, tangent, strict=True)]
        return torch.stack(products).sum()

    (product,) = transposed(grad(along_output)(out))
    found: torch.Tensor = product
    return found


def _is_real(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and (leaf.is_floating_point() or leaf.is_complex())


def _as_real(leaf: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(leaf) if leaf.is_complex() else leaf
