"""Two convolutions in one dimension, with or without a ReLU between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Shaped

from singlearn.flow.architecture import Architecture, Output
from singlearn.flow.law import BilinearLaw, Gram, Law, gram_law, latex_name
from singlearn.flow.networks.relu import SCALING
from singlearn.flow.program import Program
from singlearn.running.arguments import whole_number

RELU_INPUTS = 12


def convolution(
    channels: Sequence[int],
    kernels: Sequence[int],
    relu: bool = False,
    bias: bool = False,
    slope: int = 0,
    seed: int = 0,
) -> Architecture:
    r"""Two convolutions (valid, stride 1), from ``channels[0]`` over ``channels[1]`` to
    ``channels[2]``.

    Gradient flow keeps a channel matrix: :math:`A_c \cdot A_d - B_c \cdot B_d`, A what is read into
    channels c and d and B what is written from them, over all taps (with a ReLU, its diagonal).
    Where both ends have one channel and the kernels are as long, products of kernels commute, and a
    linear network keeps :math:`A_c \cdot B_d - A_d \cdot B_c` as well.

    Args:
        channels: three numbers.
        kernels: two lengths.
        relu: a ReLU between them, with the gates of rich data.
        bias: of the first convolution.
        slope: what a closed gate lets through (leaky ReLU).
        seed: of the gates.

    Returns:
        The architecture, with ``A`` (c, c_in, taps), ``B`` (c_out, c, taps) and ``b``.

    Raises:
        ValueError: other than three channels and two kernels, or one that is not a positive number.

    >>> print(convolution((1, 2, 1), (2, 2)))
    linear convolution 1-2-1, kernels 2 and 2, 8 parameters; gradient flow keeps
      A Aᵀ - Bᵀ B   (from GL(2) of the channels, its symmetric part)
      A_c·B_d - A_d·B_c   (from products of kernels commute)
    """
    if len(channels) != 3 or len(kernels) != 2:
        raise ValueError(
            f"channels: got {tuple(channels)} with kernels {tuple(kernels)}; it should be three "
            f"with two kernels"
        )
    into, middle, out = (whole_number(f"channels[{i}]", c) for i, c in enumerate(channels))
    first, second = (whole_number(f"kernels[{i}]", k) for i, k in enumerate(kernels))
    shapes: dict[str, tuple[int, ...]] = {"A": (middle, into, first), "B": (out, middle, second)}
    if bias:
        shapes["b"] = (middle,)
    length = 2 * (first + second) - 1
    places, outputs = length - first + 1, length - first - second + 2
    rng = np.random.default_rng([seed, 2])
    # A linear network is known by its values on the unit vectors.
    inputs = np.eye(into * length).reshape(-1, into, length)
    if relu or bias:
        inputs = rng.integers(1, 1000, (RELU_INPUTS, into, length)).astype(float)
    count = len(inputs)
    windows = np.stack(
        [inputs[:, :, t : t + first].reshape(count, -1) for t in range(places)], axis=2
    )
    columns = windows.transpose(1, 0, 2).reshape(into * first, count * places)
    gates = np.where(rng.random((middle, count * places)) < 0.5, 1.0, float(slope))

    def unfolded(hidden: Shaped[np.ndarray, "... c m"]) -> Shaped[np.ndarray, "... r k"]:
        ahead = hidden.shape[:-2]
        whole = hidden.reshape(*ahead, middle, count, places)
        taps = [
            np.moveaxis(whole[..., t : t + second], -2, -1).reshape(*ahead, middle * second, count)
            for t in range(outputs)
        ]
        return np.concatenate(taps, axis=-1)

    def folded(windows: Shaped[np.ndarray, "... r k"]) -> Shaped[np.ndarray, "... c m"]:
        ahead = windows.shape[:-2]
        whole = np.zeros((*ahead, middle, count, places), dtype=windows.dtype)
        split = windows.reshape(*ahead, middle, second, outputs, count)
        for t in range(outputs):
            whole[..., t : t + second] += np.moveaxis(split[..., t, :], -1, -2)
        return whole.reshape(*ahead, middle, count * places)

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        hidden = program.product(parameters["A"], program.constant(columns))
        if bias:
            hidden = program.sum(
                hidden,
                program.product(parameters["b"], program.constant(np.ones((1, count * places)))),
            )
        if relu:
            hidden = program.mask(hidden, gates)
        result = program.product(parameters["B"], program.linear(hidden, unfolded, folded))
        return [Output(result, (out, outputs * count))]

    terms = [Gram("A", 0), *([Gram("b", 0)] if bias else []), Gram("B", 1, -1)]
    symmetry = (
        SCALING.replace("node", "channel")
        if relu
        else f"GL({middle}) of the channels, its symmetric part"
    )
    laws: list[Law] = [gram_law(terms, "diagonal" if relu else "symmetric", symmetry)]
    if not relu and not bias and into == out == 1 and first == second and middle > 1:
        laws.append(commuting(middle, first))
    kind = (
        f"{'ReLU' if relu else 'linear'} convolution {into}-{middle}-{out}, kernels {first} and "
        f"{second}"
    )
    return Architecture(f"{kind}{', with biases' if bias else ''}", shapes, write, tuple(laws))


def commuting(channels: int, taps: int, first: str = "A", second: str = "B") -> BilinearLaw:
    """A_c·B_d - A_d·B_c for every two channels.

    Args:
        channels: c, d.
        taps: of both kernels.
        first: A, (channels, 1, taps).
        second: B, (1, channels, taps).
    """
    forms = []
    for c in range(channels):
        for d in range(c + 1, channels):
            form = np.zeros((channels, taps, channels, taps))
            form[c, range(taps), d, range(taps)] = 1
            form[d, range(taps), c, range(taps)] = -1
            forms.append(form.reshape(channels * taps, channels * taps))
    a, b = latex_name(first), latex_name(second)
    latex = rf"({a})_c \cdot ({b})_d - ({a})_d \cdot ({b})_c"
    text = f"{first}_c·{second}_d - {first}_d·{second}_c"
    return BilinearLaw(
        text, latex, "products of kernels commute", "always", first, second, np.array(forms)
    )
