"""Constructed singularities with a λ that a theorem gives: how often is it proved, and is it ever
another one?

    python bench/exact_coverage.py --timeout 12
    python bench/exact_coverage.py --family determinantal

prints one line per family: how many cases, how many proved, those with a wrong λ or m, the median
and the longest time. Every proof is verified. The exit status is 0 if no value is wrong and at
least 95 % are proved.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import random
import resource
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from math import isqrt
from types import SimpleNamespace
from typing import Any

import sympy

from singlearn.exact import catalogue, resolution, rlct, verify
from singlearn.exact.resolve import search
from singlearn.exact.resolve.limited import LimitError

ENOUGH = 0.95
LONGEST = 400
NAMES = "xyzwvu"


@dataclass(frozen=True)
class Case:
    """What is asked, and what is right.

    Args:
        family: under which it is counted.
        name: what it is.
        K: as ``exact.rlct`` takes it.
        value: λ.
        multiplicity: m, where the theorem gives it.
        where: ``at`` or ``domain``, and ``prior``.
    """

    family: str
    name: str
    K: Any
    value: Fraction
    multiplicity: int | None = None
    where: dict[str, Any] = field(default_factory=dict)


def symbols(count: int) -> tuple[sympy.Symbol, ...]:
    return sympy.symbols(" ".join(NAMES[:count]) + ("," if count == 1 else ""), seq=True)


def coordinates(
    generator: random.Random, count: int, degree: int = 2, linear: bool = False
) -> list[sympy.Expr]:
    """Polynomial coordinates at the origin: a unimodular linear change after a triangular one."""
    x = symbols(count)
    mixed = list(x)
    for _ in range(count):
        i, j = generator.sample(range(count), 2) if count > 1 else (0, 0)
        if i != j:
            mixed[i] = mixed[i] + generator.choice([-2, -1, 1, 1]) * mixed[j]
    if linear:
        return [sympy.expand(m) for m in mixed]
    bent = []
    for i, m in enumerate(mixed):
        if i and generator.random() < 0.7:
            earlier = generator.choice(mixed[:i])
            m = m + generator.choice([-1, 1, 2]) * earlier ** generator.randint(2, degree)
        bent.append(sympy.expand(m))
    return bent


def newton(
    exponents: list[tuple[int, ...]], weights: tuple[int, ...] | None = None
) -> tuple[Fraction, int]:
    r"""(λ, m) of :math:`Σ_a ∏ x_i^{2 a_i}` with density :math:`∏ |x_i|^{h_i}`: a linear program,
     all vertices looked at.

    λ = min Σ w_i (h_i + 1) / 2 over w ≥ 0 with w·a ≥ 1 for all a; m - 1 is the dimension of the set
    of solutions (Varchenko 1976).
    """
    size = len(exponents[0])
    cost = [h + 1 for h in weights or (0,) * size]
    rows = [(*a, 1) for a in exponents] + [
        (*(int(i == j) for j in range(size)), 0) for i in range(size)
    ]
    best: Fraction | None = None
    optimal: list[list[Fraction]] = []
    for chosen in combinations(rows, size):
        matrix = sympy.Matrix([row[:size] for row in chosen])
        if matrix.det() == 0:
            continue
        solution = matrix.LUsolve(sympy.Matrix([row[size] for row in chosen]))
        w = [Fraction(int(v.p), int(v.q)) for v in solution]
        if min(w) < 0 or any(
            sum(a * b for a, b in zip(row, w, strict=False)) < row[size] for row in rows
        ):
            continue
        value = sum(c * v for c, v in zip(cost, w, strict=True)) / Fraction(2)
        if best is None or value < best:
            best, optimal = value, []
        if value == best:
            optimal.append(w)
    assert best is not None
    spread = sympy.Matrix([[a - b for a, b in zip(w, optimal[0], strict=True)] for w in optimal])
    return best, int(spread.rank()) + 1


def some_monomials(
    generator: random.Random, size: int, count: int, degree: int
) -> list[tuple[int, ...]]:
    """Monomials without a common zero beyond the origin's coordinate planes; at least one each."""
    found: set[tuple[int, ...]] = set()
    while len(found) < count:
        e = [0] * size
        for _ in range(generator.randint(1, degree)):
            e[generator.randrange(size)] += 1
        found.add(tuple(e))
    return sorted(found)


def monomial(e: tuple[int, ...], y: list[sympy.Expr]) -> sympy.Expr:
    return sympy.Mul(*(v**k for v, k in zip(y, e, strict=True)))


def normal_crossings(generator: random.Random) -> Iterator[Case]:
    for index in range(30):
        size = generator.randint(2, 4)
        y = coordinates(generator, size)
        k = [
            generator.choice([0, 1, 1, 2, 3]) if size < 4 else generator.choice([0, 1, 1])
            for _ in range(size)
        ]
        k[0] = max(k[0], 1)
        h = [generator.choice([0, 0, 2]) if k[i] else 0 for i in range(size)]
        ratios = [Fraction(b + 1, 2 * a) for a, b in zip(k, h, strict=True) if a]
        K = sympy.expand(monomial(tuple(2 * v for v in k), y))
        prior = sympy.expand(monomial(tuple(h), y))
        where = {"prior": str(prior)} if any(h) and index % 2 else {}
        if not where:
            ratios = [Fraction(1, 2 * a) for a in k if a]
        yield Case(
            "normal crossings", str(k), str(K), min(ratios), ratios.count(min(ratios)), where
        )


def monomial_sums(generator: random.Random) -> Iterator[Case]:
    for index in range(80):
        size = generator.choice([2, 2, 3, 3, 4])
        exponents = some_monomials(generator, size, generator.randint(2, 3), 3)
        if not all(any(e[i] for e in exponents) for i in range(size)):
            exponents.append(tuple(1 for _ in range(size)))
        value, multiplicity = newton(exponents)
        y = coordinates(generator, size, linear=index % 3 == 0)
        generators = [sympy.expand(monomial(e, y)) for e in exponents]
        if index < 30:
            yield Case(
                "sums of squares, listed",
                str(exponents),
                [str(g) for g in generators],
                value,
                multiplicity,
            )
        else:
            K = sympy.expand(sum(g**2 for g in generators))
            yield Case("sums of squares, expanded", str(exponents), str(K), value, multiplicity)


def forms(generator: random.Random) -> Iterator[Case]:
    """Isolated minima: even powers of coordinates, and terms of higher weight."""
    for _ in range(25):
        size = generator.randint(2, 4)
        half = [generator.randint(1, 3) for _ in range(size)]
        y = coordinates(generator, size, linear=True)
        K = sum(
            c * v ** (2 * a)
            for v, a, c in zip(y, half, [generator.choice([1, 1, 2, 3]) for _ in half], strict=True)
        )
        i, j = generator.randrange(size), generator.randrange(size)
        K += generator.choice([-1, 1]) * y[i] ** (2 * half[i]) * y[j]
        yield Case(
            "isolated minima",
            str(half),
            str(sympy.expand(K)),
            sum((Fraction(1, 2 * a) for a in half), Fraction(0)),
            1,
        )


def linear_powers(generator: random.Random) -> Iterator[Case]:
    yield Case("powers of linear forms", "(x+y+z+w)^40", "(x+y+z+w)^40", Fraction(1, 40), 1)
    yield Case("powers of linear forms", "(x+y+z+w+v+u)^12", "(x+y+z+w+v+u)^12", Fraction(1, 12), 1)
    for _ in range(12):
        size = generator.randint(2, 4)
        forms_ = coordinates(generator, size, linear=True)[: generator.randint(1, size)]
        half = [generator.randint(1, 5) for _ in forms_]
        K = sympy.expand(sum(f ** (2 * a) for f, a in zip(forms_, half, strict=True)))
        yield Case(
            "powers of linear forms",
            str(half),
            str(K),
            sum((Fraction(1, 2 * a) for a in half), Fraction(0)),
            1,
        )


def hypersurfaces(generator: random.Random) -> Iterator[Case]:
    """f² for f = Σ ± y_i^(a_i), with a real zero set of codimension 1: λ = min(1, Σ 1/a_i)/2."""
    for _ in range(25):
        size = generator.choice([2, 2, 3, 3, 4])
        powers = [generator.randint(2, 4) for _ in range(size)]
        y = coordinates(generator, size, linear=generator.random() < 0.5)
        f = sum((1 if i else -1) * v**a for i, (v, a) in enumerate(zip(y, powers, strict=True)))
        total = sum((Fraction(1, a) for a in powers), Fraction(0))
        yield Case(
            "hypersurfaces",
            str(powers),
            [str(sympy.expand(f))],
            min(Fraction(1), total) / 2,
            1 + (total == 1),
        )


def disjoint(generator: random.Random) -> Iterator[Case]:
    """f(y) + g(z), and f(y)·g(z), in coordinates that are mixed afterwards."""
    for index in range(40):
        first, second = generator.choice([(1, 1), (2, 1), (1, 2), (2, 2)])
        y = coordinates(generator, first + second, linear=index % 2 == 0)
        one = some_monomials(generator, first, generator.randint(1, 2), 3)
        other = some_monomials(generator, second, generator.randint(1, 2), 3)
        a, b = newton(one), newton(other)
        f = [monomial(e, y[:first]) for e in one]
        g = [monomial(e, y[first:]) for e in other]
        if index < 20:
            value, multiplicity = a[0] + b[0], a[1] + b[1] - 1
            generators = [sympy.expand(q) for q in (*f, *g)]
            K: Any = (
                str(sympy.expand(sum(q**2 for q in generators)))
                if index % 2
                else [str(q) for q in generators]
            )
            yield Case("sums in other variables", f"{one} + {other}", K, value, multiplicity)
        else:
            value = min(a[0], b[0])
            multiplicity = a[1] * (a[0] == value) + b[1] * (b[0] == value)
            K = [str(sympy.expand(p * q)) for p in f for q in g]
            if index % 2:
                K = str(sympy.expand(sum(p**2 for p in f) * sum(q**2 for q in g)))
            yield Case("products in other variables", f"{one} · {other}", K, value, multiplicity)


def minors(matrix: sympy.Matrix, size: int) -> list[str]:
    rows, columns = matrix.shape
    found = {
        str(sympy.expand(matrix[list(r), list(c)].det()))
        for r in combinations(range(rows), size)
        for c in combinations(range(columns), size)
    }
    return sorted(found)


def first_of(levels: list[Fraction]) -> tuple[Fraction, int]:
    return min(levels) / 2, levels.count(min(levels))


def determinantal(generator: random.Random) -> Iterator[Case]:
    """Ideals of k × k minors: the blow-ups of the loci of rank i = 0, …, k-1 resolve them (complete
    collineations, complete quadrics, secants of rational normal curves), with orders k - i along
    the i-th.
    """
    for rows, columns, k in [
        (2, 2, 2),
        (2, 3, 2),
        (2, 4, 2),
        (2, 5, 2),
        (3, 3, 2),
        (3, 3, 3),
        (3, 4, 3),
        (3, 4, 2),
    ]:
        a = sympy.Matrix(rows, columns, lambda i, j: sympy.Symbol(f"a{i}{j}"))
        value, m = first_of([Fraction((rows - i) * (columns - i), k - i) for i in range(k)])
        yield Case("determinantal", f"{rows}x{columns}, {k}", minors(a, k), value, m)
    for size, k in [(2, 2), (3, 2), (3, 3), (4, 2), (4, 3)]:
        a = sympy.Matrix(size, size, lambda i, j: sympy.Symbol(f"a{min(i, j)}{max(i, j)}"))
        value, m = first_of([Fraction((size - i) * (size - i + 1), 2 * (k - i)) for i in range(k)])
        yield Case("determinantal", f"symmetric {size}, {k}", minors(a, k), value, m)
    for rows, columns, k in [(2, 2, 2), (2, 3, 2), (2, 4, 2), (3, 3, 3), (3, 3, 2), (2, 5, 2)]:
        a = sympy.Matrix(rows, columns, lambda i, j: sympy.Symbol(f"a{i + j}"))
        entries = rows + columns - 1
        value, m = first_of([Fraction(entries - 2 * i, k - i) for i in range(k)])
        yield Case("determinantal", f"Hankel {rows}x{columns}, {k}", minors(a, k), value, m)
    a = sympy.Matrix(
        4,
        4,
        lambda i, j: (
            sympy.Symbol(f"a{i}{j}") if i < j else -sympy.Symbol(f"a{j}{i}") if i > j else 0
        ),
    )
    yield Case("determinantal", "Pfaffian 4", ["a01*a23 - a02*a13 + a03*a12"], Fraction(1, 2), 1)
    five = [
        f"a{i}{j}*a{k}{n} - a{i}{k}*a{j}{n} + a{i}{n}*a{j}{k}"
        for i, j, k, n in combinations(range(5), 4)
    ]
    yield Case("determinantal", "Pfaffians of 5", five, Fraction(3, 2), 1)
    # At a point of rank 1, minors of a smaller matrix are left; with numbers of our choice.
    for rows, columns, k in [(3, 3, 3), (2, 3, 2), (3, 3, 2), (3, 4, 3)]:
        a = sympy.Matrix(rows, columns, lambda i, j: sympy.Symbol(f"a{i}{j}"))
        u, v = [[generator.choice([1, 2, -1]) for _ in range(n)] for n in (rows, columns)]
        at = {f"a{i}{j}": u[i] * v[j] for i in range(rows) for j in range(columns)}
        value, m = first_of([Fraction((rows - i) * (columns - i), k - i) for i in range(1, k)])
        yield Case(
            "determinantal", f"{rows}x{columns}, {k}, at rank 1", minors(a, k), value, m, {"at": at}
        )
    for rows, columns, k in [(2, 2, 2), (2, 3, 2), (3, 3, 3)]:
        x = sympy.Matrix(rows, columns, lambda i, j: sympy.Symbol(f"a{i}{j}"))
        mixed = {
            s: s + generator.choice([-1, 1, 2]) * t
            for s, t in zip(list(x), [*list(x)[1:], 0], strict=True)
        }
        value, m = first_of([Fraction((rows - i) * (columns - i), k - i) for i in range(k)])
        generators = [
            str(sympy.expand(sympy.sympify(g).subs(mixed, simultaneous=True))) for g in minors(x, k)
        ]
        yield Case("determinantal", f"{rows}x{columns}, {k}, mixed", generators, value, m)


def products_of_matrices(generator: random.Random) -> Iterator[Case]:
    shapes = [
        (1, 1, 2),
        (2, 1, 2),
        (2, 2, 1),
        (1, 2, 2),
        (2, 2, 2),
        (3, 1, 1),
        (3, 1, 2),
        (3, 2, 1),
        (3, 2, 2),
        (3, 1, 3),
        (3, 3, 1),
        (3, 3, 2),
        (2, 2, 3),
        (3, 2, 3),
    ]
    for M, N, H in shapes:
        for rank in range(min(M, N, H) + 1):
            A = sympy.Matrix(H, M, lambda i, j: sympy.Symbol(f"a{i}{j}"))
            B = sympy.Matrix(N, H, lambda i, j: sympy.Symbol(f"b{i}{j}"))
            one = sympy.zeros(N, M)
            for i in range(rank):
                one[i, i] = 1
            at = {f"{n}{i}{i}": 1 for n in "ab" for i in range(rank)}
            known = catalogue.reduced_rank(inputs=M, outputs=N, hidden=H, rank=rank)
            local = catalogue.reduced_rank_local(M, N, H, rank, rank, rank)
            assert known.value == local.value
            K = [str(sympy.expand(g)) for g in B * A - one]
            yield Case(
                "reduced rank",
                f"{M}-{H}-{N}, rank {rank}",
                K,
                Fraction(known.value),
                known.multiplicity,
                {"at": at} if at else {},
            )


def vandermonde(generator: random.Random) -> Iterator[Case]:
    r"""Σ_n (Σ_k a_k b_k^{Q(n-1)+1})²: Aoyagi 2006; Q = 2 are tanh networks with zero truth."""
    for Q in (1, 2, 3):
        for H in (1, 2, 3, 4):
            i = max(i for i in range(1, 10) if Q * (i * i - i) + 2 * i <= 2 * H)
            m = 2 if Q * (i * i - i) + 2 * i == 2 * H else 1
            value = Fraction(Q * i * (i + 1) + 2 * H, 4 * (1 + i * Q))
            K = [" + ".join(f"a{k}*b{k}^{Q * n + 1}" for k in range(H)) for n in range(H)]
            if Q == 2:
                assert value == Fraction(isqrt(H) ** 2 + isqrt(H) + H, 4 * isqrt(H) + 2)
            yield Case("Vandermonde", f"H = {H}, Q = {Q}", K, value, m)
    # One true node a·tanh(b x), two in the network: moments about it.
    for a, b in [(1, 1), (2, 1), (1, 2), (3, -1)]:
        K = [f"a1*b1^{n} + a2*b2^{n} - ({a})*({b})^{n}" for n in (1, 3, 5, 7)]
        for phase, at in [
            ("merged", {"a1": Fraction(a, 2), "b1": b, "a2": Fraction(a, 2), "b2": b}),
            ("merged", {"a1": 3 * a, "b1": b, "a2": -2 * a, "b2": b}),
            ("zero_outgoing", {"a1": a, "b1": b, "a2": 0, "b2": 3 * b}),
            ("zero_incoming", {"a1": a, "b1": b, "a2": 5, "b2": 0}),
            ("zero_both", {"a1": a, "b1": b, "a2": 0, "b2": 0}),
        ]:
            known = catalogue.tanh_one_true_node(phase)
            yield Case(
                "Vandermonde",
                f"{phase}, {at}",
                K,
                Fraction(known.value),
                known.multiplicity,
                {"at": at},
            )


def powers_at(v: sympy.Symbol, roots: list[int], half: list[int]) -> sympy.Expr:
    return sympy.Mul(*((v - r) ** (2 * k) for r, k in zip(roots, half, strict=True)))


def whole_spaces(generator: random.Random) -> Iterator[Case]:
    """Over all points, or those of a box: the smallest λ of a few places that are known."""
    for index in range(
        10
    ):  # products of powers of polynomials of one variable each, with rational roots
        roots = [
            generator.sample([-2, -1, 0, 1, 2], generator.randint(1, 3))
            for _ in range(generator.randint(1, 3))
        ]
        powers = [[generator.randint(1, 3) for _ in r] for r in roots]
        size = len(roots)
        x = symbols(size)
        K = sympy.expand(
            sympy.Mul(*(powers_at(v, rs, ks) for v, rs, ks in zip(x, roots, powers, strict=True)))
        )
        highest = max(map(max, powers))
        m = sum(max(ks) == highest for ks in powers)
        where: dict[str, Any] = (
            {"domain": "all"} if index % 2 else {"domain": {str(v): (-3, 3) for v in x}}
        )
        yield Case(
            "all points, a box", f"products {powers}", str(K), Fraction(1, 2 * highest), m, where
        )
    x, y, z = symbols(3)
    for index in range(
        10
    ):  # sums of squares of the same in different variables: λ adds, at the worst point of each
        size = generator.randint(2, 3)
        roots = [generator.sample([-2, -1, 0, 1, 2], generator.randint(1, 2)) for _ in range(size)]
        powers = [[generator.randint(1, 3) for _ in r] for r in roots]
        K = sympy.Add(
            *(powers_at(v, rs, ks) for v, rs, ks in zip((x, y, z), roots, powers, strict=False))
        )
        value = sum((Fraction(1, 2 * max(ks)) for ks in powers), Fraction(0))
        where = (
            {"domain": "all"}
            if index % 2
            else {"domain": {str(v): (-3, 3) for v in (x, y, z)[:size]}}
        )
        yield Case(
            "all points, a box",
            f"sums {powers}",
            str(sympy.expand(K) if index % 3 else K),
            value,
            1,
            where,
        )
    spheres = [
        ([x**2 + y**2 - 1], 1),
        ([x**2 + y**2 + z**2 - 1], 1),
        ([x**2 + y**2 - 1, z], 2),
        ([x**2 + y**2 - 2, x - y], 2),
        ([x**2 + y**2 + z**2 - 3, x - y], 2),
        ([x * y - 1], 1),
        ([x**2 - 2, y**2 - 3], 2),
        ([x**3 - x - y], 1),
        ([x**2 + y**2 - 1, z**2 - x], 2),
        ([x**2 - y**2 - 1], 1),
        ([x**4 + y**4 - 1], 1),
    ]
    for generators, codimension in spheres:  # smooth complete intersections
        names = sorted({str(s) for g in generators for s in g.free_symbols})
        for where in ({"domain": "all"}, {"domain": {n: (-2, 2) for n in names}}):
            yield Case(
                "all points, a box",
                str(generators),
                [str(g) for g in generators],
                Fraction(codimension, 2),
                1,
                where,
            )
    arrangements = [
        [x, y, x - y],
        [x, y, x - y, x + y],
        [x, x - 1, y, x - y],
        [x, y, z, x - y, x + y + z],
    ]
    for lines, where_names in zip(arrangements, ("xy", "xy", "xy", "xyz"), strict=True):
        # arrangements: the smallest codimension of a flat by twice the number of hyperplanes
        # through it
        best = Fraction(1, 2)
        for size in range(2, len(lines) + 1):
            for chosen in combinations(lines, size):
                system = sympy.Matrix(
                    [
                        [sympy.diff(f, s) for s in (x, y, z)] + [f.subs({x: 0, y: 0, z: 0})]
                        for f in chosen
                    ]
                )
                if system.rank() == system[:, :3].rank():
                    best = min(best, Fraction(int(system.rank()), 2 * size))
        for where in ({"domain": "all"}, {"domain": {n: (-2, 2) for n in where_names}}):
            yield Case(
                "all points, a box",
                str(lines),
                [str(sympy.expand(sympy.Mul(*lines)))],
                best,
                None,
                where,
            )


def every_case(seed: int) -> list[Case]:
    families = (
        normal_crossings,
        monomial_sums,
        forms,
        linear_powers,
        hypersurfaces,
        disjoint,
        determinantal,
        products_of_matrices,
        vandermonde,
        whole_spaces,
    )
    return [
        case for n, family in enumerate(families) for case in family(random.Random(100 * seed + n))
    ]


@dataclass(frozen=True)
class Outcome:
    """Of one case: proved, wrong, seconds."""

    case: Case
    proved: bool
    wrong: str
    seconds: float
    reason: str = ""


def run(case: Case, timeout: float, check: bool) -> Outcome:
    begin = time.process_time()
    try:
        found = rlct(case.K, timeout=timeout, **case.where)
    except ValueError as error:
        return Outcome(case, False, f"refused: {error}", time.process_time() - begin)
    seconds = time.process_time() - begin
    proved = found.status == "proved"
    wrong = ""
    if not found.lower <= case.value <= found.upper:
        wrong = f"λ is {case.value}, found {found}"
    elif proved and case.multiplicity is not None and found.multiplicity != case.multiplicity:
        wrong = f"m is {case.multiplicity}, found {found}"
    elif proved and check and not verify(found.certificate).valid:
        wrong = f"the certificate is refuted: {verify(found.certificate).reason}"
    return Outcome(
        case, proved, wrong, seconds, f"{found.lower} ≤ λ ≤ {found.upper}: {found.reason}"[:120]
    )


def resolve_in_a_fork(arguments: dict[str, Any], seconds: float) -> Any:
    """As ``resolve_in_a_process``, ended by the time of the processor and not by the clock on the
    wall.
    """
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)

    def answer() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds)))
        there.send(resolution.resolve(**arguments))

    process = multiprocessing.get_context("fork").Process(target=answer)
    process.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        raise LimitError("time ran out in one step of algebra") from None
    finally:
        process.join()


def say(text: str) -> None:
    print(text if len(text) <= LONGEST else text[:LONGEST] + " …", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--timeout", type=float, default=12.0, help="seconds for each")
    parser.add_argument("--family", default="", help="only those whose name contains this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verify", action="store_true", help="verify every proof")
    parser.add_argument(
        "--print", action="store_true", dest="show", help="print the cases that are not proved"
    )
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="seconds of the processor, for a machine that is busy",
    )
    options = parser.parse_args()
    if options.processor_time:
        for module in (resolution, search):
            module.time = SimpleNamespace(monotonic=time.process_time)  # type: ignore[assignment]
        resolution.resolve_in_a_process = resolve_in_a_fork
    cases = [case for case in every_case(options.seed) if options.family in case.family]
    table: dict[str, list[Outcome]] = {}
    for case in cases:
        outcome = run(case, options.timeout, options.verify)
        table.setdefault(case.family, []).append(outcome)
        if outcome.wrong:
            say(f"WRONG  {case.family}: {case.name}: {outcome.wrong[:300]}: {case.K} {case.where}")
        elif options.show and not outcome.proved:
            found = f"{outcome.seconds:.1f} s, {outcome.reason}"
            say(
                f"open   {case.family}: {case.name} ({found}): right is {case.value}; {case.K} "
                f"{case.where or ''}"
            )
    print(f"{'family':30}{'cases':>8}{'proved':>8}{'wrong':>8}{'median':>10}{'longest':>10}")
    every = [outcome for rows in table.values() for outcome in rows]
    for name, rows in [*table.items(), ("all", every)]:
        times = [o.seconds for o in rows]
        proved, wrong = sum(o.proved for o in rows), sum(bool(o.wrong) for o in rows)
        print(
            f"{name:30}{len(rows):8}{proved:8}{wrong:8}{statistics.median(times):8.2f} "
            f"s{max(times):8.1f} s"
        )
    raise SystemExit(
        any(o.wrong for o in every) or sum(o.proved for o in every) < ENOUGH * len(every)
    )


if __name__ == "__main__":
    main()
