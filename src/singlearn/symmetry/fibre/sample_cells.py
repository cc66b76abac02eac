"""Random parameters of one component for any number of outputs, on R^N or on a domain, in exact
rationals.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random

from singlearn.numbers.linear_algebra import coordinates, echelon, factorise, rank
from singlearn.numbers.rational import Matrix, Vector, dot
from singlearn.symmetry.domain import Domain
from singlearn.symmetry.fibre.balance import annihilator
from singlearn.symmetry.fibre.cells import CellClassification, FibreCell
from singlearn.symmetry.fibre.sample import direction, number, split
from singlearn.symmetry.two_layer.kink_form import boundary, kink_form
from singlearn.symmetry.two_layer.network import Node, TwoLayerReLU

ZERO, ONE = Fraction(0), Fraction(1)


def random_cell_parameter(
    net: TwoLayerReLU, parts: CellClassification, index: int, domain: Domain | None, rng: Random
) -> TwoLayerReLU:
    """A parameter of a component: cell, amounts, carriers, idle nodes, scales and the numbering of
    the nodes drawn at random.

    Args:
        net: any network of the function, for its numbers of inputs and outputs.
        parts: the classification.
        index: of the component in it.
        domain: where the function is kept; ``None`` for all of R^N.
        rng: source of randomness.
    """
    cell = rng.choice(parts.cells_of(index))
    slopes, carried, normals = _balance(parts, cell, rng)
    nodes: list[Node] = []
    idle = parts.excess - cell.cost
    for k, (plane, total) in enumerate(parts.form.kinks.items()):
        for sign in (1, -1):
            if cell.pattern[k] == -sign:
                continue
            amount = (
                total
                if cell.pattern[k]
                else tuple(a / 2 + sign * v for a, v in zip(total, slopes[k], strict=True))
            )
            extra = rng.randint(0, idle)
            idle -= extra
            for part in _split_vector(amount, extra + 1, rng):
                nodes.append(
                    Node(
                        tuple(Fraction(sign * n) for n in plane.normal),
                        Fraction(sign * plane.offset),
                        part,
                    )
                )
    for value, normal in zip(carried, normals, strict=True):
        nodes += _carrier(parts, value, normal, domain, rng)
    nodes = [node.scaled(Fraction(rng.randint(1, 12), rng.randint(1, 4))) for node in nodes]
    nodes += [_idle(net, domain, rng) for _ in range(idle)]
    rng.shuffle(nodes)
    moved = net.replaced(nodes, (ZERO,) * net.outputs)
    constant = kink_form(moved, domain).constant
    result = moved.replaced(
        nodes, tuple(d - e for d, e in zip(parts.form.constant, constant, strict=True))
    )
    assert kink_form(result, domain) == parts.form
    return result


def _balance(
    parts: CellClassification, cell: FibreCell, rng: Random
) -> tuple[dict[int, Vector], list[Vector], list[Vector]]:
    r"""Random :math:`v_k` and rank-one terms :math:`w_j ⊗ r_j` with :math:`\sum v_k n_k^T + \sum
    w_j r_j^T = R`, as few terms as there can be.
    """
    residual = parts.residual(cell.pattern)
    inputs = len(residual[0])
    both = [k for k, sign in enumerate(cell.pattern) if not sign]
    planes = parts.planes
    functionals = annihilator([planes[k].normal for k in both], inputs)
    quotient = [[dot(functional, row) for functional in functionals] for row in residual]
    terms = _mixed(factorise(quotient), rng) if functionals else []
    values = [value for value, _ in terms]
    normals = [
        _lift(target, functionals, [planes[k].normal for k in both], inputs, rng)
        for _, target in terms
    ]
    carried = [
        [
            sum((w[j] * r[i] for w, r in zip(values, normals, strict=True)), ZERO)
            for i in range(inputs)
        ]
        for j in range(len(residual))
    ]
    rest = [
        [a - b for a, b in zip(row, own, strict=True)]
        for row, own in zip(residual, carried, strict=True)
    ]
    slopes = _shares(rest, [tuple(Fraction(n) for n in planes[k].normal) for k in both], rng)
    return dict(zip(both, slopes, strict=True)), values, normals


def _mixed(
    terms: list[tuple[list[Fraction], list[Fraction]]], rng: Random
) -> list[tuple[Vector, Vector]]:
    """The same sum of rank-one terms in another basis: :math:`W R = (W X)(X^{-1} R)`, X a random
    product of elementary matrices.
    """
    left = [list(value) for value, _ in terms]
    right = [list(normal) for _, normal in terms]
    for _ in range(2 * len(terms)):
        i, j = rng.randrange(len(terms)), rng.randrange(len(terms))
        factor = number(rng)
        if i == j:
            left[i] = [v * factor for v in left[i]]
            right[i] = [v / factor for v in right[i]]
        else:
            left[i] = [a + factor * b for a, b in zip(left[i], left[j], strict=True)]
            right[j] = [a - factor * b for a, b in zip(right[j], right[i], strict=True)]
    return [(tuple(value), tuple(normal)) for value, normal in zip(left, right, strict=True)]


def _lift(
    target: Vector,
    functionals: list[Vector],
    normals: list[tuple[int, ...]],
    inputs: int,
    rng: Random,
) -> Vector:
    """A random vector with given values of the functionals, which are zero on the normals."""
    reduced, pivots = echelon(
        [[*functional, value] for functional, value in zip(functionals, target, strict=True)]
    )
    vector = [ZERO] * inputs
    for row, pivot in zip(reduced, pivots, strict=True):
        vector[pivot] = row[-1]
    for normal in normals:
        factor = number(rng)
        vector = [v + factor * n for v, n in zip(vector, normal, strict=True)]
    return tuple(vector)


def _shares(rest: list[list[Fraction]], normals: list[Vector], rng: Random) -> list[Vector]:
    r"""Random vectors v_k with :math:`\sum v_k n_k^T` equal to ``rest``."""
    chosen: list[int] = []
    for k in range(len(normals)):
        if rank([normals[i] for i in (*chosen, k)]) > len(chosen):
            chosen.append(k)
    columns: dict[int, Vector] = {
        k: tuple(number(rng) for _ in rest) for k in range(len(normals)) if k not in chosen
    }
    left = [list(row) for row in rest]
    for k, values in columns.items():
        left = [
            [v - value * n for v, n in zip(row, normals[k], strict=True)]
            for row, value in zip(left, values, strict=True)
        ]
    solved = []
    for row in left:
        entries = coordinates(row, [normals[k] for k in chosen])
        assert entries is not None
        solved.append(entries)
    columns |= {
        k: tuple(entries[position] for entries in solved) for position, k in enumerate(chosen)
    }
    return [columns[k] for k in range(len(normals))]


def _split_vector(amount: Vector, count: int, rng: Random) -> Matrix:
    """Vectors with a given sum."""
    return tuple(
        zip(
            *(split(entry, count, rng) if entry else _zero_sum(count, rng) for entry in amount),
            strict=True,
        )
    )


def _zero_sum(count: int, rng: Random) -> list[Fraction]:
    parts = [number(rng) for _ in range(count - 1)]
    return [*parts, -sum(parts, ZERO)]


def _carrier(
    parts: CellClassification, value: Vector, normal: Vector, domain: Domain | None, rng: Random
) -> list[Node]:
    """Nodes that add the slope ``value normal^T``."""
    if domain is not None:
        low, _ = domain.span(normal, ZERO)
        return [Node(normal, abs(number(rng)) - low, value)]
    while True:
        node = Node(normal, number(rng), value)
        if boundary(node)[0] not in parts.form.kinks:
            return [node, Node(tuple(-v for v in normal), -node.b, tuple(-v for v in value))]


def _idle(net: TwoLayerReLU, domain: Domain | None, rng: Random) -> Node:
    """A node that contributes nothing but a constant."""
    w, q = direction(net.inputs, rng), tuple(number(rng) for _ in range(net.outputs))
    kind = rng.randrange(2 if domain is None else 3)
    if kind == 0:
        return Node(w, number(rng), (ZERO,) * net.outputs)
    if kind == 1:
        return Node((ZERO,) * net.inputs, number(rng), q)
    assert domain is not None
    return Node(w, -domain.span(w, ZERO)[1] - abs(number(rng)), q)
