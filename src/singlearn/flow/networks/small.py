"""Small maps: gated units, powers, diagonal networks, a softmax head, U Uᵀ."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from singlearn.flow.architecture import Architecture, Output
from singlearn.flow.law import BilinearLaw, Gram, Law, LinearLaw, RowSpaceLaw, gram_law
from singlearn.flow.program import Program
from singlearn.running.arguments import whole_number

INPUTS = 40


def gated_unit(n: int, h: int, m: int, bias: bool = False, seed: int = 0) -> Architecture:
    r"""The unit :math:`W_D\,(g(G x) ∘ U x)` with a gate g that is not homogeneous (SwiGLU and its
    kind; here
    :math:`g(z) = z + z^2`, which is exact).

    Gradient flow keeps :math:`|U_j|^2 - |W_{D,j}|^2`: a factor of a row of U goes into its column
    of W_D.

    Args:
        n: inputs.
        h: units.
        m: outputs.
        bias: b_G and b_U.
        seed: of the inputs.

    Returns:
        The architecture, with ``G``, ``U``, ``W_D``.

    Raises:
        ValueError: an argument that is not a positive whole number.

    >>> gated_unit(3, 3, 2).laws[0].formula
    '|U rows|² - |W_D columns|²'
    """
    n, h, m = (whole_number(k, x) for k, x in (("n", n), ("h", h), ("m", m)))
    inputs = np.random.default_rng([seed, 5]).integers(1, 1000, (n, INPUTS)).astype(float)

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        points = program.constant(inputs)
        before = _shifted(program, parameters, "G", points, bias)
        gate = program.sum(before, program.elementwise(before, before))
        hidden = program.elementwise(gate, _shifted(program, parameters, "U", points, bias))
        return [Output(program.product(parameters["W_D"], hidden), (m, INPUTS))]

    terms = [Gram("U", 0), *([Gram("b_U", 0)] if bias else []), Gram("W_D", 1, -1)]
    law = gram_law(terms, "diagonal", "scaling of up against down, (a, 1/a)")
    shapes: dict[str, tuple[int, ...]] = {"G": (h, n), "U": (h, n), "W_D": (m, h)}
    shapes |= {"b_G": (h,), "b_U": (h,)} if bias else {}
    return Architecture(
        f"gated unit {n}-{h}-{m}{', with biases' if bias else ''}", shapes, write, (law,)
    )


def _shifted(
    program: Program, parameters: Mapping[str, int], name: str, points: int, bias: bool
) -> int:
    """W x, or W x + b."""
    product = program.product(parameters[name], points)
    if not bias:
        return product
    return program.sum(
        product, program.product(parameters[f"b_{name}"], program.constant(np.ones((1, INPUTS))))
    )


def power_network(
    n: int, h: int, m: int, k: int, bias: bool = False, seed: int = 0
) -> Architecture:
    r"""The network :math:`V (W x)^k`, powers entry by entry.

    Gradient flow keeps :math:`|w_j|^2 - k |v_j|^2`: the scaling is :math:`(a, a^{-k})`.

    Args:
        n: inputs.
        h: hidden nodes.
        m: outputs.
        k: the degree of the activation.
        bias: b_W of the hidden nodes.
        seed: of the inputs.

    Returns:
        The architecture, with ``W``, ``V``.

    Raises:
        ValueError: an argument that is not a positive whole number.

    >>> power_network(3, 2, 2, 2).laws[0].formula
    '|W rows|² - 2|V columns|²'
    """
    n, h, m, k = (whole_number(name, x) for name, x in (("n", n), ("h", h), ("m", m), ("k", k)))
    inputs = np.random.default_rng([seed, 6]).integers(1, 1000, (n, INPUTS)).astype(float)

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        before = _shifted(program, parameters, "W", program.constant(inputs), bias)
        hidden = before
        for _ in range(k - 1):
            hidden = program.elementwise(hidden, before)
        return [Output(program.product(parameters["V"], hidden), (m, INPUTS))]

    terms = [Gram("W", 0), *([Gram("b_W", 0)] if bias else []), Gram("V", 1, -k)]
    law = gram_law(terms, "diagonal" if k > 1 else "symmetric", f"scaling of a node, (a, a^-{k})")
    shapes: dict[str, tuple[int, ...]] = {"W": (h, n), "V": (m, h)} | (
        {"b_W": (h,)} if bias else {}
    )
    return Architecture(
        f"power network {n}-{h}-{m}, degree {k}{', with biases' if bias else ''}",
        shapes,
        write,
        (law,),
    )


def diagonal_network(n: int, depth: int) -> Architecture:
    r"""The vector :math:`w_1 ∘ w_2 ∘ \dots ∘ w_L`, entry by entry.

    Gradient flow keeps :math:`w_{l,i}^2 - w_{l+1,i}^2`.

    Args:
        n: entries.
        depth: L.

    Returns:
        The architecture, with ``w1``, ….

    Raises:
        ValueError: an argument that is not a positive whole number.

    >>> diagonal_network(4, 2).laws[0].formula
    '|w1 rows|² - |w2 rows|²'
    """
    n, depth = whole_number("n", n), whole_number("depth", depth)
    names = [f"w{i}" for i in range(1, depth + 1)]

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        whole = parameters[names[0]]
        for name in names[1:]:
            whole = program.elementwise(whole, parameters[name])
        return [Output(whole, (n, 1))]

    laws = [
        gram_law([Gram(a, 0), Gram(b, 0, -1)], "diagonal", "scaling of an entry, (a, 1/a)")
        for a, b in pairwise(names)
    ]
    return Architecture(
        f"diagonal network of {n} entries, depth {depth}",
        {name: (n,) for name in names},
        write,
        tuple(laws),
    )


def difference_of_squares(n: int) -> Architecture:
    r"""The vector :math:`u ∘ u - v ∘ v`. Gradient flow keeps :math:`u_i v_i`.

    Args:
        n: entries.

    Returns:
        The architecture, with ``u``, ``v``.

    Raises:
        ValueError: no positive whole number.

    >>> difference_of_squares(3).laws[0].formula
    'u_i v_i'
    """
    n = whole_number("n", n)

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        u, v = parameters["u"], parameters["v"]
        minus = program.mask(program.elementwise(v, v), np.full((n, 1), -1.0))
        return [Output(program.sum(program.elementwise(u, u), minus), (n, 1))]

    forms = np.array([np.diag(row) for row in np.eye(n)])
    law = BilinearLaw(
        "u_i v_i", "u_i v_i", "hyperbolic rotation of (u_i, v_i)", "always", "u", "v", forms
    )
    return Architecture(
        f"difference of squares of {n} entries", {"u": (n,), "v": (n,)}, write, (law,)
    )


def softmax_head(n: int, m: int, bias: bool = True) -> Architecture:
    r"""Logits :math:`W x + b` under a softmax, which sees differences of classes only.

    Gradient flow keeps the sum over classes of each column of W and of b. These laws are linear, so
    that gradient descent with any step, and momentum, keep them exactly.

    Args:
        n: features.
        m: classes.
        bias: whether there is b.

    Returns:
        The architecture, with ``W``, ``b``.

    Raises:
        ValueError: an argument that is not a positive whole number.

    >>> [law.formula for law in softmax_head(3, 4).laws]
    ['1ᵀ W', '1ᵀ b']
    """
    n, m = whole_number("n", n), whole_number("m", m, at_least=2)
    differences = np.eye(m)[1:] - np.eye(m)[:1]

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        seen = program.constant(differences)
        sizes = {"W": n, "b": 1} if bias else {"W": n}
        return [
            Output(program.product(seen, parameters[name]), (m - 1, size))
            for name, size in sizes.items()
        ]

    columns = np.broadcast_to(np.eye(n)[:, None, :], (n, m, n))
    symmetry = "translation of the logits"
    laws: tuple[Law, ...] = (
        LinearLaw("1ᵀ W", "1^T W", symmetry, "always", {"W": np.array(columns)}),
        LinearLaw("1ᵀ b", "1^T b", symmetry, "always", {"b": np.ones((1, m))}),
    )
    shapes: dict[str, tuple[int, ...]] = {"W": (m, n)} | ({"b": (m,)} if bias else {})
    return Architecture(
        f"softmax head, {m} classes of {n} features", shapes, write, laws if bias else laws[:1]
    )


def gram_matrix(n: int, r: int) -> Architecture:
    r"""The matrix :math:`U U^T`, U of shape (n, r).

    Its symmetry O(r) is antisymmetric, and for r ≤ n gives no law. For r > n the row space of U
    stays: n (r - n) rational functions, and no polynomial.

    Args:
        n: rows of U.
        r: columns of U.

    Returns:
        The architecture, with ``U``.

    Raises:
        ValueError: an argument that is not a positive whole number.

    >>> len(gram_matrix(2, 2).laws), gram_matrix(2, 3).laws[0].formula
    (0, 'row space of U')
    """
    n, r = whole_number("n", n), whole_number("r", r)

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        return [
            Output(program.product(parameters["U"], program.transpose(parameters["U"])), (n, n))
        ]

    law = RowSpaceLaw(
        "row space of U",
        r"U_1^{-1} U_2",
        f"O({r}), whose fields are gradients only together",
        "always",
        "U",
    )
    return Architecture(
        f"U Uᵀ, U of shape ({n}, {r})", {"U": (n, r)}, write, (law,) if r > n else ()
    )
