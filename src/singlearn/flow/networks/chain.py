"""Linear chains W_L … W_1, with or without biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from singlearn.flow.architecture import Architecture, Output
from singlearn.flow.law import Gram, Law, gram_law
from singlearn.flow.program import Program
from singlearn.running.arguments import whole_number

GENERAL_LINEAR = "GL({width}) between two linear layers, its symmetric part"


def checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """Widths from input to output, at least two of them, each at least 1.

    Raises:
        ValueError: fewer, or a width that is not a positive whole number.
    """
    found = tuple(whole_number(f"widths[{i}]", width, at_least=1) for i, width in enumerate(widths))
    if len(found) < 2:
        raise ValueError(
            f"widths: got {tuple(widths)}; it should go from input to output, at least two of them"
        )
    return found


def linear_chain(widths: Sequence[int], bias: bool = False) -> Architecture:
    r"""The network :math:`x ↦ W_L(\dots(W_1 x + b_1)\dots) + b_L` without activations.

    Gradient flow keeps every matrix :math:`W_l W_l^T + b_l b_l^T - W_{l+1}^T W_{l+1}`.

    Args:
        widths: from input to output.
        bias: whether layers have biases.

    Returns:
        The architecture, with parameters ``W1``, …, and ``b1``, … where there are biases.

    Raises:
        ValueError: fewer than two widths.

    >>> print(linear_chain((2, 3, 2)))
    linear chain 2-3-2, 12 parameters; gradient flow keeps
      W1 W1ᵀ - W2ᵀ W2   (from GL(3) between two linear layers, its symmetric part)
    """
    widths = checked_widths(widths)
    layers = range(1, len(widths))
    shapes: dict[str, tuple[int, ...]] = {f"W{i}": (widths[i], widths[i - 1]) for i in layers}
    shapes |= {f"b{i}": (widths[i],) for i in layers if bias}

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        whole = program.constant(np.eye(widths[0]))
        for i in layers:
            whole = program.product(parameters[f"W{i}"], whole)
        outputs = [Output(whole, (widths[-1], widths[0]))]
        if bias:
            shift = parameters["b1"]
            for i in layers[1:]:
                shift = program.sum(
                    program.product(parameters[f"W{i}"], shift), parameters[f"b{i}"]
                )
            outputs.append(Output(shift, (widths[-1], 1)))
        return outputs

    laws: list[Law] = []
    for i in layers[:-1]:
        terms = [Gram(f"W{i}", 0), *([Gram(f"b{i}", 0)] if bias else []), Gram(f"W{i + 1}", 1, -1)]
        laws.append(gram_law(terms, "symmetric", GENERAL_LINEAR.format(width=widths[i])))
    name = f"linear chain {'-'.join(map(str, widths))}{' with biases' if bias else ''}"
    if bias:
        return Architecture(name, shapes, write, tuple(laws))
    theorem = "a piece between two layers of width 1 moves along one curve whatever the loss"
    return Architecture(name, shapes, write, tuple(laws), number_of_laws(widths), theorem)


def number_of_laws(widths: Sequence[int]) -> int:
    r"""How many independent laws a linear chain without biases has at least.

    Hidden layers of width 1 cut it into pieces, and each cut adds one law. A piece whose ends are
    both of width 1 is seen by the loss through one number p, so that it moves along ∇p whatever the
    loss: all but one of its D coordinates are conserved. Any other piece has its Gram laws, of rank

    .. math:: \sum_l \tfrac12 r_l (r_l + 1) - \tfrac12 c_l (c_l + 1), \qquad c_l = \max(0, r_l - r_{l-1} - r_{l+1}).

    Args:
        widths: from input to output.

    >>> number_of_laws((2, 3, 2)), number_of_laws((1, 2, 2, 1)), number_of_laws((1, 2, 2, 1, 2))
    (6, 7, 8)
    """  # noqa: E501
    cuts = [0, *(i for i in range(1, len(widths) - 1) if widths[i] == 1), len(widths) - 1]
    total = len(cuts) - 2
    for start, stop in pairwise(cuts):
        piece = widths[start : stop + 1]
        scalar = piece[0] == piece[-1] == 1
        total += sum(a * b for a, b in pairwise(piece)) - 1 if scalar else gram_rank(piece)
    return total


def gram_rank(widths: Sequence[int]) -> int:
    """Number of independent Gram laws of a chain.

    >>> gram_rank((2, 7, 2))
    22
    """
    total = 0
    for before, here, after in zip(widths, widths[1:], widths[2:], strict=False):
        extra = max(0, here - before - after)
        total += here * (here + 1) // 2 - extra * (extra + 1) // 2
    return total
