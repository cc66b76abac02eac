"""Write golden/valleys.json: what exact arithmetic and an independent quadrature say of polynomial
landscapes.

    python tests/explore/golden_valleys.py

Exact (fractions): K, its gradient and Hessian on a grid, quadratic conserved quantities of the
gradient flow, the mean of K. Quadrature: the posterior by a tensor product of Gauss rules at two
resolutions that must agree; V(t) between the places where the number of roots changes, which are
roots of discriminants. Neither method is the one of the modules. Descents: SciPy's flow, plain
floats for steps.
"""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import sympy
from scipy.integrate import solve_ivp

TARGET = Path(__file__).parent / "golden" / "valleys.json"
SOURCE = Path(__file__).parents[2] / "src" / "singlearn" / "explore" / "data" / "valleys.json"
N_BETAS = (1.0, 40.0, 2500.0)
LEVELS = (Fraction(1, 100), Fraction(1, 2500), Fraction(1, 10**6))
RANDOM = 12
NODES = 60


def polynomials(rng: Random) -> list[dict[str, Any]]:
    """Those of the table, and random squares and sums of squares that are in no table."""
    rows = [
        {"K": r["K"], "variables": r["variables"], "box": r["box"]}
        for r in json.loads(SOURCE.read_text())["table"]
    ]
    while len(rows) < 56 + RANDOM:
        count = rng.randint(2, 4)
        terms = [
            (
                Fraction(rng.randint(-4, 4), rng.choice((1, 2, 3))),
                rng.randint(0, 3),
                rng.randint(0, 2),
            )
            for _ in range(count)
        ]
        g = (
            " + ".join(f"({c})*x^{i}*y^{j}" for c, i, j in terms if c and (i or j))
            .replace("x^0*", "")
            .replace("*y^0", "")
        )
        if "x" not in g or "y" not in g:
            continue
        K = f"({g})^2" if rng.random() < 0.7 else f"({g})^2 + ({rng.randint(1, 3)}/4)*y^2"
        rows.append({"K": K, "variables": ["x", "y"], "box": [["-1", "1"], ["-3/4", "5/4"]]})
    return rows


def parsed(row: dict[str, Any]) -> tuple[sympy.Poly, list[sympy.Symbol]]:
    symbols = [sympy.Symbol(name) for name in row["variables"]]
    expression = sympy.sympify(
        row["K"].replace("^", "**"), locals={s.name: s for s in symbols}, rational=True
    )
    return sympy.Poly(expression, *symbols, domain="QQ"), symbols


def text(value: sympy.Expr) -> str:
    return str(sympy.Rational(value))


def exactly(
    poly: sympy.Poly, symbols: list[sympy.Symbol], box: list[list[str]], rng: Random
) -> list[dict[str, Any]]:
    """K, gradient and Hessian at fractions in the box."""
    rows = []
    for _ in range(9):
        ends = [(sympy.Rational(low), sympy.Rational(high)) for low, high in box]
        point = [low + sympy.Rational(rng.randint(0, 12), 12) * (high - low) for low, high in ends]
        rows.append(
            {
                "at": [text(v) for v in point],
                "K": text(poly.eval(tuple(point))),
                "gradient": [text(poly.diff(s).eval(tuple(point))) for s in symbols],
                "hessian": [
                    [text(poly.diff(s).diff(r).eval(tuple(point))) for r in symbols]
                    for s in symbols
                ],
            }
        )
    return rows


def conserved(poly: sympy.Poly, symbols: list[sympy.Symbol]) -> list[list[str]]:
    """A basis of (S upper triangle, b) with (Sw + b)·∇K = 0, each vector with first non-zero entry
    1.
    """
    d = len(symbols)
    g = [poly.diff(s) for s in symbols]
    w = [sympy.Poly(s, *symbols, domain="QQ") for s in symbols]
    columns = [
        g[i] * w[j] + (g[j] * w[i] if i != j else 0) for i in range(d) for j in range(i, d)
    ] + g
    monomials = sorted({m for c in columns for m in c.monoms()})
    matrix = sympy.Matrix([[c.coeff_monomial(m) for c in columns] for m in monomials])
    found = []
    for vector in matrix.nullspace():
        lead = next(v for v in vector if v != 0)
        found.append([text(v / lead) for v in vector])
    return found


def mean_of_K(poly: sympy.Poly, symbols: list[sympy.Symbol], box: list[list[str]]) -> str:
    total = sympy.Integer(0)
    for monomial, c in poly.terms():
        for (low, high), k in zip(box, monomial, strict=True):
            a, b = sympy.Rational(low), sympy.Rational(high)
            c = c * (b ** (k + 1) - a ** (k + 1)) / (k + 1) / (b - a)
        total += c
    return text(total)


def panels(low: float, high: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.legendre.leggauss(8)
    edges = np.linspace(low, high, count + 1)
    half = (edges[1:] - edges[:-1]) / 2
    return ((edges[1:] + edges[:-1])[:, None] / 2 + half[:, None] * x).ravel(), (
        half[:, None] * w
    ).ravel()


def posterior(f: Any, box: list[list[float]], n_beta: float) -> dict[str, float] | None:
    """Z, mean and variance of K, where 100 and 150 panels a side agree to 1e-9."""
    answers = []
    for count in (100, 150) if len(box) > 1 else (2000, 3000):
        sides = [panels(low, high, count) for low, high in box]
        if len(box) == 1:
            K, weight = f(sides[0][0]), sides[0][1]
        else:
            K, weight = (
                f(sides[0][0][:, None], sides[1][0][None, :]),
                sides[0][1][:, None] * sides[1][1][None, :],
            )
        e = weight * np.exp(-n_beta * K)
        Z = e.sum()
        mean = (e * K).sum() / Z
        answers.append(
            (Z / np.prod([high - low for low, high in box]), mean, (e * (K - mean) ** 2).sum() / Z)
        )
    if not np.allclose(*answers, rtol=1e-9, atol=0):
        return None
    return dict(zip(("Z", "mean", "variance"), map(float, answers[1]), strict=True))


def volume(
    poly: sympy.Poly, symbols: list[sympy.Symbol], box: list[list[str]], t: Fraction
) -> float | None:
    """The share of the box with K < t; between roots of discriminants the length along y is smooth
    up to square roots at the ends.
    """
    sides = [[float(sympy.Rational(end)) for end in side] for side in box]
    area = np.prod([high - low for low, high in sides])
    whole = sympy.Rational(t)
    if len(symbols) == 1:
        roots = sorted(
            float(sympy.re(r))
            for r in sympy.Poly(poly - whole).nroots(n=30, maxsteps=200)
            if abs(sympy.im(r)) < 1e-20
        )
        cuts = [sides[0][0], *(r for r in roots if sides[0][0] < r < sides[0][1]), sides[0][1]]
        return float(sum(b - a for a, b in pairwise(cuts) if poly.eval((a + b) / 2) < whole) / area)
    x, y = symbols
    constant, factors = sympy.factor_list(poly)
    root = sympy.sqrt(constant / whole)
    if all(k % 2 == 0 for _, k in factors) and root.is_rational:
        g = sympy.prod([f.as_expr() ** (k // 2) for f, k in factors])
        pieces = [sympy.Poly(g - 1 / root, x, y), sympy.Poly(g + 1 / root, x, y)]
    else:
        pieces = [sympy.Poly(poly.as_expr() - whole, x, y)]
    breaks: set[float] = set()
    for piece in pieces:
        if piece.degree(y) == 0:
            events = [piece.as_expr()]
        else:
            in_y = sympy.Poly(piece.as_expr(), y)
            events = [
                in_y.discriminant() if in_y.degree() > 1 else 1,
                in_y.LC(),
                *(in_y.eval(sympy.Rational(end)) for end in box[1]),
            ]
        for event in events:
            polynomial = sympy.Poly(event, x, domain="QQ")
            if polynomial.degree() > 0:
                real = [
                    float(sympy.re(r))
                    for r in polynomial.sqf_part().nroots(n=40, maxsteps=500)
                    if abs(sympy.im(r)) < 1e-25
                ]
                breaks |= {r for r in real if sides[0][0] < r < sides[0][1]}
    cuts = [sides[0][0], *sorted(breaks), sides[0][1]]
    coefficients = [
        [sympy.lambdify(x, c, "numpy") for c in sympy.Poly(p.as_expr(), y).all_coeffs()]
        for p in pieces
    ]
    K = sympy.lambdify((x, y), poly.as_expr().factor(), "numpy")
    answers = []
    for nodes in (NODES, 2 * NODES):
        u, w = np.polynomial.legendre.leggauss(nodes)
        total = 0.0
        for a, b in pairwise(cuts):
            if b - a < 1e-13:
                continue
            theta = (u + 1) * np.pi / 4
            points, weights = (
                a + (b - a) * np.sin(theta) ** 2,
                w * np.pi / 4 * (b - a) * np.sin(2 * theta),
            )
            for value, weight in zip(points, weights, strict=True):
                roots = [
                    r.real
                    for c in coefficients
                    for r in np.roots([float(f(value)) for f in c])
                    if abs(r.imag) < 1e-7
                ]
                line = [
                    sides[1][0],
                    *sorted(r for r in roots if sides[1][0] < r < sides[1][1]),
                    sides[1][1],
                ]
                total += weight * sum(
                    d - c for c, d in pairwise(line) if K(value, (c + d) / 2) < float(t)
                )
        answers.append(total / area)
    return float(answers[1]) if abs(answers[0] - answers[1]) < 2e-8 * abs(answers[1]) else None


def mulberry(seed: int) -> Any:
    """The modules' generator of uniform numbers."""
    state = seed & 0xFFFFFFFF
    while True:
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        t = ((state ^ (state >> 15)) * (state | 1)) & 0xFFFFFFFF
        t = ((t + (((t ^ (t >> 7)) * (t | 61)) & 0xFFFFFFFF)) & 0xFFFFFFFF) ^ t
        yield ((t ^ (t >> 14)) & 0xFFFFFFFF) / 4294967296


def descents(gradient: Any, box: list[list[float]]) -> dict[str, Any]:
    """The flow at time 1 from inside the box, and 25 steps of size 0.02; the last with noise 0.1 on
    each entry of the gradient.
    """
    start = [low + (0.8 if i else 0.7) * (high - low) for i, (low, high) in enumerate(box)]
    flow = solve_ivp(
        lambda _, w: -gradient(w), (0, 1), start, method="DOP853", rtol=1e-12, atol=1e-13
    ).y[:, -1]
    w, noisy, uniform = np.array(start), np.array(start), mulberry(7)
    for _ in range(25):
        w = w - 0.02 * gradient(w)
        g = gradient(noisy)
        xi = np.array(
            [
                np.sqrt(-2 * np.log(1 - next(uniform))) * np.cos(2 * np.pi * next(uniform))
                for _ in start
            ]
        )
        noisy = noisy - 0.02 * (g + 0.1 * xi)
    return {"start": start, "flow": flow.tolist(), "steps": w.tolist(), "noisy": noisy.tolist()}


def main() -> None:
    """Write the file."""
    rng = Random(22)
    rows = []
    for row in polynomials(rng):
        poly, symbols = parsed(row)
        box = [[float(sympy.Rational(end)) for end in side] for side in row["box"]]
        f = sympy.lambdify(symbols, poly.as_expr().factor(), "numpy")
        slopes = [sympy.lambdify(symbols, poly.diff(s).as_expr(), "numpy") for s in symbols]
        row["points"] = exactly(poly, symbols, row["box"], rng)
        row["conserved"] = conserved(poly, symbols)
        row["mean"] = mean_of_K(poly, symbols, row["box"])
        row["posterior"] = [
            {"nBeta": n, **found} for n in N_BETAS if (found := posterior(f, box, n))
        ]
        row["volume"] = [
            {"t": float(t), "V": V}
            for t in LEVELS
            if (V := volume(poly, symbols, row["box"], t)) is not None
        ]
        row["descent"] = descents(
            lambda w, slopes=slopes: np.array([float(g(*w)) for g in slopes]), box
        )
        rows.append(row)
        print(row["K"], len(row["posterior"]), len(row["volume"]), flush=True)
    TARGET.write_text(
        "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n"
    )
    print(f"{TARGET.name}: {len(rows)} polynomials, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
