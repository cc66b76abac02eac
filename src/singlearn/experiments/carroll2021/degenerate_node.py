"""One node too many: is it degenerate, or does it share a boundary? Posterior shares against n,
beside exact local exponents.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.integrate import quad
from scipy.special import erf

from singlearn.experiments.experiment import Experiment, ExperimentResult
from singlearn.models import relu_population_kl, two_layer_population, two_node_degeneracy
from singlearn.phases.relu_labels import node_roles
from singlearn.plot.style import INK, QUIET, SERIES, quieten
from singlearn.results.estimate import Estimate
from singlearn.results.table import aligned_rows, share_cell
from singlearn.tempering import Run, temper
from singlearn.triple import Triple

WIDTH = 0.2  # of an end and of the middle of the segment, in units of w1 - w2
BETA_MAX = 1e7
PHASES = (
    "dead",
    "q = 0",
    "always active",
    "shared boundary",
    "opposite pair",
    "two kinks apart",
    "no kink in use",
)
RADIUS = 0.15  # of the box around a true parameter in which a local exponent is measured
LOCAL_BETA_MAX = 1e9
PARTS = ("w", "b", "q", "c")


@dataclass(frozen=True)
class DegenerateNodeWork:
    """How much is computed: inputs of the two-layer networks, particles of Example 3.4 and of the
    networks.
    """

    inputs: tuple[int, ...]
    sizes: tuple[float, ...]
    particles: int
    network_particles: int


FULL = DegenerateNodeWork((1, 2), (1e2, 1e3, 1e4, 1e5, 1e6, 1e7), 2048, 128)
QUICK = DegenerateNodeWork((1,), (1e2, 1e4, 1e6), 256, 48)


def run(quick: bool, seed: int, out: Path, progress: bool | None) -> ExperimentResult:
    """Example 3.4, then two-layer networks with one input and, unless ``quick``, with two."""
    work = QUICK if quick else FULL
    warnings: list[dict[str, Any]] = []

    def tempered(triple: Triple, what: str, beta_max: float, particles: int) -> Run:
        found = temper(
            triple, beta_max, particles=particles, replicates=8, seed=seed, progress=progress
        )
        warnings.extend(
            {"run": what, "reason": str(w.reason), "message": w.message} for w in found.cautions
        )
        return found

    example = tempered(two_node_degeneracy(1.0), "Example 3.4", BETA_MAX, work.particles)
    rows = _segment_rows(example, work.sizes)
    networks = {}
    for inputs in work.inputs:
        truth = one_node(inputs)
        box = [(-1.0, 1.0)] * inputs
        networks[inputs] = tempered(
            two_layer_population(2, truth, box),
            f"{inputs} inputs",
            BETA_MAX,
            work.network_particles,
        )
        rows += _share_rows(networks[inputs], inputs, work.sizes)
    for inputs in work.inputs:
        around = neighbourhood(inputs)
        for name, (centre, exact) in true_parameters(inputs).items():
            local = tempered(
                around.with_setting(centre),
                f"{inputs} inputs, near {name}",
                LOCAL_BETA_MAX,
                work.network_particles,
            )
            read = local.learning_coefficient()
            rows.append(
                {
                    "part": "local exponent",
                    "inputs": inputs,
                    "phase": name,
                    "exact": str(exact),
                    "measured": read.value,
                    "standard error": read.standard_error,
                }
            )
    out.mkdir(parents=True, exist_ok=True)
    return ExperimentResult(
        rows, warnings, _table(rows), [_figure(rows, example, out / "degenerate_node.png")]
    )


# -- Example 3.4
# --------------------------------------------------------------------------------------------------


def _piece(w: Any) -> Any:
    """1 near an end of the segment, w1 - w2 within WIDTH of ±1; 2 in the middle, within WIDTH of 0;
    0 between.
    """
    along = jnp.abs(w["w1"] - w["w2"])
    return jnp.where(jnp.abs(along - 1) < WIDTH, 1, jnp.where(along < WIDTH, 2, 0))


def density_along(along: float, n: float) -> float:
    r"""∫ exp(-nK) over :math:`w_1 + w_2`, as a function of :math:`|w_1 - w_2|`, in Example 3.4 with
    θ = 1, inputs of variance 1.

    With κ = n/4, :math:`e = |w_1 - w_2| - 1` and :math:`σ = w_1 + w_2 - 1`, nK is :math:`κσ^2`
    where both weights are positive, σ > e, and :math:`κ(σ^2 + e^2)/2` where one of them is not.

    >>> round(density_along(1.0, 1e6) / density_along(0.0, 1e6), 3)      # a bump of (1 + √2)/2 at the very end,
    1.207
    >>> round(density_along(0.98, 1e6) / density_along(0.0, 1e6), 3)     # gone at a distance of a few 1/√n
    1.0
    """  # noqa: E501
    kappa, e = n / 4, abs(along) - 1
    root = math.sqrt(kappa)
    positive = 0.5 * math.sqrt(math.pi) / root * (1 - erf(root * e))
    one_negative = (
        0.5
        * math.sqrt(2 * math.pi)
        / root
        * (1 + erf(root * e / math.sqrt(2)))
        * math.exp(-kappa * e * e / 2)
    )
    return float(positive + one_negative)


def exact_share(n: float, centre: float, half_width: float) -> float:
    """The share of the posterior with ``| |w1 - w2| - centre | < half_width``, by quadrature of
    :func:`density_along`.
    """
    far = 1 + 12 / math.sqrt(n)
    scale = 1 / math.sqrt(n)

    def mass(low: float, high: float) -> float:
        cuts = [low, *(c for c in (1 - 6 * scale, 1.0, 1 + 6 * scale) if low < c < high), high]
        found: float = sum(quad(density_along, a, b, args=(n,))[0] for a, b in pairwise(cuts))
        return found

    return mass(max(centre - half_width, 0.0), min(centre + half_width, far)) / mass(0.0, far)


def _segment_rows(example: Run, sizes: tuple[float, ...]) -> list[dict[str, Any]]:
    phases = example.phases(_piece)
    rows = []
    for n in sizes:
        for code, name, centre in ((1, "ends", 1.0), (2, "middle", 0.0)):
            reading = phases.reading(code, n)
            rows.append(
                {
                    "part": "Example 3.4",
                    "n": n,
                    "phase": name,
                    "share": reading.occupancy.value if reading.occupancy else None,
                    "standard error": reading.occupancy.standard_error
                    if reading.occupancy
                    else None,
                    "exact": exact_share(n, centre, WIDTH),
                    "heat capacity": reading.heat_capacity.value if reading.heat_capacity else None,
                    "its error": reading.heat_capacity.standard_error
                    if reading.heat_capacity
                    else None,
                }
            )
    return rows


# -- two-layer networks
# --------------------------------------------------------------------------------------------------


def one_node(inputs: int) -> dict[str, Float[np.ndarray, "*_"]]:
    """The truth ReLU(⟨w, x⟩ - 0.2) with a unit weight that is parallel to no edge of the box."""
    weight = np.array([[1.0], [0.8]][inputs - 1] + [0.6][: inputs - 1])
    return {"w": weight[None, :], "b": np.array([-0.2]), "q": np.ones(1), "c": np.zeros(())}


def role_of_the_spare(inputs: int) -> Callable[[Any], Any]:
    """Which of ``PHASES`` a network with two nodes is in, by the default tolerances of
    ``node_roles``.
    """
    roles_of = node_roles([(-1.0, 1.0)] * inputs)

    def role_of_the_spare(w: Any) -> Any:
        roles = roles_of(w)
        one = roles.live == 1
        choices = [
            one & (roles.dead == 1),
            one & (roles.silent == 1),
            one & (roles.always_active == 1),
            roles.shared == 2,
        ]
        choices += [roles.opposite == 2, roles.live == 2]
        return jnp.select(choices, list(range(len(choices))), len(choices))

    return role_of_the_spare


def true_parameters(inputs: int) -> dict[str, tuple[dict[str, Float[np.ndarray, "*_"]], Fraction]]:
    """A true parameter of two nodes inside each phase, away from the others, and λ there: THEORY of
    the volume exponents.
    """
    one = one_node(inputs)
    weight, base = one["w"][0], Fraction(inputs + 2, 2)
    across = np.array([0.8]) if inputs == 1 else np.array([-0.36, 0.48])

    def point(
        spare: Float[np.ndarray, " inputs"],
        bias: float,
        first: float,
        second: float,
        constant: float,
    ) -> dict[str, Any]:
        return {
            "w": np.stack([weight, spare]),
            "b": np.array([-0.2, bias]),
            "q": np.array([first, second]),
            "c": np.array(constant),
        }

    return {
        "dead": (point(-0.5 * weight, -1.5, 1.0, 1.0, 0.0), base),
        "q = 0": (point(across, 0.3, 1.0, 0.0, 0.0), base + Fraction(1, 2)),
        "w = 0": (point(0 * weight, 1.0, 1.0, 0.7, -0.7), base + Fraction(inputs, 2)),
        "shared boundary": (point(weight, -0.2, 0.5, 0.5, 0.0), base + Fraction(inputs, 3)),
    }


def neighbourhood(inputs: int) -> Triple:
    """K on a box of half-width RADIUS around a true parameter, which is the setting: uniform prior,
    λ is the local exponent.
    """
    kl = relu_population_kl(one_node(inputs), [(-1.0, 1.0)] * inputs)

    def kl_near(u: Any, centre: Any) -> Any:
        return kl({name: centre[name] + RADIUS * u[name] for name in PARTS})

    side = dist.Uniform(-1.0, 1.0)
    prior = {"w": side.expand([2, inputs]), "b": side.expand([2]), "q": side.expand([2]), "c": side}
    start, _ = true_parameters(inputs)["dead"]
    return Triple.population(
        kl_near, prior, 1.0, name=f"near a true parameter, {inputs} inputs", setting=start
    )


def _share_rows(run: Run, inputs: int, sizes: tuple[float, ...]) -> list[dict[str, Any]]:
    phases = run.phases(role_of_the_spare(inputs))
    rows = []
    for n in sizes:
        for code, name in enumerate(PHASES):
            reading = phases.reading(code, n)
            rows.append(
                {
                    "part": "shares",
                    "inputs": inputs,
                    "n": n,
                    "phase": name,
                    "share": reading.occupancy.value if reading.occupancy else None,
                    "standard error": reading.occupancy.standard_error
                    if reading.occupancy
                    else None,
                    "share below": reading.largest_occupancy,
                    "heat capacity": reading.heat_capacity.value if reading.heat_capacity else None,
                    "its error": reading.heat_capacity.standard_error
                    if reading.heat_capacity
                    else None,
                }
            )
    return rows


# -- for people
# --------------------------------------------------------------------------------------------------


def _table(rows: list[dict[str, Any]]) -> str:
    lines: list[str] = [
        "Example 3.4: shares of the two ends and of a middle piece of the segment as long as both",
        "",
    ]
    cells: list[tuple[str, ...]] = [("n", "ends", "exact", "middle", "exact", "C ends", "C middle")]
    example = [row for row in rows if row["part"] == "Example 3.4"]
    for ends, middle in zip(example[::2], example[1::2], strict=True):
        both = [str(Estimate(row["share"], row["standard error"])) for row in (ends, middle)]
        heat = [str(Estimate(row["heat capacity"], row["its error"])) for row in (ends, middle)]
        cells.append(
            (
                f"{ends['n']:g}",
                both[0],
                f"{ends['exact']:.4f}",
                both[1],
                f"{middle['exact']:.4f}",
                *heat,
            )
        )
    lines += aligned_rows(cells)
    for inputs in sorted({row["inputs"] for row in rows if row["part"] == "shares"}):
        own = [row for row in rows if row["part"] == "shares" and row["inputs"] == inputs]
        lines += [
            "",
            f"Two nodes, a truth with one, {inputs} input{'s' if inputs > 1 else ''}: posterior "
            f"shares",
            "",
        ]
        table: list[tuple[str, ...]] = [("n", *PHASES)]
        for n in sorted({row["n"] for row in own}):
            table.append((f"{n:g}", *(_cell(row) for row in own if row["n"] == n)))
        lines += aligned_rows(table)
    lines += ["", "Local exponents at one true parameter of each phase", ""]
    local: list[tuple[str, ...]] = [("phase", "inputs", "exact λ", "measured λ")]
    for row in rows:
        if row["part"] == "local exponent":
            local.append(
                (
                    row["phase"],
                    str(row["inputs"]),
                    row["exact"],
                    str(Estimate(row["measured"], row["standard error"])),
                )
            )
    return "\n".join([*lines, *aligned_rows(local)])


def _cell(row: dict[str, Any]) -> str:
    return (
        f"< {row['share below']:.2g}"
        if row["share"] is None
        else share_cell(Estimate(row["share"], row["standard error"]))
    )


def _figure(rows: list[dict[str, Any]], example: Run, path: Path) -> Path:
    inputs = sorted({row["inputs"] for row in rows if row["part"] == "shares"})
    figure = Figure(
        figsize=(5.2 * 2, 4.2 * (1 + len(inputs)) / 2 + (0 if len(inputs) > 1 else 2.1)),
        layout="constrained",
    )
    panels = figure.subplots(2, 2).ravel() if len(inputs) > 1 else figure.subplots(1, 3)
    _density(panels[0], example)
    for axes, count in zip(panels[1:], inputs, strict=False):
        _shares(
            axes, [row for row in rows if row["part"] == "shares" and row["inputs"] == count], count
        )
    _exponents(panels[len(inputs) + 1], [row for row in rows if row["part"] == "local exponent"])
    figure.savefig(path, dpi=110)
    return path


def _density(axes: Any, example: Run) -> None:
    edges = np.linspace(0.0, 1.5, 46)
    fine = np.linspace(0.0, 1.5, 301)
    for n, colour, style, marker in ((1e2, SERIES[1][0], "--", "s"), (1e4, INK, "-", "o")):
        w = example.sample(n, 40_000, seed=0)
        counts, _ = np.histogram(np.abs(w["w1"] - w["w2"]), edges, density=True)
        whole = quad(density_along, 0, 2.5, args=(n,), points=(1.0,), limit=400)[0]
        axes.plot(
            fine,
            [density_along(x, n) / whole for x in fine],
            style,
            color=colour,
            linewidth=1.2,
            label=f"exact, n = {n:g}",
        )
        axes.plot(
            0.5 * (edges[1:] + edges[:-1]),
            counts,
            marker,
            color=colour,
            markersize=3.5,
            linestyle="",
            label=f"measured, n = {n:g}",
        )
    axes.set_xlabel("|w₁ − w₂|   (0: both nodes alike, 1: one node degenerate)")
    axes.set_ylabel("posterior density")
    axes.set_ylim(0, 1.6)
    axes.set_title("Example 3.4: flat; the bump at the end is as narrow as 1/√n", fontsize=10)
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
    quieten(axes)


def _shares(axes: Any, rows: list[dict[str, Any]], inputs: int) -> None:
    for (name, (colour, line)), marker in zip(
        zip(PHASES, [*SERIES, (QUIET, "-")], strict=True), "osD^vPx", strict=True
    ):
        own = [row for row in rows if row["phase"] == name and row["share"]]
        if not own:
            continue
        x, y, error = (
            np.array([row[key] for row in own]) for key in ("n", "share", "standard error")
        )
        axes.errorbar(
            x,
            y,
            np.minimum(error, 0.9 * y),
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=4,
            capsize=2,
            label=name,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(30, 2 * max(row["n"] for row in rows))
    axes.set_ylim(1e-3, 30)
    axes.set_yticks([1e-3, 1e-2, 1e-1, 1])
    axes.set_xlabel("n β")
    axes.set_ylabel("posterior share")
    axes.set_title(
        f"one node too many, {inputs} input{'s' if inputs > 1 else ''}: what the spare node does",
        fontsize=10,
    )
    axes.legend(
        frameon=False, fontsize=7.5, ncols=3, loc="upper right", columnspacing=0.8, handlelength=1.5
    )
    quieten(axes)


def _exponents(axes: Any, rows: list[dict[str, Any]]) -> None:
    for position, row in enumerate(rows):
        exact = float(Fraction(row["exact"]))
        axes.plot(
            [exact],
            [position],
            marker="|",
            color=QUIET,
            markersize=22,
            markeredgewidth=2,
            linestyle="",
        )
        axes.errorbar(
            row["measured"],
            position,
            xerr=row["standard error"],
            fmt="o",
            color=INK,
            markersize=4,
            capsize=3,
        )
    axes.set_yticks(
        range(len(rows)),
        [f"{row['phase']}, {row['inputs']} in:  {row['exact']}" for row in rows],
        fontsize=8,
    )
    axes.set_ylim(len(rows) - 0.3, -0.7)
    axes.set_xlabel("local exponent λ   (bars: exact; dots: measured ± 1 s.e.)")
    axes.set_title("what a phase costs: λ log n", fontsize=10)
    quieten(axes)


EXPERIMENT = Experiment(
    "degenerate-node",
    "one node too many: degenerate or shared boundary, against n, beside exact local exponents",
    run,
)
