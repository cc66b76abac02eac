"""A recurrent network: one matrix used at every time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from singlearn.flow.architecture import Architecture, Output
from singlearn.flow.law import Gram, gram_law
from singlearn.flow.networks.relu import SCALING
from singlearn.flow.program import Program
from singlearn.running.arguments import whole_number

RELU_INPUTS = 25


def recurrent(
    n: int,
    h: int,
    m: int,
    times: int,
    relu: bool = False,
    bias: bool = False,
    slope: int = 0,
    seed: int = 0,
) -> Architecture:
    r"""States :math:`s_t = σ(U x_t + W s_{t-1})` and the output :math:`V s_T`.

    Gradient flow keeps :math:`U U^T + W W^T - W^T W - V^T V` (with a ReLU, its diagonal).

    Args:
        n: inputs.
        h: states.
        m: outputs.
        times: T.
        relu: a ReLU, with the gates of rich data; linear otherwise.
        bias: b of the states.
        slope: what a closed gate lets through (leaky ReLU).
        seed: of inputs and gates.

    Returns:
        The architecture, with ``U``, ``W``, ``V``.

    Raises:
        ValueError: an argument that is not a positive whole number.

    >>> print(recurrent(1, 2, 1, 4))
    linear recurrent network 1-2-1 over 4 times, 8 parameters; gradient flow keeps
      U Uᵀ + W Wᵀ - Wᵀ W - Vᵀ V   (from GL(2) of the states, its symmetric part)
    """
    n, h, m, times = (
        whole_number(k, x) for k, x in (("n", n), ("h", h), ("m", m), ("times", times))
    )
    rng = np.random.default_rng([seed, 4])
    count = RELU_INPUTS if relu or bias else n * times
    inputs = [rng.integers(1, 1000, (n, count)).astype(float) for _ in range(times)]
    if not relu and not bias:
        inputs = list(np.eye(n * times).reshape(times, n, n * times))
    gates = [np.where(rng.random((h, count)) < 0.5, 1.0, float(slope)) for _ in range(times)]

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        state = None
        for t in range(times):
            before = program.product(parameters["U"], program.constant(inputs[t]))
            if bias:
                before = program.sum(
                    before, program.product(parameters["b"], program.constant(np.ones((1, count))))
                )
            if state is not None:
                before = program.sum(before, program.product(parameters["W"], state))
            state = program.mask(before, gates[t]) if relu else before
        assert state is not None
        return [Output(program.product(parameters["V"], state), (m, count))]

    symmetry = SCALING if relu else f"GL({h}) of the states, its symmetric part"
    terms = [
        Gram("U", 0),
        *([Gram("b", 0)] if bias else []),
        Gram("W", 0),
        Gram("W", 1, -1),
        Gram("V", 1, -1),
    ]
    law = gram_law(terms, "diagonal" if relu else "symmetric", symmetry)
    kind = "ReLU" if relu else "linear"
    shapes: dict[str, tuple[int, ...]] = {"U": (h, n), "W": (h, h), "V": (m, h)} | (
        {"b": (h,)} if bias else {}
    )
    name = (
        f"{kind} recurrent network {n}-{h}-{m} over {times} times{', with biases' if bias else ''}"
    )
    return Architecture(name, shapes, write, (law,))
