"""Heads of attention: scores, values, multi-query, rotary."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from singlearn.flow.architecture import Architecture, Output
from singlearn.flow.law import Gram, Law, LinearLaw, gram_law
from singlearn.flow.program import Program
from singlearn.running.arguments import whole_number


def query_key(
    d: int,
    k: int,
    heads: int = 1,
    bias: bool = False,
    shared: bool = False,
    groups: int | None = None,
) -> Architecture:
    r"""Scores :math:`(W_Q x + b_Q)^T (W_K y + b_K)` under a softmax over the keys y.

    Gradient flow keeps :math:`W_Q W_Q^T + b_Q b_Q^T - W_K W_K^T` of each head (with one key for all
    heads, the sum over its queries), and every component of b_K: what it adds is the same for all
    keys, so that the softmax drops it and its gradient is zero.

    Args:
        d: width of the stream.
        k: width of a head.
        heads: their number.
        bias: whether queries and keys have biases.
        shared: one key for all heads (multi-query attention).
        groups: number of keys, each of as many neighbouring heads (grouped-query attention).

    Returns:
        The architecture, with ``W_Q1``, …, ``W_K1``, … and ``b_Q1``, …, ``b_K1``, ….

    Raises:
        ValueError: an argument that is no positive whole number, or groups that do not divide the
            heads.

    >>> print(query_key(3, 2, bias=True))
    attention scores, 1 head of width 2 on 3, with biases, 16 parameters; gradient flow keeps
      W_Q1 W_Q1ᵀ + b_Q1 b_Q1ᵀ - W_K1 W_K1ᵀ   (from GL(2) of a head, its symmetric part)
      b_K1   (from softmax over the keys, which drops b_K)
    """
    d, k, heads = (
        whole_number(name, value) for name, value in (("d", d), ("k", k), ("heads", heads))
    )
    keys = _groups(heads, shared, groups)
    key_of = [1 + h * keys // heads for h in range(heads)]
    shapes: dict[str, tuple[int, ...]] = {f"W_Q{h}": (k, d) for h in range(1, heads + 1)}
    shapes |= {f"W_K{h}": (k, d) for h in range(1, keys + 1)}
    if bias:
        shapes |= {f"b_Q{h}": (k,) for h in range(1, heads + 1)} | {
            f"b_K{h}": (k,) for h in range(1, keys + 1)
        }

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        outputs = []
        for h, key in zip(range(1, heads + 1), key_of, strict=True):
            query = program.transpose(parameters[f"W_Q{h}"])
            outputs.append(Output(program.product(query, parameters[f"W_K{key}"]), (d, d)))
            if bias:
                constant = program.transpose(parameters[f"b_Q{h}"])
                outputs.append(Output(program.product(constant, parameters[f"W_K{key}"]), (1, d)))
        return outputs

    laws: list[Law] = []
    for key in range(1, keys + 1):
        queries = [h for h, own in zip(range(1, heads + 1), key_of, strict=True) if own == key]
        terms = [Gram(f"W_Q{h}", 0) for h in queries] + [
            Gram(f"b_Q{h}", 0) for h in queries if bias
        ]
        laws.append(
            gram_law(
                [*terms, Gram(f"W_K{key}", 0, -1)],
                "symmetric",
                f"GL({k}) of a head, its symmetric part",
            )
        )
    for key in range(1, keys + 1 if bias else 1):
        name = f"b_K{key}"
        laws.append(
            LinearLaw(
                name,
                f"b_{{K{key}}}",
                "softmax over the keys, which drops b_K",
                "always",
                {name: np.eye(k)},
            )
        )
    many = f"{heads} head{'s' if heads > 1 else ''} of width {k} on {d}"
    sharing = "" if keys == heads else ", one key for all" if keys == 1 else f", {keys} keys"
    extra = f"{sharing}{', with biases' if bias else ''}"
    return Architecture(f"attention scores, {many}{extra}", shapes, write, tuple(laws))


def _groups(heads: int, shared: bool, groups: int | None) -> int:
    """Number of keys and values."""
    if groups is None:
        return 1 if shared else heads
    found = whole_number("groups", groups)
    if heads % found or (shared and found != 1):
        raise ValueError(
            f"groups: got {groups} for {heads} heads{', one key for all' if shared else ''}; it "
            f"should divide the heads"
        )
    return found


def output_value(
    d: int,
    k: int,
    heads: int = 1,
    bias: bool = True,
    shared: bool = False,
    groups: int | None = None,
) -> Architecture:
    r"""What heads write, :math:`\sum_h W_O^h (W_V^h x + b_V^h) + b_O`.

    Gradient flow keeps :math:`W_V W_V^T + b_V b_V^T - W_O^T W_O` of each head. That b_V may be
    moved into b_O is a symmetry too; its generator is not a gradient, and gives no law.

    Args:
        d: width of the stream.
        k: width of a head.
        heads: their number.
        bias: whether there are biases.
        shared: one value for all heads (multi-query attention).
        groups: number of values, each of as many neighbouring heads.

    Returns:
        The architecture, with ``W_V1``, …, ``W_O1``, …, ``b_V1``, … and ``b_O``.

    Raises:
        ValueError: an argument that is no positive whole number, or groups that do not divide the
            heads.

    >>> print(output_value(3, 2))
    attention values, 1 head of width 2 on 3, with biases, 17 parameters; gradient flow keeps
      W_V1 W_V1ᵀ + b_V1 b_V1ᵀ - W_O1ᵀ W_O1   (from GL(2) of a head, its symmetric part)
    """
    d, k, heads = (
        whole_number(name, value) for name, value in (("d", d), ("k", k), ("heads", heads))
    )
    each = range(1, heads + 1)
    values = _groups(heads, shared, groups)
    value_of = {h: 1 + (h - 1) * values // heads for h in each}
    shapes: dict[str, tuple[int, ...]] = {f"W_V{g}": (k, d) for g in range(1, values + 1)}
    shapes |= {f"W_O{h}": (d, k) for h in each}
    if bias:
        shapes |= {f"b_V{g}": (k,) for g in range(1, values + 1)} | {"b_O": (d,)}

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        outputs = [
            Output(program.product(parameters[f"W_O{h}"], parameters[f"W_V{value_of[h]}"]), (d, d))
            for h in each
        ]
        if bias:
            shift = parameters["b_O"]
            for h in each:
                shift = program.sum(
                    shift, program.product(parameters[f"W_O{h}"], parameters[f"b_V{value_of[h]}"])
                )
            outputs.append(Output(shift, (d, 1)))
        return outputs

    laws = []
    for g in range(1, values + 1):
        readers = [Gram(f"W_O{h}", 1, -1) for h in each if value_of[h] == g]
        terms = [Gram(f"W_V{g}", 0), *([Gram(f"b_V{g}", 0)] if bias else []), *readers]
        laws.append(gram_law(terms, "symmetric", f"GL({k}) of a head, its symmetric part"))
    many = f"{heads} head{'s' if heads > 1 else ''} of width {k} on {d}"
    sharing = (
        "" if values == heads else ", one value for all" if values == 1 else f", {values} values"
    )
    return Architecture(
        f"attention values, {many}{sharing}{', with biases' if bias else ''}",
        shapes,
        write,
        tuple(laws),
    )


def rotary(d: int, pairs: int, heads: int = 1, bias: bool = False) -> Architecture:
    r"""Scores :math:`q^T R(δ) k` with rotary embeddings: each plane of rotation has two rows of W_Q
    and W_K.

    Over all distances δ a loss sees of each plane the sum and the rotated sum of products. Only
    complex numbers mix them: their real part is symmetric and gives
    :math:`|W_Q|^2 - |W_K|^2` of the plane, their phase is antisymmetric and gives nothing.

    Args:
        d: width of the stream.
        pairs: planes of rotation of a head.
        heads: their number.
        bias: whether queries and keys have biases; those of a plane join it.

    Returns:
        The architecture, with ``W_Q1``, …, ``W_K1``, … for each plane, and ``b_Q1``, …, ``b_K1``,
        ….

    Raises:
        ValueError: an argument that is not a positive whole number.

    >>> print(rotary(3, 1))
    rotary scores, 1 plane on 3, 12 parameters; gradient flow keeps
      |W_Q1|² - |W_K1|²   (from a real factor of the plane, (a, 1/a))
    """
    d, pairs, heads = (
        whole_number("d", d),
        whole_number("pairs", pairs),
        whole_number("heads", heads),
    )
    each = range(1, heads * pairs + 1)
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}{i}": (2, d) for name in ("W_Q", "W_K") for i in each
    }
    if bias:
        shapes |= {f"{name}{i}": (2,) for name in ("b_Q", "b_K") for i in each}
    quarter_turn = np.array([[0.0, -1.0], [1.0, 0.0]])

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        turn, outputs = program.constant(quarter_turn), []
        for i in each:
            ends = {"W_Q": d, "b_Q": 1} if bias else {"W_Q": d}
            for name, size in ends.items():
                query = program.transpose(parameters[f"{name}{i}"])
                for left in (query, program.product(query, turn)):
                    outputs.append(Output(program.product(left, parameters[f"W_K{i}"]), (size, d)))
                    if bias:
                        outputs.append(
                            Output(program.product(left, parameters[f"b_K{i}"]), (size, 1))
                        )
        return outputs

    laws = []
    for i in each:
        terms = [
            Gram(f"W_Q{i}", 0),
            *([Gram(f"b_Q{i}", 0)] if bias else []),
            Gram(f"W_K{i}", 0, -1),
        ]
        terms += [Gram(f"b_K{i}", 0, -1)] if bias else []
        laws.append(gram_law(terms, "trace", "a real factor of the plane, (a, 1/a)"))
    many = (
        f"{pairs} plane{'s' if pairs > 1 else ''} on {d}{f', {heads} heads' if heads > 1 else ''}"
    )
    return Architecture(
        f"rotary scores, {many}{', with biases' if bias else ''}", shapes, write, tuple(laws)
    )
