"""Write golden/surfaces.json: how a surface is seen, and integrals of polynomials that are small
far from the origin.

    python tests/explore/golden_surfaces.py

The views are products of rotation matrices by NumPy, and what is hidden is found on the function
itself, along the ray to the eye. The integrals are mpmath's at forty digits, of the polynomial as
it is written, not as its powers add up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

TARGET = Path(__file__).parent / "golden" / "surfaces.json"
TALL = 1.1
BOWLS = {
    "bowl": lambda x, y: 0.5 * (x * x + y * y),
    "cross": lambda x, y: x * x * y * y,
    "wave": lambda x, y: 0.5 + 0.5 * np.sin(4 * x) * np.cos(3 * y),
}
N_BETAS = ("1", "1e4", "1e8")
ONE = {
    "(x-3)^4": lambda x: (x - 3) ** 4,
    "(x-7/2)^6": lambda x: (x - mpmath.mpf(7) / 2) ** 6,
    "(x-3)^2*(x-3.001)^2": lambda x: (x - 3) ** 2 * (x - mpmath.mpf("3.001")) ** 2,
    "(x-3.14159)^2*(x+2.71828)^4": lambda x: (
        (x - mpmath.mpf("3.14159")) ** 2 * (x + mpmath.mpf("2.71828")) ** 4
    ),
    "1e-30*x^2": lambda x: mpmath.mpf("1e-30") * x**2,
    "1024+x^5": lambda x: 1024 + x**5,
}
ZEROS = {
    "(x-3)^4": [3],
    "(x-7/2)^6": [3.5],
    "(x-3)^2*(x-3.001)^2": [3, 3.001],
    "(x-3.14159)^2*(x+2.71828)^4": [3.14159, -2.71828],
    "1e-30*x^2": [0],
    "1024+x^5": [-4],
}
# K = (p y - q)^2 with p, q functions of x: the inner integral is an error function.
TWO = {
    "(x*y-9)^2": (lambda x: x, lambda x: mpmath.mpf(9), [9 / 4.0, -9 / 4.0]),
    "(x-3)^2*(y-3)^2": (lambda x: x - 3, lambda x: 3 * (x - 3), [3]),
    "(y-x^3)^2": (lambda x: mpmath.mpf(1), lambda x: x**3, [4 ** (1 / 3), -(4 ** (1 / 3))]),
}
SIDE = 4


def views(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Points of the unit box where a far eye sees them."""
    rows = []
    for _ in range(40):
        turn, tilt = rng.uniform(-180, 180), rng.uniform(5, 90)
        a, b = np.radians([turn, tilt])
        about_the_vertical = np.array(
            [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
        )
        raised = np.array([[1, 0, 0], [0, np.sin(b), np.cos(b)], [0, -np.cos(b), np.sin(b)]])
        x, y, h = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0, 1)
        right, up, _ = raised @ about_the_vertical @ [x, y, TALL * h]
        rows.append({"turn": turn, "tilt": tilt, "point": [x, y, h], "seen": [right, up]})
    return rows


def hidden(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Points on surfaces that are clearly hidden or clearly free, by the function along the ray."""
    rows = []
    for name, f in BOWLS.items():
        while sum(row["surface"] == name for row in rows) < 40:
            turn, tilt = rng.uniform(-180, 180), rng.uniform(5, 60)
            x, y = rng.uniform(-1, 1, 2)
            a = np.radians(turn)
            s = np.linspace(0.01, 3, 6000)
            ray = (x - s * np.sin(a), y - s * np.cos(a))
            s, ray = (
                s[np.max(np.abs(ray), axis=0) < 1],
                np.array(ray)[:, np.max(np.abs(ray), axis=0) < 1],
            )
            above = np.minimum(f(*ray), 1) - f(x, y) - s * np.tan(np.radians(tilt)) / TALL
            # Clear cases: a wall well above the ray, or a ray that leaves the surface at an angle.
            blocked = max(above[s > 0.1], default=-1) > 0.05
            free = max(above / s, default=-1) < -0.1
            if (blocked or free) and f(x, y) < 1:
                point = [x, y, f(x, y)]
                rows.append(
                    {
                        "surface": name,
                        "turn": turn,
                        "tilt": tilt,
                        "point": point,
                        "seen": not blocked,
                    }
                )
    return rows


def integrals() -> list[dict[str, Any]]:
    """F = -log Z and nβ⟨K⟩ on [-4, 4] or its square."""
    mpmath.mp.dps = 40
    rows = []
    for name, K in ONE.items():
        cuts = sorted({-SIDE, SIDE, *(c for z in ZEROS[name] for c in around(z))})
        for n_beta in map(mpmath.mpf, N_BETAS):
            Z, first = (moment(K, n_beta, power, cuts) for power in (0, 1))
            rows.append(row(name, n_beta, Z / (2 * SIDE), first / Z))
    for name, (p, q, zeros) in TWO.items():
        cuts = sorted({-SIDE, 0, SIDE, *(c for z in zeros for c in around(z))})
        for n_beta in map(mpmath.mpf, N_BETAS):
            ends = [mpmath.log(square(p, q, n_beta * (1 + e), cuts)) for e in (-1e-8, 1e-8)]
            rows.append(row(name, n_beta, square(p, q, n_beta, cuts), (ends[0] - ends[1]) / 2e-8))
    return rows


def row(name: str, n_beta: Any, Z: Any, slope: Any) -> dict[str, Any]:
    """One line of the table."""
    F = float(-mpmath.log(Z))
    return {"K": name, "nBeta": float(n_beta), "F": F, "slope": float(slope)}


def moment(K: Any, n_beta: Any, power: int, cuts: list[Any]) -> Any:
    """∫ (nβK)^power exp(-nβK) over [-4, 4]."""
    return mpmath.quad(lambda x: (n_beta * K(x)) ** power * mpmath.exp(-n_beta * K(x)), cuts)


def square(p: Any, q: Any, n_beta: Any, cuts: list[Any]) -> Any:
    """The mean of exp(-nβ (p y - q)²) over [-4, 4]²."""
    root = mpmath.sqrt(n_beta)

    def inner(x: Any) -> Any:
        if abs(p(x)) * root < mpmath.mpf("1e-12"):
            return 2 * SIDE * mpmath.exp(-n_beta * q(x) ** 2)
        low, high = (mpmath.erf(root * (p(x) * y - q(x))) for y in (-SIDE, SIDE))
        return mpmath.sqrt(mpmath.pi) / 2 * (high - low) / (p(x) * root)

    return mpmath.quad(inner, cuts) / (2 * SIDE) ** 2


def around(zero: float) -> list[Any]:
    """Places that close in on a zero from both sides."""
    steps = [mpmath.mpf(10) ** -k for k in range(7)]
    return [p for s in steps for p in (zero - s, zero, zero + s) if -SIDE < p < SIDE]


def main() -> None:
    """Write the file."""
    rng = np.random.default_rng(22)
    values = rng.normal(size=99)
    shares = [0.05, 0.5, 0.85, 1.0]
    quantiles = np.quantile(values, shares, method="inverted_cdf").tolist()
    found = {
        "views": views(rng),
        "hidden": hidden(rng),
        "quantiles": {"values": values.tolist(), "shares": shares, "found": quantiles},
        "integrals": {"side": SIDE, "rows": integrals()},
    }
    TARGET.write_text(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
