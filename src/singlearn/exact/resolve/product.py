r"""Products of matrices in coordinates of any kind: linear changes after which the generators are
entries of BA - C.

Let the generators be bilinear in two sets of variables, with constants: :math:`T(b, a) - c`. They
are the entries of BA - C up to invertible matrices if :math:`V_b = R^N ⊗ R^H`, :math:`V_a = R^H ⊗
R^M`, and T contracts the two :math:`R^H`. The pairs (X, Y) with :math:`X\,T(b, a) = T(Yb, a)` are
then the matrices that act on :math:`R^N`. One of them with a simple rational eigenvalue has the
eigenvectors :math:`v ⊗ R^H`, which gives coordinates of the hidden space; the rest follows. If none
is found, nothing is done: the search goes on in the coordinates it has.

Nothing here is believed: the changes are moves, which the checkers make again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice, product
from math import isqrt, lcm
from typing import Any

from flint import fmpq, fmpq_mat, fmpz_mat

from singlearn.exact.read.ring import terms_of
from singlearn.exact.resolve.centre import bilinear
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.moves import Combine, Move, Solve
from singlearn.exact.resolve.rational_kernel import rational_kernel

MOST_TRIED = 400
"""Matrices whose eigenvalues are looked at."""

Rows = list[list[Any]]


def product_coordinates(
    chart: Chart,
    point: Sequence[Fraction],
    fresh: Callable[[str], str],
    check: Callable[[], None],
) -> list[Move]:
    """Changes of coordinates and of generators, after which the generators are entries of a product
    of matrices minus a constant, the two matrices diagonal at the point; empty if they are not.

    Args:
        chart: of all variables, moved to the point.
        point: in the order of the variables.
        fresh: gives names.
        check: raises when time is up.
    """
    sides = bilinear(chart.generators, lower=True)
    if len(sides) != 1 or chart.units or any(chart.exponents) or any(chart.weights):
        return []
    left, right = sides[0]
    forms = _forms(chart, left, right, point, check) or []
    moves: list[Move] = []
    for places, rows in forms:
        for move in _made_coordinates(chart, places, rows, fresh):
            moves.append(move)
            chart = move(chart)
    combined = _combined(chart)
    return moves + combined


def _forms(
    chart: Chart,
    left: list[int],
    right: list[int],
    point: Sequence[Fraction],
    check: Callable[[], None],
) -> list[tuple[list[int], Rows]] | None:
    """The entries of both matrices as linear forms of the variables of either side."""
    count = len(chart.generators)
    H = isqrt(len(left) * len(right) // count)
    if H * H * count != len(left) * len(right) or len(left) % H or len(right) % H:
        return None
    if len(left) > len(right):
        left, right = right, left
    N, M = len(left) // H, len(right) // H
    if count != N * M:
        return None
    tensor = []  # by variable of the right side: rows generators, columns variables of the left one
    for j in right:
        rows = []
        for g in chart.generators:
            terms = terms_of(g)
            row = []
            for i in left:
                e = [0] * len(chart.names)
                e[i] = e[j] = 1
                row.append(terms.get(tuple(e), fmpq(0)))
            rows.append(row)
        tensor.append(rows)
    check()
    algebra = _acting(tensor, count, len(left))
    if len(algebra) != N * N:
        return None
    check()
    hidden = _eigenvectors(algebra, H, N, check)
    if hidden is None:
        return None
    chosen = list(hidden)
    for y in algebra:
        wider = chosen + [_times(y, v) for v in hidden]
        if _rank(wider) == len(chosen) + H:
            chosen = wider
        if len(chosen) == len(left):
            break
    else:
        return None
    # The vectors v_i ⊗ k_j; coordinates with respect to them are the entries of the first matrix.
    first = _inverse(_transposed(chosen))
    images = [[_times(rows, k) for rows in tensor] for k in hidden]  # T(v_1 ⊗ k_j, a_l)
    basis = _basis([vector for row in images for vector in row])
    if len(basis) != M:
        return None
    second = [
        row for vectors in images for row in _transposed([_coefficients(basis, v) for v in vectors])
    ]
    if _rank(second) != len(right):
        return None
    # At the point the two matrices become as simple as they can.
    b = _shaped(_times(first, [_number(point[i]) for i in left]), N, H)
    a = _shaped(_times(second, [_number(point[i]) for i in right]), H, M)
    P, Q, R = _normal_form(b, a)
    first = _on_entries(first, P, _transposed(Q), N, H)
    second = _on_entries(second, _inverse(Q), _transposed(R), H, M)
    return [(left, first), (right, second)]


def _acting(tensor: list[Rows], count: int, size: int) -> list[Rows]:
    """A basis, of small whole numbers, of the Y for which there is an X with X T_j = T_j Y for
    all j.
    """
    equations = []
    for rows in tensor:
        for g in range(count):
            for c in range(size):
                line = [fmpq(0)] * (count * count + size * size)
                for k in range(count):
                    line[g * count + k] = rows[k][c]
                for k in range(size):
                    line[count * count + k * size + c] -= rows[g][k]
                if any(v != 0 for v in line):
                    equations.append(line)
    found = []
    for vector in rational_kernel(_matrix(equations)):
        scale = lcm(*(int(v.q) for v in vector))
        found.append([int((v * scale).p) for v in vector])
    if not found:
        return []
    reduced = fmpz_mat(len(found), len(found[0]), [v for row in found for v in row]).lll()
    whole = [[fmpq(int(reduced[i, j])) for j in range(len(found[0]))] for i in range(len(found))]
    return [
        [row[count * count + k * size : count * count + (k + 1) * size] for k in range(size)]
        for row in whole
    ]


def _eigenvectors(algebra: list[Rows], H: int, N: int, check: Callable[[], None]) -> Rows | None:
    """Those of an element with a rational eigenvalue that has just H of them."""
    size = H * N
    if N == 1:
        return [[fmpq(int(i == j)) for j in range(size)] for i in range(size)]
    for coefficients in islice(_small(len(algebra)), MOST_TRIED):
        check()
        matrix = [
            [
                sum((c * y[i][j] for c, y in zip(coefficients, algebra, strict=True)), fmpq(0))
                for j in range(size)
            ]
            for i in range(size)
        ]
        _, factors = _matrix(matrix).charpoly().factor()
        for factor, times in factors:
            if factor.degree() == 1 and times == H:
                root = -factor[0] / factor[1]
                shifted = [
                    [v - root * int(i == j) for j, v in enumerate(row)]
                    for i, row in enumerate(matrix)
                ]
                vectors = rational_kernel(_matrix(shifted))
                if len(vectors) == H:
                    return vectors
    return None


def _small(length: int) -> Iterator[tuple[int, ...]]:
    """Vectors of small whole numbers, first those with few entries."""
    for i in range(length):
        yield tuple(int(i == j) for j in range(length))
    for i in range(length):
        for j in range(i):
            for c in (1, -1, 2, -2):
                yield tuple(int(k == i) + c * int(k == j) for k in range(length))
    yield from product((0, 1, -1, 2), repeat=length)


def _normal_form(b: Rows, a: Rows) -> tuple[Rows, Rows, Rows]:
    """P, Q, R for which P b Q and Q⁻¹ a R have at most one 1 in every row and column, all else 0.

    The hidden space is split along the image of a and the kernel of b.
    """
    size = len(a)
    image, kernel = _basis(_transposed(a)), rational_kernel(_matrix(b))
    both = _intersection(image, kernel)
    space = _completed(both, image)[len(both) :]  # of the image, off the kernel
    space += both
    outside = _completed(both, kernel)[len(both) :]
    unit = [[fmpq(int(i == j)) for j in range(size)] for i in range(size)]
    rest = _completed(space + outside, unit)[len(space) + len(outside) :]
    Q = _transposed(space + rest + outside)
    P = _to_unit_columns(_multiplied(b, Q))
    R = _transposed(_to_unit_columns(_transposed(_multiplied(_inverse(Q), a))))
    return P, Q, R


def _to_unit_columns(matrix: Rows) -> Rows:
    """P for which the columns of P·matrix that are not 0, and independent, are unit vectors."""
    columns = [c for c in _transposed(matrix) if any(v != 0 for v in c)]
    size = len(matrix)
    unit = [[fmpq(int(i == j)) for j in range(size)] for i in range(size)]
    return _inverse(_transposed(_completed(columns, unit)))


def _made_coordinates(
    chart: Chart, places: list[int], rows: Rows, fresh: Callable[[str], str]
) -> Iterator[Move]:
    """One coordinate after the other replaced by a form, until all are."""
    names = [chart.names[i] for i in places]
    waiting = [list(row) for row in rows]
    done: set[int] = set()
    while waiting:
        # The form with the fewest terms first; those made before are coordinates now.
        waiting.sort(key=lambda row: sum(v != 0 for v in row))
        row = waiting.pop(0)
        k = max(
            (i for i, v in enumerate(row) if v != 0 and i not in done),
            key=lambda i: (abs(row[i]) == 1, -i),
        )
        done.add(k)
        if sum(v != 0 for v in row) == 1:
            continue  # the coordinate itself, up to a factor
        context = chart.ring
        gens = dict(zip(chart.names, context.gens(), strict=True))
        rest = context.constant(0)
        for i, v in enumerate(row):
            if i != k and v != 0:
                rest = rest + v * gens[names[i]]
        move = Solve(names[k], context.constant(row[k]), rest, fresh("u"))
        yield move
        chart = move(chart)
        names[k] = move.name
        # x_k = (new - rest)/c in the forms that wait.
        for other in waiting:
            if other[k] != 0:
                factor = other[k] / row[k]
                for i, v in enumerate(row):
                    if i != k:
                        other[i] -= factor * v
                other[k] = factor


def _combined(chart: Chart) -> list[Move]:
    """Multiples of generators subtracted from each other, until a bilinear term of each stands in
    no other one.
    """
    moves: list[Move] = []
    used: set[int] = set()
    while True:
        found = next(
            (
                (s, e)
                for s, g in enumerate(chart.generators)
                if s not in used
                for e in sorted(terms_of(g), reverse=True)
                if sum(e) == 2
            ),
            None,
        )
        if found is None:
            return moves
        source, monomial = found
        used.add(source)
        count = len(chart.generators)
        for target in range(count):
            other = terms_of(chart.generators[target]).get(monomial)
            if target == source or other is None:
                continue
            factor = -other / terms_of(chart.generators[source])[monomial]
            move = Combine(target, chart.ring.constant(factor), source)
            moves.append(move)
            chart = move(chart)
            if len(chart.generators) != count:
                return []


def _number(q: Fraction) -> Any:
    return fmpq(q.numerator, q.denominator)


def _matrix(rows: Rows) -> Any:
    return fmpq_mat(len(rows), len(rows[0]), [v for row in rows for v in row])


def _rank(rows: Rows) -> int:
    return int(_matrix(rows).rank()) if rows else 0


def _inverse(rows: Rows) -> Rows:
    return [list(row) for row in _matrix(rows).inv().tolist()] if rows else []


def _transposed(rows: Rows) -> Rows:
    return [list(column) for column in zip(*rows, strict=True)]


def _times(rows: Rows, vector: Sequence[Any]) -> list[Any]:
    return [sum((a * b for a, b in zip(row, vector, strict=True)), fmpq(0)) for row in rows]


def _multiplied(one: Rows, other: Rows) -> Rows:
    columns = _transposed(other)
    return [_times(columns, row) for row in one]


def _basis(vectors: Rows) -> Rows:
    """Of the span, in echelon form."""
    reduced, rank = _matrix(vectors).rref()
    return [[reduced[r, c] for c in range(len(vectors[0]))] for r in range(rank)]


def _coefficients(basis: Rows, vector: Sequence[Any]) -> list[Any]:
    """With respect to a basis in echelon form."""
    return [vector[next(c for c, v in enumerate(row) if v != 0)] for row in basis]


def _completed(chosen: Rows, more: Rows) -> Rows:
    """The vectors chosen, and those of the others that are independent of all before."""
    found = list(chosen)
    for vector in more:
        if _rank([*found, vector]) == len(found) + 1:
            found.append(vector)
    return found


def _intersection(one: Rows, other: Rows) -> Rows:
    """A basis of the common vectors of two spans."""
    if not one or not other:
        return []
    joined = _transposed([*one, *([-v for v in row] for row in other)])
    columns = _transposed(one)
    return [_times(columns, solution[: len(one)]) for solution in rational_kernel(_matrix(joined))]


def _shaped(entries: Sequence[Any], rows: int, columns: int) -> Rows:
    return [list(entries[i * columns : (i + 1) * columns]) for i in range(rows)]


def _on_entries(forms: Rows, P: Rows, Q: Rows, rows: int, columns: int) -> Rows:
    """The forms of the entries of P·X·Qᵀ, from those of X."""
    found = []
    for i in range(rows):
        for j in range(columns):
            total = [fmpq(0)] * len(forms[0])
            for k in range(rows):
                for n in range(columns):
                    factor = P[i][k] * Q[j][n]
                    if factor != 0:
                        form = forms[k * columns + n]
                        total = [a + factor * b for a, b in zip(total, form, strict=True)]
            found.append(total)
    return found
