r"""A polynomial as a sum of squares of polynomials with rational coefficients, if it is one.

:math:`F = m^T G m` with the vector m of monomials and a positive semidefinite G, the Gram matrix
(Choi, Lam & Reznick 1995). G is looked for in floating point by an interior-point method; what it
says about the kernel of G is rounded to fractions, and the rest is exact: the linear equations for
G, and its decomposition :math:`L D L^T` with D > 0. The sum that is returned is F, or there is
none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from singlearn.exact.read.ring import Poly, ring, terms_of
from singlearn.exact.resolve.rational_kernel import rational_kernel

Exponents = tuple[int, ...]
Square = tuple[Any, Poly]

MOST_MONOMIALS = 42
"""Of the squares' roots; the time grows with the sixth power."""

MOST_DIRECTIONS = 700

DENOMINATORS = (1, 2, 12, 60, 5040, 2**20, 2**40)
"""To which entries are rounded, the simplest first."""

MOST_UNKNOWNS = 400
"""Of a system of equations that is solved by least squares."""

ROUNDINGS = ((1e-7, (1, 4, 12, 60, 400, 2000)), (1e-5, (1, 4, 12, 60)), (2e-3, (1, 4, 12)))
"""How far the entries of a kernel may be off, and the denominators that can then be told from each
other.
"""

SMALL = 2e-3
"""Eigenvalues of a scaled Gram matrix below this belong to its kernel, if what follows from that is
true exactly.
"""


def sum_of_squares(
    poly: Poly, check: Callable[[], None] = lambda: None, most: int = MOST_MONOMIALS
) -> list[Square] | None:
    """Constants c > 0 and polynomials g with ``poly`` = Σ c·g², or ``None`` if none were found.

    >>> x, y = ring("xy").gens()
    >>> sum_of_squares((x - y)**4 + 2*x**2*y**4)
    [(1, x^2 - 2*x*y + y^2), (2, x*y^2)]
    >>> sum_of_squares(x**4*y**2 + x**2*y**4 + 1 - 3*x**2*y**2) is None  # Motzkin's
    True
    """
    names = tuple(map(str, poly.context().names()))
    terms = terms_of(poly)
    live = [i for i, d in enumerate(poly.degrees()) if d]
    key = tuple(sorted((tuple(e[i] for i in live), str(c)) for e, c in terms.items()))
    found = _known(key, most, _Clock(check))
    if found is None:
        return None
    context = ring(names)
    result = []
    for scale, root in found:
        inside = {}
        for e, c in root:
            full = [0] * len(names)
            for i, v in zip(live, e, strict=True):
                full[i] = v
            inside[tuple(full)] = c
        result.append((scale, context.from_dict(inside)))
    return result


class _Clock:
    """A check that does not count in the key of a cache."""

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Clock)


@lru_cache(maxsize=4096)
def _known(
    key: tuple[Any, ...], most: int, clock: _Clock
) -> list[tuple[Any, list[tuple[Exponents, Any]]]] | None:
    terms = {e: _rational(c) for e, c in key}
    if len(terms) == 0 or not _may_be_one(terms):
        return None
    monomials = _half(terms, most)
    if monomials is None:
        return None
    return _search(terms, [{m: fmpq(1)} for m in monomials], clock.check, 4)


def _search(
    terms: dict[Exponents, Any],
    basis: Sequence[dict[Exponents, Any]],
    check: Callable[[], None],
    reductions: int,
) -> list[tuple[Any, list[tuple[Exponents, Any]]]] | None:
    check()
    for matrix, smaller in _gram(terms, basis, check):
        if matrix is not None:
            return _roots(matrix, basis)
        found = _search(terms, smaller, check, reductions - 1) if reductions else None
        if found is not None:
            return found
    return None


def _rational(text: str) -> Any:
    top, _, bottom = text.partition("/")
    return fmpq(int(top), int(bottom or 1))


def _may_be_one(terms: dict[Exponents, Any]) -> bool:
    """Extreme exponents are even, with positive coefficients, and no value at a few points is
    negative.
    """
    size = len(next(iter(terms)))
    for direction in _directions(size)[:200]:
        best = max(sum(a * b for a, b in zip(direction, e, strict=True)) for e in terms)
        top = [e for e in terms if sum(a * b for a, b in zip(direction, e, strict=True)) == best]
        if len(top) == 1 and (any(v % 2 for v in top[0]) or terms[top[0]] < 0):
            return False
    random = np.random.default_rng(0)
    points = random.normal(size=(200, size)) * np.exp(random.normal(size=(200, 1)))
    powers = np.array(list(terms))
    values = np.prod(points[:, None, :] ** powers[None], axis=2) * np.array(
        [float(Fraction(int(c.p), int(c.q))) for c in terms.values()]
    )
    return bool(np.all(values.sum(axis=1) >= -1e-9 * np.abs(values).sum(axis=1)))


@lru_cache(maxsize=16)
def _directions(size: int) -> list[Exponents]:
    """Weights, simple ones first; both signs."""
    reach = 3 if size <= 2 else 2 if size == 3 else 1
    if (2 * reach + 1) ** size <= MOST_DIRECTIONS:
        every = list(product(range(-reach, reach + 1), repeat=size))
    else:
        every = [
            tuple((i == j) * s + (i == k) * t for i in range(size))
            for j in range(size)
            for k in range(size)
            for s in (-1, 1)
            for t in (-1, 0, 1)
        ]
        every += [(1,) * size, (-1,) * size]
    return sorted({d for d in every if any(d)}, key=lambda d: (sum(map(abs, d)), d))


def _half(terms: dict[Exponents, Any], most: int) -> list[Exponents] | None:
    """The monomials that roots may have: their squares lie in the Newton polytope, and each is
    needed or met by others.
    """
    support = np.array(list(terms))
    size = support.shape[1]
    low, high = support.min(axis=0), support.max(axis=0)
    ranges = [range((int(a) + 1) // 2, int(b) // 2 + 1) for a, b in zip(low, high, strict=True)]
    count = 1
    for r in ranges:
        count *= len(r)
    if not 0 < count <= 20_000:
        return None
    points = np.array(list(product(*ranges)))
    directions = np.array(_directions(size) + _facet_weights(terms))
    reach = (support @ directions.T).max(axis=0)
    points = points[np.all(2 * points @ directions.T <= reach, axis=1)]
    kept = {tuple(map(int, p)) for p in points}
    if len(kept) > 4 * most:
        return None
    while True:
        sums: dict[Exponents, int] = {}
        for a in kept:
            for b in kept:
                if a < b:
                    total = tuple(map(sum, zip(a, b, strict=True)))
                    sums[total] = sums.get(total, 0) + 1
        gone = {
            m
            for m in kept
            if tuple(2 * v for v in m) not in sums and tuple(2 * v for v in m) not in terms
        }
        # A diagonal entry alone must be the coefficient, which is positive.
        gone |= {
            m
            for m in kept
            if tuple(2 * v for v in m) not in sums
            and terms.get(tuple(2 * v for v in m), fmpq(-1)) <= 0
        }
        if not gone:
            break
        kept -= gone
    return sorted(kept, reverse=True) if 0 < len(kept) <= most else None


def _facet_weights(terms: dict[Exponents, Any]) -> list[Exponents]:
    """Weights for which the terms are homogeneous, with both signs: equations of the polytope's
    span.
    """
    exponents = list(terms)
    rows = [[a - b for a, b in zip(e, exponents[0], strict=True)] for e in exponents[1:]]
    if not rows:
        return [
            tuple(s * int(i == j) for i in range(len(exponents[0])))
            for j in range(len(exponents[0]))
            for s in (1, -1)
        ]
    found = []
    for vector in rational_kernel(
        fmpq_mat(len(rows), len(rows[0]), [v for row in rows for v in row])
    ):
        scale = 1
        for v in vector:
            scale = scale * int(v.q)
        weight = tuple(int((v * scale).p) for v in vector)
        found += [weight, tuple(-w for w in weight)]
    return found


def _gram(
    terms: dict[Exponents, Any], basis: Sequence[dict[Exponents, Any]], check: Callable[[], None]
) -> Iterator[tuple[list[list[Any]] | None, list[dict[Exponents, Any]]]]:
    """A positive definite Gram matrix for a basis of polynomials; or smaller bases, one of which
    may do.
    """
    size = len(basis)
    pairs = [(a, b) for a in range(size) for b in range(a, size)]
    products: list[dict[Exponents, Any]] = []
    rows: dict[Exponents, int] = {e: i for i, e in enumerate(terms)}
    for a, b in pairs:
        product_: dict[Exponents, Any] = {}
        for e, c in basis[a].items():
            for f, d in basis[b].items():
                g = tuple(map(sum, zip(e, f, strict=True)))
                product_[g] = product_.get(g, fmpq(0)) + c * d * (1 if a == b else 2)
        products.append(product_)
        for g in product_:
            rows.setdefault(g, len(rows))
    space = _affine(rows, products, terms, check)
    if space is None:
        return
    start, free, directions = (
        space  # entries = start + Σ θ_j directions_j, and θ are the entries at the places ``free``
    )
    numeric = _interior_point(size, pairs, start, directions, check)
    if numeric is None:
        return
    gram, least, scale = numeric
    flat = np.array([gram[a, b] / (scale[a] * scale[b]) for a, b in pairs])
    for denominator in DENOMINATORS if least > 0 else DENOMINATORS[:4]:
        theta = [fmpq(round(float(flat[place]) * denominator), denominator) for place in free]
        matrix = _matrix(size, pairs, start, directions, theta)
        if _decomposed(matrix) is not None:
            yield matrix, []
            return
    values, vectors = np.linalg.eigh(gram)
    order = np.maximum(np.abs(values), 1e-14 * np.abs(values[-1]))
    equations = np.zeros((len(rows), len(pairs)))
    for j, product_ in enumerate(products):
        for e, c in product_.items():
            equations[rows[e], j] = _float(c) / (scale[pairs[j][0]] * scale[pairs[j][1]])
    right = np.array([_float(terms.get(e, fmpq(0))) for e in rows])
    height = np.maximum(np.abs(equations).max(axis=1), 1e-300)
    equations, right = equations / height[:, None], right / height
    cuts = [
        k
        for k in range(1, size)
        if order[k - 1] < SMALL * order[-1] and order[k] > 5 * order[k - 1]
    ]
    for cut in sorted(cuts, key=lambda k: order[k - 1] / order[k])[:4]:
        check()
        tried: list[Any] = []
        factor = _polished(vectors[:, cut:] * np.sqrt(order[cut:]), pairs, equations, right)
        kernels = [] if factor is None else [np.linalg.svd(factor)[0][:, factor.shape[1] :]]
        for kernel in (*kernels, vectors[:, :cut]):
            for error, limits in ROUNDINGS:
                null = _rounded_kernel((scale[:, None] * kernel).T, error, limits)
                if null is None or null in tried:
                    continue
                tried.append(null)
                smaller = _complement(null, basis)
                if smaller:
                    yield None, smaller


def _polished(
    factor: np.ndarray, pairs: Sequence[tuple[int, int]], equations: np.ndarray, right: np.ndarray
) -> np.ndarray | None:
    """C near the given one with C Cᵀ a Gram matrix, by Gauss and Newton's method."""
    first, second = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    size, rank = factor.shape
    if size * rank > MOST_UNKNOWNS:
        return None
    for _ in range(30):
        residual = equations @ np.sum(factor[first] * factor[second], axis=1) - right
        if np.max(np.abs(residual)) < 1e-13 * max(1.0, float(np.max(np.abs(right)))):
            return factor
        slopes = np.zeros((len(pairs), size, rank))
        places = np.arange(len(pairs))
        np.add.at(slopes, (places, first), factor[second])
        np.add.at(slopes, (places, second), factor[first])
        step = np.linalg.lstsq(equations @ slopes.reshape(len(pairs), -1), -residual, rcond=1e-9)[0]
        factor = factor + step.reshape(size, rank)
    return (
        factor if np.max(np.abs(residual)) < 1e-9 * max(1.0, float(np.max(np.abs(right)))) else None
    )


def _float(c: Any) -> float:
    return float(Fraction(int(c.p), int(c.q)))


def _affine(
    rows: dict[Exponents, int],
    products: Sequence[dict[Exponents, Any]],
    terms: dict[Exponents, Any],
    check: Callable[[], None],
) -> tuple[list[Any], list[int], list[dict[int, Any]]] | None:
    """All solutions of Σ entry·product = polynomial: one of them, the entries that are free, and
    what each of these changes.
    """
    count = len(products)
    if all(len(p) == 1 for p in products):  # monomials: every entry is in one equation
        together: dict[int, list[int]] = {}
        for j, p in enumerate(products):
            together.setdefault(rows[next(iter(p))], []).append(j)
        if len(together) < len(rows):
            return None
        start = [fmpq(0)] * count
        free, directions = [], []
        where = {i: e for e, i in rows.items()}
        for i, members in together.items():
            last = members[-1]
            start[last] = terms.get(where[i], fmpq(0)) / products[last][where[i]]
            for j in members[:-1]:
                free.append(j)
                directions.append(
                    {j: fmpq(1), last: -products[j][where[i]] / products[last][where[i]]}
                )
        return start, free, directions
    entries = [fmpq(0)] * (len(rows) * (count + 1))
    for j, p in enumerate(products):
        for e, c in p.items():
            entries[rows[e] * (count + 1) + j] = c
    for e, c in terms.items():
        entries[rows[e] * (count + 1) + count] = c
    check()
    reduced, rank = fmpq_mat(len(rows), count + 1, entries).rref()
    pivots, row = [], 0
    for column in range(count + 1):
        if row < rank and reduced[row, column] != 0:
            pivots.append(column)
            row += 1
    if count in pivots:
        return None
    start = [fmpq(0)] * count
    for r, pivot in enumerate(pivots):
        start[pivot] = reduced[r, count]
    free = [j for j in range(count) if j not in pivots]
    directions = [
        {j: fmpq(1), **{p: -reduced[r, j] for r, p in enumerate(pivots) if reduced[r, j] != 0}}
        for j in free
    ]
    return start, free, directions


def _matrix(
    size: int,
    pairs: Sequence[tuple[int, int]],
    start: Sequence[Any],
    directions: Sequence[dict[int, Any]],
    theta: Sequence[Any],
) -> list[list[Any]]:
    flat = list(start)
    for value, direction in zip(theta, directions, strict=True):
        for place, c in direction.items():
            flat[place] = flat[place] + value * c
    matrix = [[fmpq(0)] * size for _ in range(size)]
    for (a, b), value in zip(pairs, flat, strict=True):
        matrix[a][b] = matrix[b][a] = value
    return matrix


def _interior_point(
    size: int,
    pairs: Sequence[tuple[int, int]],
    start: Sequence[Any],
    directions: Sequence[dict[int, Any]],
    check: Callable[[], None],
) -> tuple[np.ndarray, float, np.ndarray] | None:
    r"""The Gram matrix with the largest least eigenvalue, rows and columns scaled; that, 0 on the
    boundary; and the scales.

    ``None`` if there is no such matrix.

    Maximise t with :math:`G(θ) - t I` positive definite, by Newton steps on :math:`-t/μ -
    \log\det(G(θ) - t I)` for decreasing μ; at the end G is near the analytic centre of the best
    ones, whose kernel is the smallest.
    """
    first, second = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    base = np.array([_float(c) for c in start])
    changes = np.zeros((len(directions), len(pairs)))
    for j, direction in enumerate(directions):
        for place, c in direction.items():
            changes[j, place] = _float(c)
    theta = np.zeros(len(directions))
    if len(directions):
        # Start with the smallest entries that satisfy the equations.
        weights = np.where(first == second, 1.0, 2.0)
        theta = np.linalg.lstsq(
            (changes * np.sqrt(weights)).T, -base * np.sqrt(weights), rcond=None
        )[0]
    diagonal = np.array([i for i, (a, b) in enumerate(pairs) if a == b])

    def gram(vector: np.ndarray) -> np.ndarray:
        flat = base + vector @ changes
        matrix = np.zeros((size, size))
        matrix[first, second] = flat
        matrix[second, first] = flat
        return matrix

    # Monomials of one size: the diagonal is about 1.
    flat = base + theta @ changes
    scale = 1 / np.sqrt(
        np.maximum(np.abs(flat[diagonal]), 1e-3 * max(1e-300, float(np.max(np.abs(flat)))))
    )
    for _ in range(2):
        scale = 1 / np.sqrt(np.maximum(1 / scale**2, 1e-12 * np.max(1 / scale**2)))
    outer = scale[first] * scale[second]
    base, changes = base * outer, changes * outer
    norms = np.linalg.norm(changes, axis=1)
    norms[norms == 0] = 1.0
    changes, theta = changes / norms[:, None], theta * norms
    current = gram(theta)
    t = float(np.linalg.eigvalsh(current)[0]) - 1.0
    level = 1.0
    factor = np.where(first == second, 1.0, 2.0)
    for _ in range(60):
        for _ in range(12):
            check()
            slack = gram(theta) - t * np.eye(size)
            inverse = np.linalg.inv(slack)
            # tr(Z E_ab Z E_cd) for symmetric units E.
            gradient = -changes @ (factor * inverse[first, second])
            slope_t = -1 / level + np.trace(inverse)
            if len(directions):
                kron = (
                    inverse[np.ix_(first, first)] * inverse[np.ix_(second, second)]
                    + inverse[np.ix_(first, second)] * inverse[np.ix_(second, first)]
                )
                kron *= np.outer(factor, factor) / 2
                hessian = changes @ kron @ changes.T
                square = inverse @ inverse
                mixed = -changes @ (factor * square[first, second])
                full = np.block(
                    [[hessian, mixed[:, None]], [mixed[None], np.array([[np.sum(inverse**2)]])]]
                )
            else:
                full = np.array([[np.sum(inverse**2)]])
            slope = np.append(gradient, slope_t)
            full += 1e-14 * np.trace(full) / len(full) * np.eye(len(full))
            try:
                step = -np.linalg.solve(full, slope)
            except np.linalg.LinAlgError:
                break
            decrement = float(-slope @ step)
            length = 1.0 if decrement < 0.25 else 1 / (1 + np.sqrt(max(decrement, 0)))
            while length > 1e-8:
                trial, t_trial = theta + length * step[:-1], t + length * step[-1]
                try:
                    np.linalg.cholesky(gram(trial) - t_trial * np.eye(size))
                    break
                except np.linalg.LinAlgError:
                    length /= 2
            else:
                break
            theta, t = trial, t_trial
            if decrement < 0.1:
                break
        if (
            level * size < 1e-10
            or t > 0.02
            or (t < 0 and -t > 4 * level * size and t + level * size < -1e-4)
        ):
            break
        level *= 0.1
    upper = t + level * size  # by duality, about
    if upper < -1e-5:
        return None
    found = gram(theta)
    return found, (t if t > 1e-6 else 0.0), scale


def _rounded_kernel(
    vectors: np.ndarray, error: float, limits: Sequence[int]
) -> list[list[Any]] | None:
    """Reduced to echelon form, with entries rounded to the simplest fractions within the error."""
    matrix = vectors.astype(float).copy()
    pivots: list[int] = []
    for row in range(len(matrix)):
        rest = np.abs(matrix[row:]) / np.maximum(
            np.abs(matrix[row:]).max(axis=1, keepdims=True), 1e-300
        )
        rest[:, pivots] = 0
        best = np.unravel_index(int(np.argmax(rest)), rest.shape)
        pivot_row, column = row + int(best[0]), int(best[1])
        if rest[best] < 1e-6:
            return None
        matrix[[row, pivot_row]] = matrix[[pivot_row, row]]
        matrix[row] /= matrix[row, column]
        for other in range(len(matrix)):
            if other != row:
                matrix[other] -= matrix[other, column] * matrix[row]
        pivots.append(column)
    found = []
    for row_values in matrix:
        line = []
        for value in map(float, row_values):
            allowed = error * max(1.0, abs(value))
            near = next(
                (
                    f
                    for f in (Fraction(value).limit_denominator(d) for d in limits)
                    if abs(float(f) - value) < allowed
                ),
                None,
            )
            if near is None:
                return None
            line.append(fmpq(near.numerator, near.denominator))
        found.append(line)
    return found


def _complement(
    null: list[list[Any]], basis: Sequence[dict[Exponents, Any]]
) -> list[dict[Exponents, Any]]:
    """The combinations of the basis that every Gram matrix with this kernel is made of, in echelon
    form.
    """
    size = len(basis)
    orthogonal = rational_kernel(fmpq_mat(len(null), size, [v for row in null for v in row]))
    if not orthogonal:
        return []
    reduced, rank = fmpq_mat(len(orthogonal), size, [v for row in orthogonal for v in row]).rref()
    found = []
    for r in range(rank):
        combined: dict[Exponents, Any] = {}
        for j in range(size):
            if reduced[r, j] != 0:
                for e, c in basis[j].items():
                    combined[e] = combined.get(e, fmpq(0)) + reduced[r, j] * c
        found.append({e: c for e, c in combined.items() if c != 0})
    return found


def _decomposed(matrix: list[list[Any]]) -> tuple[list[list[Any]], list[Any]] | None:
    """Unit upper triangular rows and a positive diagonal with matrix = rowsᵀ · diagonal · rows;
    ``None`` if not positive semidefinite.
    """
    size = len(matrix)
    work = [list(row) for row in matrix]
    rows, diagonal = [], []
    for k in range(size):
        pivot = work[k][k]
        if pivot < 0 or (pivot == 0 and any(v != 0 for v in work[k][k:])):
            return None
        if pivot == 0:
            continue
        row = [v / pivot if j >= k else fmpq(0) for j, v in enumerate(work[k])]
        rows.append(row)
        diagonal.append(pivot)
        for i in range(k, size):
            if row[i] != 0:
                for j in range(k, size):
                    work[i][j] = work[i][j] - pivot * row[i] * row[j]
    return rows, diagonal


def _roots(
    matrix: list[list[Any]], basis: Sequence[dict[Exponents, Any]]
) -> list[tuple[Any, list[tuple[Exponents, Any]]]] | None:
    decomposition = _decomposed(matrix)
    if decomposition is None:
        return None
    found = []
    for row, scale in zip(*decomposition, strict=True):
        root: dict[Exponents, Any] = {}
        for c, polynomial in zip(row, basis, strict=True):
            for e, d in polynomial.items():
                root[e] = root.get(e, fmpq(0)) + c * d
        found.append((scale, [(e, c) for e, c in root.items() if c != 0]))
    return found
