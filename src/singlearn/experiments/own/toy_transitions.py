"""Two transitions that can be integrated: one of first and one of second order, measured at several
sample sizes, beside quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.plot.style import ACCENT, INK, quieten
from singlearn.results.estimate import Estimate
from singlearn.results.table import aligned_rows
from singlearn.transitions import PhaseDiagram, phase_diagram
from singlearn.triple import Triple

EDGE = 3.0  # of the uniform prior
GRID = np.linspace(-EDGE, EDGE, 60_001)
LIFT = 0.05  # of the wide well
BETWEEN = 0.4  # the top between the two wells lies near here


@dataclass(frozen=True)
class ToyFamily:
    r"""A one-parameter family of divergences :math:`K_θ(w)` whose posterior changes within a width
    :math:`n^{-a}` of :math:`θ_c`.

    Attributes:
        kl: ``kl(w, θ, minimum)``, the same formula for NumPy and JAX, which differ in ``minimum``.
        critical: :math:`θ_c`, where :math:`\min_w K_θ` is not smooth: the transition for n → ∞.
        exponent: a; 1 for a first-order transition, 1/2 for the other one.
        scaled: values of :math:`x = n^a (θ - θ_c)` that are swept.
        phases: ``phases(n)`` gives the labeller, for JAX and NumPy alike.
        restricted: phases that are tempered by themselves as well.
    """

    name: str
    formula: str
    kl: Callable[[Any, Any, Callable[[Any, Any], Any]], Any]
    critical: float
    exponent: float
    scaled: tuple[float, ...]
    phases: Callable[[float], Callable[[Any], Any]]
    restricted: tuple[bool, ...]

    def values(self, n: float) -> Float[np.ndarray, " values"]:
        """The swept θ."""
        found: Float[np.ndarray, " values"] = (
            self.critical + np.array(self.scaled) / n**self.exponent
        )
        return found

    def triple(self) -> Triple:
        """At θ_c and n = 1; the others are made of it by ``with_setting``."""

        def kl(w: Any, theta: Any) -> Any:
            return self.kl(w, theta, jnp.minimum)

        return Triple.population(
            kl, dist.Uniform(-EDGE, EDGE), n=1.0, name=self.name, setting=self.critical
        )

    def exact(self, theta: float, n: float, inside: Any = None) -> float:
        """F (of a phase, where ``inside`` says which w belong to it) by the trapezoid rule."""
        energy = n * self.kl(GRID, theta, np.minimum)
        if inside is not None:
            energy = np.where(inside, energy, np.inf)
        lowest = float(energy.min())
        return lowest - math.log(float(np.trapezoid(np.exp(lowest - energy), GRID)) / (2 * EDGE))


def _wells(w: Any, theta: Any, minimum: Callable[[Any, Any], Any]) -> Any:
    return minimum(theta + 20 * (w - 1.5) ** 2, LIFT + (w + 1.0) ** 2)


def _splitting(w: Any, theta: Any, minimum: Callable[[Any, Any], Any]) -> Any:
    del minimum
    return (w**2 - (theta - 1)) ** 2


def _right(w: Any) -> Any:
    return w > BETWEEN


def _broken(w: Any, edge: float) -> Any:
    return abs(w) > edge


def families() -> tuple[ToyFamily, ToyFamily]:
    """Two wells of which θ lifts the narrow one, and one well that splits in two where θ passes
    1.
    """
    first = ToyFamily(
        "two wells",
        "K = min(θ + 20(w − 1.5)², 0.05 + (w + 1)²)",
        _wells,
        critical=LIFT,
        exponent=1.0,
        scaled=(-6.0, -4.0, -2.0, 0.0, 2.0),
        phases=lambda n: _right,
        restricted=(True, False),
    )
    second = ToyFamily(
        "a well that splits",
        "K = (w² − (θ − 1))²",
        _splitting,
        critical=1.0,
        exponent=0.5,
        scaled=(-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0),
        phases=lambda n: partial(_broken, edge=n**-0.25),
        restricted=(),
    )
    return first, second


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Sweep both families at n = 10², 10⁴ and 10⁶ (``quick``: 10⁴ only, with an eighth of the
    particles).
    """
    sizes = (1e4,) if quick else (1e2, 1e4, 1e6)
    diagrams = {}
    for family in families():
        triple = family.triple()
        for n in sizes:
            diagrams[family.name, n] = phase_diagram(
                lambda theta, triple=triple, n=n: triple.with_setting(theta, n),  # type: ignore[misc]
                family.values(n).tolist(),
                family.phases(n),
                family.restricted,
                particles=128 if quick else 1024,
                replicates=8,
                seed=seed,
                progress=progress,
            )
    rows = [_row(family, n, diagrams[family.name, n]) for family in families() for n in sizes]
    warnings = [
        {"family": name, "n": n, "reason": "run", "message": f"θ = {point.value:.6g}: {warning}"}
        for (name, n), diagram in diagrams.items()
        for point in diagram.points
        for warning in point.cautions
    ]
    out.mkdir(parents=True, exist_ok=True)
    return ExperimentResult(
        rows, warnings, _table(rows), [_figure(diagrams, sizes, out / "toy_transitions.png")]
    )


def _row(family: ToyFamily, n: float, diagram: PhaseDiagram) -> dict[str, Any]:
    located, exact = (_crossing if family.exponent == 1 else _half_way)(family, n, diagram)
    transition = diagram.transitions[0] if diagram.transitions else None
    return {
        "family": family.name,
        "K": family.formula,
        "n": n,
        "transition at θ": located.value,
        "standard error": located.standard_error,
        "quadrature": exact,
        "relative deviation": abs(located.value / exact - 1),
        "order": transition.order if transition else "no crossing of phases",
        "evidence": transition.evidence if transition else "",
        "worst F, in standard errors": max(
            _off(p.free_energy, family.exact(p.value, n)) for p in diagram.points
        ),
        "worst F_k, in standard errors": max(_worst_phase(family, n, p) for p in diagram.points),
        "worst recombination, in standard errors": max(map(_recombination, diagram.points))
        if family.restricted
        else None,
    }


def _off(estimate: Estimate, exact: float) -> float:
    return as_normal(abs(estimate.value - exact) / estimate.standard_error, estimate.replicates)


def as_normal(deviation: float, replicates: Sequence[float]) -> float:
    """A deviation in standard errors that R replicates saw, as a normal variable's of the same
    rarity.

    Eight replicates know their own error to a quarter: their deviations have Student's distribution
    with
    R - 1 degrees of freedom, of which 4.1 is no rarer than 2.8 of a normal one.

    >>> round(as_normal(4.1, [0.0] * 8), 1), round(as_normal(4.1, [0.0] * 1000), 1)
    (2.8, 4.1)
    """
    if len(replicates) < 2:
        return deviation
    return float(norm.isf(max(student.sf(deviation, len(replicates) - 1), 1e-300)))


def _worst_phase(family: ToyFamily, n: float, point: Any) -> float:
    inside = family.phases(n)(GRID)
    seen = {
        name: phase.free_energy
        for name, phase in point.phases.items()
        if phase.free_energy is not None
    }
    return max(
        _off(free, family.exact(point.value, n, inside == (name == "True")))
        for name, free in seen.items()
    )


def _recombination(point: Any) -> float:
    """-log Σ exp(-F_k) of the restricted runs against F of the run over all, in their joint
    standard errors.
    """
    parts = [phase.free_energy for phase in point.phases.values()]
    total = -float(np.logaddexp.reduce([-part.value for part in parts]))
    errors = [part.standard_error * math.exp(total - part.value) for part in parts]
    found: float = abs(total - point.free_energy.value) / math.hypot(
        point.free_energy.standard_error, *errors
    )
    return as_normal(found, point.free_energy.replicates)


def _crossing(family: ToyFamily, n: float, diagram: PhaseDiagram) -> tuple[Estimate, float]:
    """Where the free energies of the two phases are equal."""
    inside = family.phases(n)(GRID)
    ends = family.values(n)[[0, -1]]
    exact = brentq(
        lambda theta: family.exact(theta, n, inside) - family.exact(theta, n, ~inside),
        *ends,
        xtol=1e-12,
    )
    if not diagram.transitions:
        return Estimate(math.nan, math.nan), float(exact)
    return diagram.transitions[0].value, float(exact)


def _half_way(family: ToyFamily, n: float, diagram: PhaseDiagram) -> tuple[Estimate, float]:
    """Where Δ²F/Δθ²/n is half way between 2, before the transition, and 0, after it; both from the
    same differences.
    """
    second = diagram.second_differences()
    at, values = np.array([value for value, _ in second]), family.values(n)
    exact = (
        np.diff(np.diff([family.exact(value, n) for value in values])) / np.diff(values)[0] ** 2 / n
    )
    measured, errors = (
        np.array([getattr(e, name) for _, e in second]) / n for name in ("value", "standard_error")
    )
    where, error = _falls_through_one(at, measured, errors)
    return Estimate(where, error), _falls_through_one(at, exact, np.zeros_like(exact))[0]


def _falls_through_one(
    at: Float[np.ndarray, " points"],
    heights: Float[np.ndarray, " points"],
    errors: Float[np.ndarray, " points"],
) -> tuple[float, float]:
    falling = np.flatnonzero((heights[:-1] >= 1) & (heights[1:] < 1))
    if not falling.size:
        return math.nan, math.nan
    i = int(falling[0])
    share = (heights[i] - 1) / (heights[i] - heights[i + 1])
    step = at[i + 1] - at[i]
    error = (
        step
        * math.hypot((1 - share) * errors[i], share * errors[i + 1])
        / (heights[i] - heights[i + 1])
    )
    return float(at[i] + share * step), float(error)


def _table(rows: list[dict[str, Any]]) -> str:
    lines: list[tuple[str, ...]] = [
        (
            "family",
            "n",
            "transition at θ",
            "quadrature",
            "order",
            "worst F [s.e.]",
            "worst F_k [s.e.]",
            "recombination [s.e.]",
        )
    ]
    for row in rows:
        recombination = row["worst recombination, in standard errors"]
        lines.append(
            (
                row["family"],
                f"{row['n']:g}",
                str(Estimate(row["transition at θ"], row["standard error"])),
                f"{row['quadrature']:.7g}",
                row["order"],
                f"{row['worst F, in standard errors']:.1f}",
                f"{row['worst F_k, in standard errors']:.1f}",
                "–" if recombination is None else f"{recombination:.1f}",
            )
        )
    notes = [
        f"  {row['family']}, n = {row['n']:g}: {row['evidence']}" for row in rows if row["evidence"]
    ]
    return "\n".join([*aligned_rows(lines), "", *notes])


def _figure(
    diagrams: dict[tuple[str, float], PhaseDiagram], sizes: tuple[float, ...], path: Path
) -> Path:
    figure = Figure(figsize=(9.5, 8.0), layout="constrained")
    grid = figure.subplots(3, 2, sharex="col")
    titles = (
        "first order: the slope jumps, within a width 1/n",
        "second order: the curvature jumps, within a width 1/√n",
    )
    for column, (family, title) in enumerate(zip(families(), titles, strict=True)):
        share, slope, bend = grid[:, column]
        share.set_title(f"{title}\n{family.formula}", fontsize=10)
        a = family.exponent
        # F is a function of x alone, up to a constant, so that derivatives in x are those in θ over
        # n^a and n^2a.
        x = np.linspace(family.scaled[0], family.scaled[-1], 41)
        step = family.scaled[1] - family.scaled[0]
        n = sizes[-1]
        inside = family.phases(n)(GRID)
        theta = {
            shift: family.critical + (x + shift * step) / n**a
            for shift in (-1.0, -0.5, 0.0, 0.5, 1.0)
        }
        free = {
            shift: np.array([family.exact(float(t), n) for t in own])
            for shift, own in theta.items()
        }
        shares = np.exp(free[0.0] - [family.exact(float(t), n, inside) for t in theta[0.0]])
        curves = (
            shares,
            (free[0.5] - free[-0.5]) / step,
            (free[1.0] - 2 * free[0.0] + free[-1.0]) / step**2,
        )
        for axes, curve in zip((share, slope, bend), curves, strict=True):
            axes.plot(
                x, curve, color="0.5", linewidth=1.2, label="quadrature" if axes is share else None
            )
        for n, colour, marker, fill in zip(
            sizes[::-1], (INK, ACCENT, INK), ("o", "s", "^"), ("full", "full", "none"), strict=False
        ):
            diagram = diagrams[family.name, n]
            seen = [
                (p.value, p.phases["True"].occupancy) for p in diagram.points if "True" in p.phases
            ]
            for axes, dots, unit in (
                (share, seen, 1.0),
                (slope, diagram.first_differences(), n**a),
                (bend, diagram.second_differences(), n ** (2 * a)),
            ):
                kept = [(at, e) for at, e in dots if e is not None]
                axes.errorbar(
                    [(at - family.critical) * n**a for at, _ in kept],
                    [e.value / unit for _, e in kept],
                    yerr=[e.standard_error / unit for _, e in kept],
                    color=colour,
                    linestyle="",
                    marker=marker,
                    fillstyle=fill,
                    markersize=5,
                    capsize=2,
                    label=f"n = {n:g}" if axes is share else None,
                )
        bend.set_xlabel("x = n (θ − 0.05)" if a == 1 else "x = √n (θ − 1)")
    grid[0, 0].legend(frameon=False, fontsize=9, loc="lower left")
    for axes, label in zip(
        grid[:, 0], ("share of the right well", "ΔF / Δx  [nats]", "Δ²F / Δx²  [nats]"), strict=True
    ):
        axes.set_ylabel(label)
    grid[0, 1].set_ylabel("share of |w| > n^(−1/4)")
    for axes in grid.ravel():
        quieten(axes)
    figure.supxlabel(
        "marks: tempered runs, differences between neighbouring ones; bars: ± 1 standard error",
        fontsize=8,
    )
    figure.savefig(path, dpi=110)
    return path


EXPERIMENT = Experiment(
    "toy-transitions",
    "a first-order and a second-order transition, measured beside quadrature",
    run,
)
