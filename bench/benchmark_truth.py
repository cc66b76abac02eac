"""Write the problems of ``singlearn.benchmark`` with their truths.

Every number is a closed form, a quadrature in at most three dimensions with its own error, or a
sum over all allocations of what is hidden. λ and m are theorems of the catalogue or certificates
that are found and verified here. Where none of these reaches, F is left out and said to be missing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import cubature
from scipy.special import betaln, gammaln, logsumexp
from scipy.stats import norm

from singlearn import exact
from singlearn.benchmark.priors import ParameterPrior
from singlearn.benchmark.problem import FOLDER, Problem
from singlearn.benchmark.truth import KnownCoefficient, KnownValue, Phase
from singlearn.exact import catalogue

jax.config.update("jax_enable_x64", True)
LICENCE = "MIT"
VERSION = 1
LONG = math.log(13.0)
LARGEST_ERROR = 2e-3  # of F, in nats: what is known worse is left out
FAR = 9.0  # standard deviations of a normal prior that are integrated over: 2e-19 lie beyond
TOLERANCE = 1e-6  # of integrals that are about 1; the estimates of cubature are cautious
COLD = (0.01, 0.1, 1.0)
DATA = (0.1, 0.3, 1.0)
MADE: dict[str, Callable[[], Problem]] = {}


# -- priors and problems


def normal(name: str, shape: Sequence[int] = (), scale: float = 1.0) -> ParameterPrior:
    return ParameterPrior(name, "normal", {"location": 0.0, "scale": scale}, tuple(shape))


def uniform(name: str, low: float, high: float, shape: Sequence[int] = ()) -> ParameterPrior:
    return ParameterPrior(name, "uniform", {"low": low, "high": high}, tuple(shape))


def gamma(name: str, a: float, b: float, shape: Sequence[int] = ()) -> ParameterPrior:
    return ParameterPrior(name, "gamma", {"concentration": a, "rate": b}, tuple(shape))


def dirichlet(name: str, size: int, rows: int | None = None, alpha: float = 1.0) -> ParameterPrior:
    shape = () if rows is None else (rows,)
    return ParameterPrior(name, "dirichlet", {"concentration": [alpha] * size}, shape)


def problem(name: str, family: str, title: str, prior: Sequence[ParameterPrior], **more: Any):
    given = {
        "constants": {},
        "data": {},
        "n": 1.0,
        "inverse_temperatures": COLD,
        "learning_coefficient": None,
        "leading_constant": None,
        "known": (),
        "phases": (),
        "minimum": None,
        "provenance": "",
    } | more
    if given["data"]:
        given["data"] = {key: np.asarray(value) for key, value in given["data"].items()}
        given["n"] = len(next(iter(given["data"].values())))
    return Problem(
        name=name,
        family=family,
        title=title,
        prior=tuple(prior),
        licence=LICENCE,
        version=VERSION,
        **given,
    )


def completed(made: Problem, **changes: Any) -> Problem:
    return replace(made, **changes, _made={})


def register(name: str) -> Callable[[Callable[[], Problem]], Callable[[], Problem]]:
    def kept(make: Callable[[], Problem]) -> Callable[[], Problem]:
        MADE[name] = make
        return make

    return kept


# -- λ and m


def theorem(found: exact.ExactCoefficient) -> KnownCoefficient:
    assert found.status == "proved", found
    return KnownCoefficient(
        str(found.value), int(found.multiplicity), found.source, found.conditions
    )


def certified(
    K: str, prior: str | None = None, conditions: str = "", at: dict[str, int] | None = None
) -> KnownCoefficient:
    """λ by our search, whose certificate the separate checker accepts: at the origin, or where the
    most singular zero of K is.
    """
    found = exact.rlct(K, at=at, prior=prior, timeout=120)
    assert found.status == "proved" and math.isfinite(found.value), (K, found)
    assert found.certificate is not None and exact.verify(found.certificate)
    where = "" if at is None else f", at={at}"
    return KnownCoefficient(
        str(found.value),
        int(found.multiplicity),
        f'certificate of singlearn.exact.rlct("{K}"{where}), verified',
        conditions or "prior positive and bounded near the zeros of K",
    )


# -- quadrature


def known(beta: float, F: float, E: float | None, C: float | None, errors, method: str) -> list:
    found = [KnownValue("free_energy", beta, float(F), float(errors[0]), method)]
    if E is not None:
        found.append(KnownValue("energy", beta, float(E), float(errors[1]), method))
    if C is not None:
        found.append(KnownValue("heat_capacity", beta, float(C), float(errors[2]), method))
    return found


def from_moments(beta: float, log_scale: float, integral, error, method: str) -> list[KnownValue]:
    """F, E, C of ∫ e^{-βU} times 1, βU, (βU)², each divided by e^{log_scale}."""
    F = -(log_scale + math.log(integral[0]))
    E, second = integral[1] / integral[0], integral[2] / integral[0]
    relative = error / integral[0]
    floor = 1e-12
    return known(
        beta,
        F,
        E / beta,
        second - E**2,
        (
            relative[0] + floor * max(1, abs(F)),
            (relative[1] + abs(E) * relative[0]) / beta + floor * max(1.0, abs(E / beta)),
            relative[2] + (second + 2 * E**2) * relative[0] + 2 * abs(E) * relative[1] + floor * 10,
        ),
        method,
    )


CUTS = {1: 6, 2: 6, 3: 0}


def most_regions(dimension: int) -> int:
    """Of one cubature: a region has 441 points in a plane and 3375 in space."""
    return 4000 if dimension < 3 else 120


def bounds_of(parts: Sequence[ParameterPrior]) -> tuple[list[float], list[float]]:
    low, high = [], []
    for part in parts:
        s = part.settings
        edge = {
            "normal": lambda s=s: (
                s["location"] - FAR * s["scale"],
                s["location"] + FAR * s["scale"],
            ),
            "half_normal": lambda s=s: (0.0, FAR * s["scale"]),
        }.get(part.distribution, lambda: (0.0, 1.0))()
        low += [edge[0]] * part.dimension
        high += [edge[1]] * part.dimension
    return low, high


def plain(
    made: Problem,
    moments: Sequence[tuple[str, str]] = (),
    phases: Sequence[tuple[Phase, Sequence[float], Sequence[float]]] = (),
    split: Sequence[float] | None = None,
) -> list[KnownValue]:
    """Adaptive cubature over all parameters of the NumPy log likelihood: normal parameters on their
    own axis, others by their inverse distribution functions.
    """
    low, high = bounds_of(made.prior)
    ends = np.cumsum([part.dimension for part in made.prior])[:-1]

    def parameters(x):
        pieces, density, w = np.split(x, ends, axis=1), np.zeros(len(x)), {}
        for part, piece in zip(made.prior, pieces, strict=True):
            if part.distribution in ("normal", "half_normal"):
                w[part.parameter] = piece.reshape(len(x), *part.whole_shape)
                density += part.log_density(w[part.parameter])
            else:
                w[part.parameter] = part.from_unit_cube(piece)
        return w, density

    generator = np.random.default_rng(0)
    start = made.from_unit_cube(generator.uniform(size=(20000, made.dimension)))
    lowest = 0.0 if made.is_population else float(-made.log_likelihoods(start).max())
    betas = made.inverse_temperatures
    rule = "gk21" if made.dimension < 3 else "gk15"

    def weights(x):
        w, density = parameters(x)
        U = -made.log_likelihoods(w) - lowest
        return w, U, [np.exp(density - beta * U) for beta in betas]

    def pilot(x):
        return np.stack(weights(x)[2], axis=1)

    regions = [(low, high)]
    if split is not None:
        regions = [
            ([*low[:-1], a], [*high[:-1], b])
            for a, b in itertools.pairwise([low[-1], *split, high[-1]])
        ]

    def over(f, a, b, **settings):
        total, error = 0.0, 0.0
        for first, last in regions:
            first, last = np.maximum(first, a), np.minimum(last, b)
            if np.all(first < last):
                # Cut near the middle at first, so that no narrow valley is overlooked.
                middle, half = 0.5 * (first + last), 0.5 * (last - first)
                cuts = [middle + part * half for part in (-0.31, -0.11, -0.03, 0.04, 0.12, 0.33)]
                found = cubature(
                    f, first, last, rule=rule, points=cuts[: CUTS[len(low)]], **settings
                )
                total, error = total + found.estimate, error + found.error
        return total, error

    scale, _ = over(pilot, low, high, rtol=1e-2, atol=1e-12, max_subdivisions=300)
    assert np.all(scale > 0), (made.name, scale)

    def integrand(x):
        w, U, own = weights(x)
        columns = []
        for beta, weight, size in zip(betas, own, scale, strict=True):
            columns += [weight / size, beta * U * weight / size, (beta * U) ** 2 * weight / size]
        from singlearn.benchmark.problem import coordinate

        last = own[-1] / scale[-1]
        for quantity, of in moments:
            value = coordinate(w, of)
            columns.append(last * (value if quantity == "mean" else value**2))
        return np.stack(columns, axis=1)

    tolerance = TOLERANCE if made.dimension < 3 else 3e-5
    integral, error = over(
        integrand, low, high, rtol=0.0, atol=tolerance, max_subdivisions=most_regions(len(low))
    )
    found = []
    for k, beta in enumerate(betas):
        part = from_moments(
            beta,
            math.log(scale[k]),
            integral[3 * k : 3 * k + 3],
            error[3 * k : 3 * k + 3],
            "quadrature",
        )
        shift = {"free_energy": beta * lowest, "energy": lowest, "heat_capacity": 0.0}
        found += [
            KnownValue(v.quantity, beta, v.value + shift[v.quantity], v.error, v.method)
            for v in part
        ]
    offset, Z = 3 * len(betas), integral[3 * (len(betas) - 1)]
    for k, (quantity, of) in enumerate(moments):
        value = integral[offset + k] / Z
        bound = error[offset + k] + abs(value) * error[offset - 3] + 1e-12
        found.append(KnownValue(quantity, betas[-1], float(value), float(bound), "quadrature", of))
    for phase, a, b in phases:
        whole = [np.maximum(low, a), np.minimum(high, b)]
        value, bound = over(
            lambda x: weights(x)[2][-1][:, None] / scale[-1],
            *whole,
            rtol=0.0,
            atol=TOLERANCE,
            max_subdivisions=most_regions(len(low)),
        )
        share = float(value[0] / Z)
        found.append(
            KnownValue(
                "phase_share",
                betas[-1],
                share,
                float(bound[0] + error[offset - 3]) + 1e-12,
                "quadrature",
                phase.name,
            )
        )
    return found


def in_the_plane(moments: Sequence[tuple[str, str]]) -> Callable[[Problem], list[KnownValue]]:
    """Two normal parameters, where valleys are too long for adaptive cubature: products of
    Gauss–Legendre rules on panels, by two different numbers of panels and of nodes. The error is
    what they differ by.
    """

    def solve(made: Problem) -> list[KnownValue]:
        rough = _on_panels(made, moments, 250, 9)
        fine = _on_panels(made, moments, 300, 10)
        return [
            replace(good, error=abs(good.value - bad.value) + 1e-11 * max(1.0, abs(good.value)))
            for good, bad in zip(fine, rough, strict=True)
        ]

    return solve


def _on_panels(made, moments, panels: int, order: int) -> list[KnownValue]:
    low, high = bounds_of(made.prior)
    first, second = made.prior
    nodes, weights = np.polynomial.legendre.leggauss(order)

    def axis(a: float, b: float):
        cuts = np.linspace(a, b, panels + 1)
        middle, half = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts) / 2
        x = middle[:, None] + half[:, None] * nodes
        return x.ravel(), (half[:, None] * weights).ravel()

    x, of_x = axis(low[0], high[0])
    y, of_y = axis(low[1], high[1])
    names = [first.parameter, second.parameter]
    sums = {beta: np.zeros(3 + len(moments)) for beta in made.inverse_temperatures}
    for block in np.array_split(np.arange(len(x)), 60):
        w = dict(zip(names, (np.repeat(x[block], len(y)), np.tile(y, len(block))), strict=True))
        U = -made.log_likelihoods(w)
        density = first.log_density(w[names[0]]) + second.log_density(w[names[1]])
        area = np.repeat(of_x[block], len(y)) * np.tile(of_y, len(block)) * np.exp(density)
        rows = [w[of] ** (1 if kind == "mean" else 2) for kind, of in moments]
        for beta, total in sums.items():
            weight = area * np.exp(-beta * U)
            every = [np.ones_like(U), beta * U, (beta * U) ** 2, *rows]
            total += [weight @ row for row in every]
    found = []
    for beta, total in sums.items():
        found += from_moments(beta, 0.0, total[:3], np.zeros(3), "quadrature")
    beta = made.inverse_temperatures[-1]
    means = sums[beta][3:] / sums[beta][0]
    return found + [
        KnownValue(kind, beta, float(value), 0.0, "quadrature", name)
        for (kind, name), value in zip(moments, means, strict=True)
    ]


PANELS = "F, E, C and moments: Gauss–Legendre rules on panels, by two numbers of panels and nodes"


def partly(
    log_g: Callable[[Any, Any], Any],
    low: Sequence[float],
    high: Sequence[float],
    betas: Sequence[float],
    method: str = "quadrature",
    tolerance: float = TOLERANCE,
) -> list[KnownValue]:
    """Where some parameters integrate in closed form: ``log_g(x, β)`` is the log of what is left,
    the density of x included; its two derivatives in β give E and C.
    """
    first = jax.grad(log_g, argnums=1)
    second = jax.grad(first, argnums=1)
    compiled = jax.jit(
        lambda xs, beta: (
            jax.vmap(log_g, (0, None))(xs, beta),
            jax.vmap(first, (0, None))(xs, beta),
            jax.vmap(second, (0, None))(xs, beta),
        )
    )
    low, high = np.atleast_1d(np.asarray(low, float)), np.atleast_1d(np.asarray(high, float))
    rule = "gk21" if len(low) < 3 else "gk15"
    found = []
    for beta in betas:

        def pieces(x, beta=beta):
            # A few sizes only, so that few programs are compiled.
            size = 1 << max(8, (len(x) - 1).bit_length())
            padded = np.concatenate([x, np.repeat(x[:1], size - len(x), axis=0)])
            g, d1, d2 = (np.asarray(v)[: len(x)] for v in compiled(padded, beta))
            return np.exp(g), beta * d1, beta**2 * d2

        def pilot(x):
            return pieces(x)[0][:, None]

        scale = cubature(
            pilot, low, high, rule=rule, rtol=1e-2, atol=1e-300, max_subdivisions=300
        ).estimate[0]

        def integrand(x, scale=scale):
            w, d1, d2 = pieces(x)
            return np.stack([w, -d1 * w, (d2 + d1**2) * w], axis=1) / scale

        result = cubature(
            integrand,
            low,
            high,
            rule=rule,
            rtol=0.0,
            atol=tolerance,
            max_subdivisions=most_regions(len(low)),
        )
        found += from_moments(beta, math.log(scale), result.estimate, result.error, method)
    return found


def closed(log_Z: Callable[[Any], Any], betas: Sequence[float]) -> list[KnownValue]:
    """Where log Z(β) is a formula: E and C are its derivatives."""
    first = jax.grad(log_Z)
    second = jax.grad(first)
    found = []
    for beta in betas:
        F, E, variance = -log_Z(beta), -first(beta), second(beta)
        error = 1e-11
        found += known(
            beta,
            float(F),
            float(E),
            float(beta**2 * variance),
            (error * max(1, abs(F)), error * max(1, abs(E)), error * 10 * max(1, abs(E))),
            "closed form",
        )
    return found


def log_normal(x, scale=1.0):
    return -0.5 * (x / scale) ** 2 - jnp.log(scale) - 0.5 * jnp.log(2 * jnp.pi)


def log_chi(rho, k):
    """Density of the length of k standard normals."""
    return (
        (1 - k / 2) * jnp.log(2.0)
        - jax.scipy.special.gammaln(k / 2)
        + (k - 1) * jnp.log(rho)
        - rho**2 / 2
    )


# -- polynomials

QUADRATURE = "F, E, C and moments: adaptive Gauss–Kronrod cubature of the NumPy log likelihood"
REST = (
    "F, E and C: one Gaussian parameter integrated in closed form, adaptive Gauss–Kronrod "
    "cubature over the others"
)


def polynomial(
    name: str,
    K: str,
    variables: str,
    title: str,
    n: float = 1e4,
    prior: Callable[[str], ParameterPrior] = normal,
    density: str | None = None,
    moments: Sequence[tuple[str, str]] | None = None,
    solve: Callable[[Problem], list[KnownValue]] | None = None,
    coefficient: Callable[[], KnownCoefficient] | None = None,
    at: dict[str, int] | None = None,
    provenance: str = QUADRATURE,
    **more: Any,
) -> None:
    @register(name)
    def make() -> Problem:
        made = problem(
            name,
            "polynomial",
            title,
            [prior(v) for v in variables.split()],
            constants={"K": K},
            n=n,
            provenance=provenance,
            **more,
        )
        chosen = [("mean_square", v) for v in variables.split()] if moments is None else moments
        values = plain(made, chosen) if solve is None else solve(made)
        found = certified(K, density, at=at) if coefficient is None else coefficient()
        return completed(made, known=tuple(values), learning_coefficient=found)


def gaussian_last(a, b, c, others: int):
    """K = a z² + b z + c, z standard normal, a b c functions of the others."""

    def solve(made: Problem) -> list[KnownValue]:
        def log_g(x, beta):
            t = made.n * beta
            A, B, C = a(*x), b(*x), c(*x)
            rest = -t * C + t**2 * B**2 / (2 * (1 + 2 * t * A)) - 0.5 * jnp.log1p(2 * t * A)
            return rest + sum(log_normal(v) for v in x)

        return partly(log_g, [-FAR] * others, [FAR] * others, made.inverse_temperatures)

    return solve


def power(k: int, n_variables: int = 1):
    """Σ w_i^k: products of one-dimensional integrals."""

    def solve(made: Problem) -> list[KnownValue]:
        def log_g(x, beta):
            return -made.n * beta * x[0] ** k + log_normal(x[0])

        one = partly(log_g, [-FAR], [FAR], made.inverse_temperatures)
        return [
            KnownValue(
                v.quantity,
                v.inverse_temperature,
                n_variables * v.value,
                n_variables * v.error,
                "quadrature",
            )
            for v in one
        ]

    return solve


def pairs(count: int):
    """Σ x_i² y_i²: products of one integral."""

    def solve(made: Problem) -> list[KnownValue]:
        def log_g(x, beta):
            return -0.5 * jnp.log1p(2 * made.n * beta * x[0] ** 2) + log_normal(x[0])

        one = partly(log_g, [-FAR], [FAR], made.inverse_temperatures)
        return [
            KnownValue(
                v.quantity, v.inverse_temperature, count * v.value, count * v.error, "quadrature"
            )
            for v in one
        ]

    return solve


def box_product(count: int):
    """∏ x_i² on [-1, 1]^count: the density of |∏ x_i| at e^{-s} is that of a Gamma(count)."""

    def solve(made: Problem) -> list[KnownValue]:
        def log_g(x, beta):
            s = x[0]
            return (
                -made.n * beta * jnp.exp(-2 * s)
                + (count - 1) * jnp.log(s)
                - s
                - jax.scipy.special.gammaln(float(count))
            )

        return partly(log_g, [0.0], [60.0], made.inverse_temperatures)

    return solve


def one_leading(k: int) -> float:
    return 2 * math.gamma(1 + 1 / k) / math.sqrt(2 * math.pi)


polynomial("polynomial-w2", "w^2", "w", "a regular minimum", leading_constant=one_leading(2))
polynomial("polynomial-w4", "w^4", "w", "the simplest singularity", leading_constant=one_leading(4))
polynomial("polynomial-w6", "w^6", "w", "a flat minimum", leading_constant=one_leading(6))
polynomial(
    "polynomial-w4-cold", "w^4", "w", "w⁴ at nβ up to 10⁸", n=1e8, leading_constant=one_leading(4)
)
polynomial(
    "polynomial-x2y2",
    "x^2*y^2",
    "x y",
    "two crossing lines",
    solve=gaussian_last(lambda x: x**2, lambda x: 0.0, lambda x: 0.0, 1),
    provenance=REST,
    leading_constant=1 / (2 * math.sqrt(math.pi)),
)
polynomial(
    "polynomial-x2y2-box",
    "x^2*y^2",
    "x y",
    "two crossing lines, uniform prior on a square",
    prior=lambda v: uniform(v, -1.0, 1.0),
    solve=box_product(2),
    provenance="F, E and C: the density of the product is elementary; quadrature in one dimension",
)
polynomial("polynomial-x2y4", "x^2*y^4", "x y", "a line that is flatter than the other")
polynomial(
    "polynomial-x2y2z2",
    "x^2*y^2*z^2",
    "x y z",
    "three crossing planes",
    solve=gaussian_last(lambda x, y: (x * y) ** 2, lambda x, y: 0.0, lambda x, y: 0.0, 2),
    provenance=REST,
)
polynomial(
    "polynomial-x2y2z2-box",
    "x^2*y^2*z^2",
    "x y z",
    "three crossing planes, uniform prior on a cube",
    prior=lambda v: uniform(v, -1.0, 1.0),
    solve=box_product(3),
    provenance="F, E and C: the density of the product is elementary; quadrature in one dimension",
)


def sum_of(*solvers):
    def solve(made: Problem) -> list[KnownValue]:
        lists = [solver(made) for solver in solvers]
        return [
            KnownValue(
                parts[0].quantity,
                parts[0].inverse_temperature,
                sum(p.value for p in parts),
                sum(p.error for p in parts),
                "quadrature",
            )
            for parts in zip(*lists, strict=True)
        ]

    return solve


polynomial(
    "polynomial-x2y2-plus-z4",
    "x^2*y^2 + z^4",
    "x y z",
    "a sum of two singularities in separate variables",
    solve=sum_of(pairs(1), power(4)),
    provenance="F, E and C: sums of one-dimensional quadratures, the variables are independent",
)
polynomial("polynomial-cusp", "(y^2 - x^3)^2", "x y", "a cusp")
polynomial("polynomial-tacnode", "(y^2 - x^4)^2", "x y", "two parabolas that touch")
polynomial("polynomial-node", "(y^2 - x^2)^2", "x y", "a node, two diagonals that cross")
polynomial(
    "polynomial-circle",
    "(x^2 + y^2 - 1)^2",
    "x y",
    "a smooth circle of true parameters",
    at={"x": 1, "y": 0},
)
polynomial(
    "polynomial-x4-plus-y6",
    "x^4 + y^6",
    "x y",
    "an isolated flat point",
    solve=sum_of(power(4), power(6)),
    provenance="F, E and C: sums of one-dimensional quadratures, the variables are independent",
)
polynomial(
    "polynomial-quartic-form",
    "x^4 + x^2*y^2 + y^4",
    "x y",
    "an isolated quartic point",
    solve=in_the_plane([("mean_square", "x"), ("mean_square", "y")]),
    provenance=PANELS,
)
polynomial(
    "polynomial-ideal-xy-xz",
    "x^2*y^2 + x^2*z^2",
    "x y z",
    "a plane and a line: the ideal (xy, xz)",
    solve=gaussian_last(lambda x, y: x**2, lambda x, y: 0.0, lambda x, y: x**2 * y**2, 2),
    provenance=REST,
)
polynomial(
    "polynomial-three-axes",
    "x^2*y^2 + y^2*z^2 + z^2*x^2",
    "x y z",
    "the three axes: the ideal (xy, yz, zx)",
    solve=gaussian_last(lambda x, y: x**2 + y**2, lambda x, y: 0.0, lambda x, y: x**2 * y**2, 2),
    provenance=REST,
)
polynomial(
    "polynomial-umbrella",
    "(x^2 - y^2*z)^2",
    "x y z",
    "Whitney's umbrella",
    solve=gaussian_last(lambda x, y: y**4, lambda x, y: -2 * x**2 * y**2, lambda x, y: x**4, 2),
    provenance=REST,
)
polynomial(
    "polynomial-five-pairs",
    "a^2*b^2 + c^2*d^2 + e^2*f^2 + g^2*h^2 + i^2*j^2",
    "a b c d e f g h i j",
    "five crossings in ten dimensions",
    solve=pairs(5),
    coefficient=lambda: KnownCoefficient(
        "5/2", 6, "Watanabe 2009: λ adds, m - 1 adds over separate variables", "positive prior"
    ),
    provenance="F, E and C: five times a one-dimensional quadrature, the pairs are independent",
)
polynomial(
    "polynomial-eight-quartics",
    "a^4 + b^4 + c^4 + d^4 + e^4 + f^4 + g^4 + h^4",
    "a b c d e f g h",
    "a quartic point in eight dimensions",
    solve=power(4, 8),
    coefficient=lambda: KnownCoefficient(
        "2", 1, "Watanabe 2009: λ adds over separate variables", "positive prior"
    ),
    provenance="F, E and C: eight times a quadrature in one dimension, variables are independent",
)
polynomial(
    "polynomial-vanishing-prior",
    "x^2*y^2",
    "x y",
    "two crossing lines under a prior that vanishes on them",
    prior=lambda v: gamma(v, 2.0, 1.0),
    coefficient=lambda: certified(
        "x^2*y^2", "|x|*|y|", "prior like |x||y| near 0; half of the plane"
    ),
)


@register("polynomial-two-wells")
def two_wells() -> Problem:
    K = "x^2*(x - 1)^4"
    right = Phase("right", "x", above=0.5)
    made = problem(
        "polynomial-two-wells",
        "polynomial",
        "a sharp and a flat valley: the flat one wins as nβ grows",
        [normal("x")],
        constants={"K": K},
        n=1e4,
        phases=(right,),
        provenance=QUADRATURE,
    )
    values = plain(made, [("mean", "x")], [(right, [0.5], [FAR])])
    return completed(made, known=tuple(values), learning_coefficient=certified(K, at={"x": 1}))


@register("polynomial-two-spheres")
def two_spheres() -> Problem:
    K = "(x^2 + y^2 - 1)^2*(x - 3)^2"
    right = Phase("line", "x", above=2.0)
    made = problem(
        "polynomial-two-spheres",
        "polynomial",
        "a circle and a line far from it",
        [normal("x", scale=2.0), normal("y", scale=2.0)],
        constants={"K": K},
        n=1e2,
        phases=(right,),
        provenance=QUADRATURE,
    )
    values = plain(made, [("mean", "x"), ("mean_square", "y")], [(right, [2.0, -18], [18, 18])])
    return completed(
        made, known=tuple(values), learning_coefficient=certified(K, at={"x": 1, "y": 0})
    )


# -- matrices


def reduced_rank(M: int, H: int, N: int, r: int) -> None:
    name = f"reduced-rank-{M}-{H}-{N}-rank-{r}"

    @register(name)
    def make() -> Problem:
        target = np.eye(N, M) * (np.arange(M) < r)
        made = problem(
            name,
            "linear_network",
            f"reduced rank regression, {M} inputs, {H} hidden, {N} outputs, true rank {r}",
            [normal("W1", (H, M)), normal("W2", (N, H))],
            constants={"target": target.tolist()},
            n=1e4,
            provenance="F, E and C: the first matrix integrated in closed form, cubature over the "
            "law of W2 W2ᵀ (or of W2ᵀ W2), which is Wishart",
            minimum={
                "parameter": {
                    "W1": (np.eye(H, M) * (np.arange(M) < r)).tolist(),
                    "W2": (np.eye(N, H) * (np.arange(H) < r)).tolist(),
                },
                **local(M, H, N, r),
            },
        )
        coefficient = theorem(catalogue.reduced_rank(M, N, H, r))
        return completed(
            made, known=tuple(wishart(made, M, H, N, r)), learning_coefficient=coefficient
        )


def local(M: int, H: int, N: int, r: int) -> dict[str, Any]:
    found = catalogue.reduced_rank_local(M, N, H, r, r, r)
    return {
        "learning_coefficient": str(found.value),
        "multiplicity": found.multiplicity,
        "source": found.source,
    }


def wishart(made: Problem, M: int, H: int, N: int, r: int) -> list[KnownValue]:
    betas, n = made.inverse_temperatures, made.n
    if H == 1:
        if r == 0:

            def log_g(x, beta):
                return -0.5 * M * jnp.log1p(2 * n * beta * x[0] ** 2) + log_chi(x[0], N)

            return partly(log_g, [0.0], [FAR + 4], betas)

        def log_g(x, beta):
            t, s = n * beta, x[0] ** 2 + x[1] ** 2
            fit = -t * (1 - 2 * t * x[0] ** 2 / (1 + 2 * t * s))
            return fit - 0.5 * M * jnp.log1p(2 * t * s) + log_normal(x[0]) + log_chi(x[1], N - 1)

        return partly(log_g, [-FAR, 0.0], [FAR, FAR + 4], betas)
    if r == 0 and H != N:
        N, H = min(H, N), max(H, N)  # the nonzero eigenvalues of both are the same
    assert N == 2 and H >= 2
    if r == 1:
        # W = W2 W2ᵀ = L Lᵀ with Bartlett's L, the second output first: chi(H), chi(H - 1), normal.
        # The integrand depends on their squares only, and is smooth in their logarithms.

        def log_g(x, beta):
            t = n * beta
            first, second, off = jnp.exp(x)
            # 1 over the entry of (1 + 2tW)⁻¹ that belongs to the true direction, and the rest of
            # the determinant.
            rest = 1 + 2 * t * first**2
            own = 1 + 2 * t * (second**2 + off**2 / rest)
            return (
                -t / own
                - 0.5 * M * (jnp.log(own) + jnp.log(rest))
                + log_chi(first, H)
                + log_chi(second, H - 1)
                + log_normal(off)
                + jnp.log(2.0)
                + jnp.sum(x)
            )

        return partly(log_g, [-18.0] * 3, [LONG] * 3, betas, tolerance=1e-5)
    if r in (0, 2):
        # Fewer dimensions: the eigenvalues only, a ≥ b.
        constant = -(H) * jnp.log(2.0) - jnp.log(1.0) + 0.5 * jnp.log(jnp.pi)
        constant = (
            constant - jax.scipy.special.gammaln(H / 2) - jax.scipy.special.gammaln((H - 1) / 2)
        )

        def log_e(x, beta):
            # Eigenvalues a = (u + v)², b = u²: lengths are smooth at 0.
            t = n * beta
            root_b, gap = x[0], x[1]
            root_a = root_b + gap
            a, b = root_a**2, root_b**2
            density = constant + 0.5 * (H - 3) * jnp.log(a * b) - 0.5 * (a + b) + jnp.log(a - b)
            jacobian = jnp.log(4 * root_a * root_b)
            fit = -t * (1 / (1 + 2 * t * a) + 1 / (1 + 2 * t * b)) if r == 2 else 0.0
            shrunk = 0.5 * M * (jnp.log1p(2 * t * a) + jnp.log1p(2 * t * b))
            return fit - shrunk + density + jacobian

        return partly(log_e, [0.0, 0.0], [FAR + 4, FAR + 6], betas)
    raise ValueError(r)


for M, H, N, r in (
    (2, 1, 2, 0),
    (2, 1, 2, 1),
    (5, 1, 5, 1),
    (8, 1, 3, 0),
    (2, 2, 2, 0),
    (2, 2, 2, 1),
    (2, 2, 2, 2),
    (6, 2, 2, 1),
    (3, 3, 2, 1),
    (8, 4, 2, 0),
    (4, 5, 2, 2),
):
    reduced_rank(M, H, N, r)


def bottleneck(M: int, N: int, r: int) -> None:
    name = f"deep-linear-{M}-1-1-{N}-rank-{r}"

    @register(name)
    def make() -> Problem:
        target = np.zeros((N, M))
        if r:
            target[0, 0] = 1.0
        made = problem(
            name,
            "linear_network",
            f"deep linear network {M}-1-1-{N}, true rank {r}",
            [normal("W1", (1, M)), normal("W2", (1, 1)), normal("W3", (N, 1))],
            constants={"target": target.tolist()},
            n=1e4,
            provenance="F, E and C: the last matrix integrated in closed form, cubature over what "
            "is left of the others",
        )

        if r == 0:

            def log_g(x, beta):
                square = (x[0] * x[1]) ** 2
                return (
                    -0.5 * N * jnp.log1p(2 * made.n * beta * square)
                    + log_normal(x[0])
                    + log_chi(x[1], M)
                )

            values = partly(log_g, [-FAR, 0.0], [FAR, FAR + 4], made.inverse_temperatures)
        else:
            # W1 in polar coordinates about the true direction; logarithms: the valley is narrow.
            constant = math.lgamma(M / 2) - 0.5 * math.log(math.pi) - math.lgamma((M - 1) / 2)

            def log_g(x, beta):
                t, scale, length, angle = made.n * beta, *jnp.exp(x)
                q = (scale * length) ** 2
                sine = jnp.sin(angle)
                fit = -t * (1 + 2 * t * q * sine**2) / (1 + 2 * t * q)
                density = constant + (M - 2) * jnp.log(sine) + log_chi(length, M)
                # Both signs of W2, both halves of the angle.
                density = density + log_normal(scale) + 2 * jnp.log(2.0) + jnp.sum(x)
                return fit - 0.5 * N * jnp.log1p(2 * t * q) + density

            low, high = (
                [-20.0, -20.0, -20.0],
                [math.log(FAR), math.log(FAR + 4), math.log(math.pi / 2)],
            )
            values = partly(log_g, low, high, made.inverse_temperatures, tolerance=1e-5)
        coefficient = theorem(catalogue.deep_linear([M, 1, 1, N], r))
        return completed(made, known=tuple(values), learning_coefficient=coefficient)


bottleneck(3, 3, 0)
bottleneck(3, 3, 1)

polynomial(
    "deep-linear-1-1-1-1-rank-1",
    "(x*y*z - 1)^2",
    "x y z",
    "three scalars whose product is 1",
    at={"x": 1, "y": 1, "z": 1},
    solve=gaussian_last(
        lambda x, y: (x * y) ** 2, lambda x, y: -2 * x * y, lambda x, y: jnp.ones_like(x), 2
    ),
    provenance=REST,
)


@register("deep-linear-2-2-2-2-rank-1")
def deep() -> Problem:
    target = [[1.0, 0.0], [0.0, 0.0]]
    return problem(
        "deep-linear-2-2-2-2-rank-1",
        "linear_network",
        "deep linear network 2-2-2-2, true rank 1",
        [normal("W1", (2, 2)), normal("W2", (2, 2)), normal("W3", (2, 2))],
        constants={"target": target},
        n=1e4,
        learning_coefficient=theorem(catalogue.deep_linear([2, 2, 2, 2], 1)),
        provenance="λ and m by the theorem. F, E and C are missing: no two methods were held to "
        "agree on them",
    )


# -- networks


def tanh(name: str, hidden: int, true: Sequence[tuple[float, float]], title: str, known_by) -> None:
    @register(name)
    def make() -> Problem:
        points, weights = np.polynomial.legendre.leggauss(32)
        target = sum((a * np.tanh(b * points) for a, b in true), np.zeros(32))
        made = problem(
            name,
            "tanh_network",
            title,
            [normal("a", (hidden,)), normal("b", (hidden,))],
            constants={
                "points": points.tolist(),
                "point_weights": (weights / 2).tolist(),
                "target": target.tolist(),
            },
            n=1e4,
            provenance="F, E and C: the outgoing weights integrated in closed form, cubature over "
            "the others",
        )
        half, aim = jnp.asarray(weights / 2), jnp.asarray(target)

        def log_g(b, beta):
            t = made.n * beta
            T = jnp.tanh(b[:, None] * points)
            G, h = (T * half) @ T.T, (T * half) @ aim
            system = jnp.eye(hidden) + t * G
            factor = jnp.linalg.cholesky(system)
            z = jax.scipy.linalg.solve_triangular(factor, h, lower=True)
            return (
                -jnp.sum(jnp.log(jnp.diag(factor)))
                + 0.5 * t**2 * z @ z
                - 0.5 * t * half @ aim**2
                + jnp.sum(log_normal(b))
            )

        # By symmetry in the sign of every node one orthant is enough.
        values = partly(
            lambda b, beta: log_g(b, beta) + hidden * jnp.log(2.0),
            [0.0] * hidden,
            [FAR] * hidden,
            made.inverse_temperatures,
            tolerance=TOLERANCE if hidden < 3 else 1e-5,
        )
        return completed(made, known=tuple(values), learning_coefficient=known_by())


for width in (1, 2, 3):
    tanh(
        f"tanh-{width}-zero-truth",
        width,
        [],
        f"tanh network of {width} nodes, the truth is zero",
        lambda width=width: theorem(catalogue.tanh_zero_truth(width)),
    )
tanh(
    "tanh-1-of-1",
    1,
    [(1.0, 1.0)],
    "tanh network of one node, the truth is one node",
    lambda: KnownCoefficient("1", 1, "Watanabe 2009, regular models", "two free parameters"),
)
tanh(
    "tanh-2-of-1",
    2,
    [(1.0, 1.0)],
    "tanh network of two nodes, the truth has one",
    lambda: theorem(catalogue.tanh_one_true_node()),
)


def relu(name: str, title: str, true: dict[str, Any], n: float, hidden: int, coefficient) -> None:
    @register(name)
    def make() -> Problem:
        right = Phase("forward", "w[0]", above=0.0)
        made = problem(
            name,
            "relu_network",
            title,
            [
                normal("w", (hidden,)),
                normal("b", (hidden,)),
                normal("q", (hidden,)),
                normal("c"),
            ],
            constants={"true_network": true},
            n=n,
            phases=(right,) if hidden == 1 else (),
            learning_coefficient=coefficient(),
            provenance="F, E, C and the share: outgoing weight and constant integrated in closed "
            "form, cubature over the incoming weight and bias"
            if hidden == 1
            else "λ and m by the theorem. F, E and C are missing: no two methods were held to "
            "agree on them",
        )
        if hidden > 1:
            return made
        # E over x of 1, r, r² with r = max(0, wx + b), and of f₀ times 1 and r, piece by piece.
        nodes, weights = np.polynomial.legendre.leggauss(4)
        tw, tb, tq, tc = (np.asarray(true[k], float) for k in ("w", "b", "q", "c"))

        def log_g(x, beta):
            w, b = x
            t = made.n * beta
            safe = jnp.where(jnp.abs(w) > 1e-12, w, 1e-12)
            kinks = jnp.concatenate(
                [jnp.clip(jnp.stack([-b / safe]), -1, 1), jnp.clip(jnp.asarray(-tb / tw), -1, 1)]
            )
            ends = jnp.sort(jnp.concatenate([jnp.asarray([-1.0, 1.0]), kinks]))
            middle, half = 0.5 * (ends[1:] + ends[:-1]), 0.5 * (ends[1:] - ends[:-1])
            points = (middle[:, None] + half[:, None] * nodes).reshape(-1)
            mass = (half[:, None] * weights).reshape(-1) / 2
            r = jnp.maximum(w * points + b, 0.0)
            f0 = tc + jnp.maximum(points[:, None] * tw + tb, 0.0) @ tq
            design = jnp.stack([r, jnp.ones_like(r)])
            G, h = (design * mass) @ design.T, (design * mass) @ f0
            factor = jnp.linalg.cholesky(jnp.eye(2) + t * G)
            z = jax.scipy.linalg.solve_triangular(factor, h, lower=True)
            rest = 0.5 * t**2 * z @ z - 0.5 * t * mass @ f0**2
            return rest - jnp.sum(jnp.log(jnp.diag(factor))) + log_normal(w) + log_normal(b)

        halves = [
            partly(log_g, low, high, made.inverse_temperatures, tolerance=1e-5)
            for low, high in (([-FAR, -FAR], [0.0, FAR]), ([0.0, -FAR], [FAR, FAR]))
        ]
        values, share = joined(halves, made.inverse_temperatures)
        values.append(KnownValue("phase_share", 1.0, share, 1e-6, "quadrature", "forward"))
        return completed(made, known=tuple(values))


def joined(halves, betas):
    """F, E, C of a whole from those of its parts, and the share of the last part at the last β."""
    values, share = [], 0.0
    for k, beta in enumerate(betas):
        parts = [half[3 * k : 3 * k + 3] for half in halves]
        minus_F = np.array([-p[0].value for p in parts])
        weight = np.exp(minus_F - logsumexp(minus_F))
        E = np.array([p[1].value for p in parts])
        C = np.array([p[2].value for p in parts])
        mean = weight @ E
        error = [max(p[j].error for p in parts) for j in range(3)]
        values += known(
            beta,
            -logsumexp(minus_F),
            mean,
            weight @ C + beta**2 * weight @ (E - mean) ** 2,
            error,
            "quadrature",
        )
        share = float(weight[-1])
    return values, share


relu(
    "relu-1-zero-truth",
    "ReLU network of one node, the truth is zero",
    {"w": [1.0], "b": [0.0], "q": [0.0], "c": 0.0},
    1e3,
    1,
    lambda: None,
)
relu(
    "relu-1-of-1",
    "ReLU network of one node, the truth is one: turned round, a node cannot say the same",
    {"w": [1.0], "b": [-0.5], "q": [1.0], "c": 0.0},
    1e2,
    1,
    lambda: theorem(catalogue.relu_two_layer(1, 1, 1)),
)
relu(
    "relu-2-of-1",
    "ReLU network of two nodes, the truth has one",
    {"w": [1.0], "b": [0.0], "q": [1.0], "c": 0.0},
    1e3,
    2,
    lambda: theorem(catalogue.relu_two_layer(1, 1, 1)),
)

# -- mixtures and other latent variables

ENUMERATED = (
    "F and the moments: the sum over all allocations of the hidden variables, in closed form"
)


def rounded(values: Any, digits: int = 3) -> np.ndarray:
    return np.round(np.asarray(values, float), digits)


def power_sums(components: int) -> KnownCoefficient:
    """Equal, fixed weights and one true component: the power sums of the means."""
    names = "xyz"[:components]
    sums = [" + ".join(f"{v}^{k}" for v in names) for k in range(1, components + 1)]
    K = " + ".join(f"({s})^2" for s in sums)
    found = certified(K)
    return KnownCoefficient(
        found.value,
        found.multiplicity,
        f"{found.source}; the ideal of the mixture is that of the power sums of the means",
        "truth one component, prior of the means positive",
    )


def location_mixture(
    name: str,
    title: str,
    components: int,
    n: int,
    seed: int,
    fixed: Sequence[float] | None,
    coefficient,
    true_means: Sequence[float] = (0.0,),
    scale: float = 2.0,
    phases=(),
) -> None:
    @register(name)
    def make() -> Problem:
        generator = np.random.default_rng(seed)
        y = rounded(generator.choice(true_means, size=n) + generator.normal(size=n))
        prior = [normal("means", (components,), scale)]
        if fixed is None:
            prior.append(dirichlet("weights", components))
        small = fixed is None and components > 2
        made = problem(
            name,
            "gaussian_mixture",
            title,
            prior,
            data={"y": y},
            constants={} if fixed is None else {"weights": list(fixed)},
            inverse_temperatures=(1.0,) if small else DATA,
            learning_coefficient=coefficient(),
            phases=tuple(phase for phase, _, _ in phases),
            provenance=ENUMERATED if small else QUADRATURE,
        )
        if small:
            values = enumerated(components, n, lambda z: gaussian_parts(z, y, scale))
        else:
            values = plain(made, [("mean_square", "means[0]")], phases)
        return completed(made, known=tuple(values))


def gaussian_parts(z: np.ndarray, y: np.ndarray, scale: float):
    count, total, square = z.sum(axis=1), y @ z, y**2 @ z
    log_evidence = (
        -0.5 * count * math.log(2 * math.pi)
        - 0.5 * square
        - 0.5 * np.log1p(count * scale**2)
        + 0.5 * total**2 * scale**2 / (1 + count * scale**2)
    )
    mean, variance = total * scale**2 / (1 + count * scale**2), scale**2 / (1 + count * scale**2)
    return log_evidence.sum(axis=1), {"means[0]": (mean**2 + variance)[:, 0]}


def enumerated(components: int, n: int, parts, weights: str = "weights") -> list[KnownValue]:
    """Sum over all components^n allocations, Dirichlet(1, …, 1) weights."""
    labels = np.array(list(itertools.product(range(components), repeat=n)), dtype=np.int8)
    logs, means, seconds = [], [], []
    for piece in np.array_split(labels, max(1, len(labels) // 20000)):
        z = np.eye(components)[piece]
        count = z.sum(axis=1)
        prior = gammaln(components) - gammaln(components + n) + gammaln(1 + count).sum(axis=1)
        # Arrays (allocations, n, components) as matrices for every allocation.
        found, squares = parts(z)
        logs.append(prior + found)
        share = (1 + count[:, 0]) * (2 + count[:, 0]) / ((components + n) * (components + n + 1))
        means.append(share)
        seconds.append(squares)
    log = np.concatenate(logs)
    whole = logsumexp(log)
    weight = np.exp(log - whole)
    values = known(1.0, -whole, None, None, (1e-10,), "closed form")
    values.append(
        KnownValue(
            "mean_square",
            1.0,
            float(weight @ np.concatenate(means)),
            1e-10,
            "closed form",
            f"{weights}[0]",
        )
    )
    for name in seconds[0]:
        value = float(weight @ np.concatenate([s[name] for s in seconds]))
        values.append(KnownValue("mean_square", 1.0, value, 1e-10, "closed form", name))
    return values


location_mixture(
    "gaussian-mixture-2-of-1",
    "two Gaussians, the truth is one",
    2,
    50,
    1,
    None,
    lambda: theorem(catalogue.gaussian_location_mixture(2, 1, 1, 1)),
)
location_mixture(
    "gaussian-mixture-2-of-1-n200",
    "two Gaussians, the truth is one, 200 observations",
    2,
    200,
    2,
    None,
    lambda: theorem(catalogue.gaussian_location_mixture(2, 1, 1, 1)),
)
location_mixture(
    "gaussian-mixture-2-equal-of-1",
    "two Gaussians of equal weights, the truth is one",
    2,
    100,
    3,
    (0.5, 0.5),
    lambda: power_sums(2),
)
location_mixture(
    "gaussian-mixture-3-equal-of-1",
    "three Gaussians of equal weights, the truth is one",
    3,
    60,
    4,
    (1 / 3, 1 / 3, 1 / 3),
    lambda: power_sums(3),
)
FIRST_RIGHT = Phase("first to the right", "means[0]", above=0.0)
location_mixture(
    "gaussian-mixture-2-of-2",
    "two Gaussians of unequal known weights, far apart: two modes of unequal mass",
    2,
    30,
    5,
    (0.4, 0.6),
    lambda: KnownCoefficient("1", 1, "Watanabe 2009, regular models", "two separate components"),
    true_means=(-1.5, 1.5),
    phases=[(FIRST_RIGHT, [0.0, -18.0], [18.0, 18.0])],
)
location_mixture(
    "gaussian-mixture-3-of-1-small",
    "three Gaussians with free weights, ten observations of one",
    3,
    10,
    6,
    None,
    lambda: theorem(catalogue.gaussian_location_mixture(3, 1, 1, 1)),
)


def poisson_mixture(name: str, components: int, n: int, seed: int, fixed=None) -> None:
    @register(name)
    def make() -> Problem:
        y = np.random.default_rng(seed).poisson(3.0, size=n).astype(float)
        prior = [gamma("rates", 2.0, 0.5, (components,))]
        if fixed is None:
            prior.append(dirichlet("weights", components))
        small = components > 2
        made = problem(
            name,
            "poisson_mixture",
            f"{components} Poisson distributions, {n} observations of one",
            prior,
            data={"y": y},
            constants={} if fixed is None else {"weights": list(fixed)},
            inverse_temperatures=(1.0,) if small else DATA,
            learning_coefficient=theorem(catalogue.poisson_mixture(components, 1))
            if fixed is None
            else power_sums(components),
            provenance=ENUMERATED if small else QUADRATURE,
        )

        def parts(z):
            count, total = z.sum(axis=1), y @ z
            log = (
                2 * math.log(0.5)
                - gammaln(2.0)
                + gammaln(2 + total)
                - (2 + total) * np.log(0.5 + count)
            ).sum(axis=1) - gammaln(y + 1).sum()
            square = (2 + total) * (3 + total) / (0.5 + count) ** 2
            return log, {"rates[0]": square[:, 0]}

        values = (
            enumerated(components, n, parts)
            if small
            else plain(made, [("mean_square", "rates[0]")])
        )
        return completed(made, known=tuple(values))


poisson_mixture("poisson-mixture-2-of-1", 2, 50, 7)
poisson_mixture("poisson-mixture-2-equal-of-1", 2, 100, 8, (0.5, 0.5))
poisson_mixture("poisson-mixture-3-of-1-small", 3, 10, 9)


def multinomial_mixture(name: str, letters: int, n: int, trials: int, seed: int) -> None:
    @register(name)
    def make() -> Problem:
        p = np.arange(1, letters + 1) / np.arange(1, letters + 1).sum()
        counts = np.random.default_rng(seed).multinomial(trials, p, size=n)
        small = letters > 2
        made = problem(
            name,
            "multinomial_mixture",
            f"two multinomials of {letters} letters, {n} observations of one",
            [dirichlet("probabilities", letters, 2), dirichlet("weights", 2)],
            data={"counts": counts},
            inverse_temperatures=(1.0,) if small else DATA,
            provenance=ENUMERATED + ". λ is left out: no theorem was cited"
            if small
            else QUADRATURE + ". λ is left out: no theorem was cited",
        )
        coefficient = gammaln(trials + 1) - gammaln(counts + 1).sum(axis=1)

        def parts(z):
            total = np.einsum("anc,nv->acv", z, counts)
            log = (
                gammaln(letters)
                - gammaln(letters + total.sum(axis=2))
                + gammaln(1 + total).sum(axis=2)
            ).sum(axis=1) + coefficient.sum()
            first = total[:, 0]
            whole = letters + first.sum(axis=1)
            square = (1 + first[:, 0]) * (2 + first[:, 0]) / (whole * (whole + 1))
            return log, {"probabilities[0,0]": square}

        values = (
            enumerated(2, n, parts)
            if small
            else plain(made, [("mean_square", "probabilities[0,0]")])
        )
        return completed(made, known=tuple(values))


multinomial_mixture("binomial-mixture-2-of-1", 2, 40, 5, 10)
multinomial_mixture("multinomial-mixture-2-of-1-small", 3, 12, 4, 11)


def naive_bayes(features: int, n: int, seed: int, coefficient) -> None:
    name = f"naive-bayes-2-classes-{features}-features-small"

    @register(name)
    def make() -> Problem:
        x = (np.random.default_rng(seed).uniform(size=(n, features)) < 0.4).astype(int)
        made = problem(
            name,
            "naive_bayes",
            f"two hidden classes, {features} binary features, {n} observations without classes",
            [
                dirichlet("classes", 2),
                ParameterPrior("features", "beta", {"first": 1.0, "second": 1.0}, (2, features)),
            ],
            data={"x": x},
            inverse_temperatures=(1.0,),
            learning_coefficient=coefficient(),
            provenance=ENUMERATED,
        )

        def parts(z):
            count, ones = z.sum(axis=1)[:, :, None], np.einsum("anc,nf->acf", z, x)
            log = betaln(1 + ones, 1 + count - ones).sum(axis=(1, 2))
            first, size = ones[:, 0, 0], count[:, 0, 0]
            square = (1 + first) * (2 + first) / ((2 + size) * (3 + size))
            return log, {"features[0,0]": square}

        values = enumerated(2, n, parts, "classes")
        return completed(made, known=tuple(values))


naive_bayes(2, 14, 12, lambda: None)
naive_bayes(4, 14, 13, lambda: theorem(catalogue.naive_bayes(4, "independent")))


def topics(documents: int, words: int, seed: int) -> None:
    name = f"topics-2-documents-{documents}"

    @register(name)
    def make() -> Problem:
        ones = np.random.default_rng(seed).binomial(words, 0.4, size=documents)
        counts = np.stack([ones, words - ones], axis=1).astype(float)
        made = problem(
            name,
            "topics",
            f"two topics of two words, {documents} documents of {words} words, one true topic",
            [dirichlet("topics", 2, 2), dirichlet("documents", 2, documents)],
            data={"counts": counts},
            inverse_temperatures=DATA,
            learning_coefficient=theorem(catalogue.latent_dirichlet_allocation(2, documents, 2, 1)),
            provenance="F, E and C: Gauss–Legendre over the proportions of every document, "
            "cubature over the topics",
        )
        nodes, weights = np.polynomial.legendre.leggauss(40)
        theta, mass = 0.5 * (nodes + 1), 0.5 * weights

        def log_g(x, beta):
            p = theta * x[0] + (1 - theta) * x[1]
            each = counts[:, :1] * jnp.log(p) + counts[:, 1:] * jnp.log1p(-p)
            return jnp.sum(jax.nn.logsumexp(beta * each, b=mass, axis=1))

        values = partly(log_g, [0.0, 0.0], [1.0, 1.0], DATA)
        return completed(made, known=tuple(values))


topics(4, 12, 14)
topics(10, 12, 15)


@register("hidden-markov-2-transitions")
def hidden_markov_transitions() -> Problem:
    generator = np.random.default_rng(16)
    sequences = (generator.uniform(size=(20, 5)) < 0.5).astype(int)
    made = problem(
        "hidden-markov-2-transitions",
        "hidden_markov",
        "two hidden states with known emissions, unknown transitions, a truth without memory",
        [dirichlet("transition", 2, 2)],
        data={"sequences": sequences},
        constants={"initial": [0.5, 0.5], "emission": [[0.8, 0.2], [0.3, 0.7]]},
        inverse_temperatures=DATA,
        provenance=QUADRATURE + ". λ is left out: no theorem was cited",
    )
    return completed(
        made,
        known=tuple(plain(made, [("mean", "transition[0,0]"), ("mean", "transition[1,0]")])),
    )


@register("hidden-markov-2-small")
def hidden_markov_small() -> Problem:
    generator = np.random.default_rng(17)
    sequences = (generator.uniform(size=(3, 5)) < 0.4).astype(int)
    made = problem(
        "hidden-markov-2-small",
        "hidden_markov",
        "two hidden states, transitions and emissions unknown, three short sequences",
        [dirichlet("transition", 2, 2), dirichlet("emission", 2, 2)],
        data={"sequences": sequences},
        constants={"initial": [0.5, 0.5]},
        inverse_temperatures=(1.0,),
        provenance="F: the sum over all paths of the hidden states, in closed form. λ is left out: "
        "no theorem was cited",
    )
    paths = np.array(list(itertools.product((0, 1), repeat=15)), dtype=int).reshape(-1, 3, 5)
    log = np.full(len(paths), 3 * math.log(0.5))
    for state in (0, 1):
        moved = [
            ((paths[:, :, :-1] == state) & (paths[:, :, 1:] == other)).sum(axis=(1, 2))
            for other in (0, 1)
        ]
        seen = [((paths == state) & (sequences == letter)).sum(axis=(1, 2)) for letter in (0, 1)]
        log = log + betaln(1 + moved[0], 1 + moved[1]) + betaln(1 + seen[0], 1 + seen[1])
    return completed(
        made, known=tuple(known(1.0, -logsumexp(log), None, None, (1e-10,), "closed form"))
    )


def factor(p: int, n: int, seed: int) -> None:
    name = f"factor-{p}"

    @register(name)
    def make() -> Problem:
        y = rounded(np.random.default_rng(seed).normal(size=(n, p)))
        made = problem(
            name,
            "factor",
            f"one factor of {p} variables, the truth has none",
            [normal("loadings", (p,))],
            data={"y": y},
            inverse_temperatures=DATA,
            provenance=QUADRATURE
            if p < 4
            else "λ and m by the certificate for three variables and the same argument. F, E and C "
            "are missing: no two methods were held to agree on them",
        )
        terms = [f"a{i}^2*a{j}^2" for i in range(p) for j in range(i, p)]
        coefficient = (
            certified(" + ".join(terms))
            if p < 4
            else KnownCoefficient(
                str(Fraction(p, 4)), 1, "K is between two multiples of |l|⁴", "positive prior"
            )
        )
        values = plain(made, [("mean_square", "loadings[0]")]) if p < 4 else []
        return completed(made, known=tuple(values), learning_coefficient=coefficient)


factor(2, 60, 18)
factor(3, 60, 19)
factor(6, 60, 20)

# -- regressions


def log_Z_regression(X, y, noise, variances, beta):
    """log ∫ N(w; 0, diag) N(y; Xw, σ²)^β."""
    t = beta / noise**2
    root = X * jnp.sqrt(variances)
    # Both the determinant and the quadratic form by the p × p matrix.
    factor = jnp.linalg.cholesky(jnp.eye(X.shape[1]) + t * root.T @ root)
    z = jax.scipy.linalg.solve_triangular(factor, root.T @ y, lower=True)
    return (
        -0.5 * beta * len(y) * jnp.log(2 * jnp.pi * noise**2)
        - jnp.sum(jnp.log(jnp.diag(factor)))
        - 0.5 * t * (y @ y - t * z @ z)
    )


def regression(name: str, title: str, X, w, noise: float, scale: float, seed: int, value) -> None:
    @register(name)
    def make() -> Problem:
        design = rounded(X)
        y = rounded(design @ w + noise * np.random.default_rng(seed).normal(size=len(design)))
        made = problem(
            name,
            "linear_regression",
            title,
            [normal("w", (design.shape[1],), scale)],
            data={"x": design, "y": y},
            constants={"noise": noise},
            inverse_temperatures=DATA,
            learning_coefficient=KnownCoefficient(
                value, 1, "Watanabe 2009: half the rank of a regular function", "positive prior"
            ),
            provenance="closed form: everything is Gaussian",
        )
        variances = jnp.full(design.shape[1], scale**2)
        X_, y_ = jnp.asarray(design), jnp.asarray(y)
        values = closed(lambda b: log_Z_regression(X_, y_, noise, variances, b), DATA)
        precision = design.T @ design / noise**2 + np.eye(design.shape[1]) / scale**2
        mean = np.linalg.solve(precision, design.T @ y / noise**2)
        values += [
            KnownValue("mean", 1.0, float(mean[0]), 1e-10, "closed form", "w[0]"),
            KnownValue(
                "mean_square",
                1.0,
                float(mean[0] ** 2 + np.linalg.inv(precision)[0, 0]),
                1e-10,
                "closed form",
                "w[0]",
            ),
        ]
        return completed(made, known=tuple(values))


def design(n: int, p: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, p))


regression(
    "linear-regression-3",
    "a control: regression with three coefficients",
    design(40, 3, 21),
    np.array([1.0, -0.5, 0.0]),
    1.0,
    1.0,
    22,
    "3/2",
)
regression(
    "linear-regression-20",
    "a control: regression with twenty coefficients",
    design(60, 20, 23),
    np.linspace(-1, 1, 20),
    1.0,
    1.0,
    24,
    "10",
)
twice = design(40, 2, 25)
regression(
    "linear-regression-collinear",
    "every input twice: a singular regression",
    np.concatenate([twice, twice], axis=1),
    np.array([1.0, 0.0, 0.0, 0.5]),
    0.5,
    1.0,
    26,
    "1",
)


def spike_and_slab(p: int, n: int, seed: int) -> None:
    name = f"spike-and-slab-{p}"

    @register(name)
    def make() -> Problem:
        X = rounded(design(n, p, seed))
        w = np.where(np.arange(p) < 2, [1.0, -0.8, *[0.0] * (p - 2)], 0.0)
        y = rounded(X @ w + np.random.default_rng(seed + 1).normal(size=n))
        weights, scales = [0.8, 0.2], [0.05, 2.0]
        made = problem(
            name,
            "linear_regression",
            f"regression with {p} coefficients under a spike and a slab: up to {2**p} modes",
            [ParameterPrior("w", "normal_mixture", {"weights": weights, "scales": scales}, (p,))],
            data={"x": X, "y": y},
            constants={"noise": 1.0},
            inverse_temperatures=DATA,
            learning_coefficient=KnownCoefficient(
                str(Fraction(p, 2)), 1, "Watanabe 2009, regular models", "positive prior"
            ),
            provenance="closed form: the sum over all sets of coefficients, each Gaussian",
        )
        choices = np.array(list(itertools.product((0, 1), repeat=p)))
        log_prior = jnp.asarray(np.log(np.asarray(weights))[choices].sum(axis=1))
        variances = jnp.asarray(np.asarray(scales)[choices] ** 2)
        X_, y_ = jnp.asarray(X), jnp.asarray(y)

        def each(beta):
            return log_prior + jax.vmap(lambda v: log_Z_regression(X_, y_, 1.0, v, beta))(variances)

        values = closed(lambda beta: jax.nn.logsumexp(each(beta)), DATA)
        weight = np.exp(np.asarray(each(1.0)) - float(jax.nn.logsumexp(each(1.0))))
        mean = np.zeros(p)
        square = np.zeros(p)
        for share, v in zip(weight, np.asarray(variances), strict=True):
            covariance = np.linalg.inv(X.T @ X + np.diag(1 / v))
            m = covariance @ X.T @ y
            mean += share * m
            square += share * (m**2 + np.diag(covariance))
        for k in (1, 2):
            values.append(KnownValue("mean", 1.0, float(mean[k]), 1e-10, "closed form", f"w[{k}]"))
            values.append(
                KnownValue("mean_square", 1.0, float(square[k]), 1e-10, "closed form", f"w[{k}]")
            )
        return completed(made, known=tuple(values))


spike_and_slab(6, 30, 27)
spike_and_slab(10, 40, 29)


def logistic(p: int, n: int, seed: int, separable: bool) -> None:
    name = f"logistic-regression-{p}{'-separable' if separable else ''}"

    @register(name)
    def make() -> Problem:
        X = rounded(design(n, p, seed))
        noise = 0.0 if separable else np.random.default_rng(seed + 1).logistic(size=n)
        y = np.where(X[:, 0] + noise > 0, 1.0, -1.0)
        made = problem(
            name,
            "logistic_regression",
            f"logistic regression, {p} coefficients"
            + (", classes that a line separates" if separable else ""),
            [normal("w", (p,), 3.0)],
            data={"x": X, "y": y},
            inverse_temperatures=DATA,
            learning_coefficient=None
            if separable
            else KnownCoefficient(
                str(Fraction(p, 2)), 1, "Watanabe 2009, regular models", "positive prior"
            ),
            provenance=QUADRATURE,
        )
        values = plain(made, [("mean", "w[0]"), ("mean_square", "w[1]")])
        return completed(made, known=tuple(values))


logistic(2, 30, 31, False)
logistic(2, 20, 33, True)
logistic(3, 30, 35, False)


@register("binomial")
def binomial() -> Problem:
    k, trials = np.array([3.0, 5.0, 2.0, 4.0]), np.array([10.0, 12.0, 9.0, 11.0])
    made = problem(
        "binomial",
        "binomial",
        "a control: the probability of a success",
        [ParameterPrior("p", "beta", {"first": 2.0, "second": 2.0})],
        data={"successes": k.astype(int), "trials": trials.astype(int)},
        inverse_temperatures=DATA,
        learning_coefficient=KnownCoefficient("1/2", 1, "Watanabe 2009, regular models"),
        provenance="closed form: a Beta prior and a binomial",
    )
    constant = (gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1)).sum()
    K, N = k.sum(), trials.sum()
    ln = jax.scipy.special.betaln
    values = closed(lambda b: b * constant + ln(2 + b * K, 2 + b * (N - K)) - ln(2.0, 2.0), DATA)
    values.append(KnownValue("mean", 1.0, float((2 + K) / (4 + N)), 1e-12, "closed form", "p"))
    return completed(made, known=tuple(values))


@register("poisson")
def poisson() -> Problem:
    y = np.array([2.0, 4.0, 3.0, 1.0, 5.0, 3.0])
    made = problem(
        "poisson",
        "poisson",
        "a control: the rate of a Poisson distribution",
        [gamma("rate", 2.0, 0.5)],
        data={"y": y.astype(int)},
        inverse_temperatures=DATA,
        learning_coefficient=KnownCoefficient("1/2", 1, "Watanabe 2009, regular models"),
        provenance="closed form: a Gamma prior and a Poisson distribution",
    )
    constant, total, n = -gammaln(y + 1).sum(), y.sum(), len(y)
    ln = jax.scipy.special.gammaln
    values = closed(
        lambda b: (
            b * constant
            + 2 * jnp.log(0.5)
            - ln(2.0)
            + ln(2 + b * total)
            - (2 + b * total) * jnp.log(0.5 + b * n)
        ),
        DATA,
    )
    values.append(
        KnownValue("mean", 1.0, float((2 + total) / (0.5 + n)), 1e-12, "closed form", "rate")
    )
    return completed(made, known=tuple(values))


# -- hard densities


def needle(dimension: int, width: float, centre: float, share: float, suffix: str = "") -> None:
    name = f"needle-{dimension}{suffix}"

    @register(name)
    def make() -> Problem:
        scale, cut = 3.0, centre - 6 * width
        phase = Phase("needle", "x[0]", above=cut)
        variances = (1 + scale**2, width**2 + scale**2)
        wide = math.log(1 - share) + dimension * norm.logpdf(0.0, 0, math.sqrt(variances[0]))
        thin = math.log(share) + dimension * norm.logpdf(centre, 0, math.sqrt(variances[1]))
        whole = np.logaddexp(wide, thin)
        in_thin = math.exp(thin - whole)
        post_wide = scale / math.sqrt(variances[0])
        post_thin = width * scale / math.sqrt(variances[1])
        middle = centre * scale**2 / variances[1]
        part = in_thin * norm.sf(cut, middle, post_thin) + (1 - in_thin) * norm.sf(
            cut, 0, post_wide
        )
        values = known(1.0, -whole, None, None, (1e-11,), "closed form")
        values += [
            KnownValue("mean", 1.0, in_thin * middle, 1e-11, "closed form", "x[0]"),
            KnownValue("phase_share", 1.0, float(part), 1e-11, "closed form", "needle"),
        ]
        return problem(
            name,
            "needle",
            f"a hill and a needle {width:g} wide that holds {in_thin:.2f} of the mass",
            [normal("x", (dimension,), scale)],
            constants={"width": width, "centre": centre, "share": share},
            data={"part": np.full(4, 0.25)},
            inverse_temperatures=(1.0,),
            phases=(phase,),
            known=tuple(values),
            provenance="closed form: both parts are Gaussian. The log likelihood is spread evenly "
            "over four rows of data, which has no meaning",
        )


needle(1, 0.01, 4.0, 0.5)
needle(2, 0.05, 4.0, 0.8)
needle(2, 0.001, 4.0, 0.8, "-thin")
needle(5, 0.1, 3.0, 0.9)
needle(10, 0.2, 2.0, 0.9)


def funnel(count: int) -> None:
    name = f"funnel-{count + 1}"

    @register(name)
    def make() -> Problem:
        scale = 10.0
        made = problem(
            name,
            "funnel",
            f"a funnel with {count} coordinates and one scale",
            [normal("v", scale=3.0), normal("x", (count,), scale)],
            data={"part": np.full(4, 0.25)},
            inverse_temperatures=DATA,
            provenance="F, E and C: the coordinates integrated in closed form, quadrature over the "
            "scale. The log likelihood is spread evenly over four rows of data, which has no "
            "meaning",
        )

        def log_g(x, beta):
            v = x[0]
            # log (1 + β τ² e^{-v}) without overflow.
            spread = jnp.logaddexp(0.0, jnp.log(beta * scale**2) - v)
            return -0.5 * beta * count * v - 0.5 * count * spread + log_normal(v, 3.0)

        values = partly(log_g, [-40.0], [40.0], DATA)
        return completed(made, known=tuple(values))


funnel(2)
funnel(9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="problems; default: all")
    parser.add_argument("--missing", action="store_true", help="only those without a file")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    import time

    for name in options.names or MADE:
        path: Path = FOLDER / f"{name}.json"
        if options.missing and path.exists():
            continue
        start = time.process_time()
        try:
            made = MADE[name]()
        except Exception as error:
            print(f"{name}: FAILED {type(error).__name__}: {error}", flush=True)
            continue
        worst = max((v.error for v in made.known if v.quantity == "free_energy"), default=0.0)
        if not worst < LARGEST_ERROR:
            made = completed(
                made,
                known=(),
                provenance="λ and m as cited. F, E and C are missing: the cubature did not reach "
                f"an error of {LARGEST_ERROR:g}",
            )
        path.write_text(
            json.dumps(made.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
        print(
            f"{name}: {len(made.known)} numbers, error of F {worst:.1e}, "
            f"{time.process_time() - start:.1f} CPU s",
            flush=True,
        )


if __name__ == "__main__":
    main()
