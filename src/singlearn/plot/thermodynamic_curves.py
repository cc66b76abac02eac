"""Free energy, energy and heat capacity of a run."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from singlearn.measure.learning_coefficient import LearningCoefficient
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import ACCENT, INK, QUIET, label_at_right, quieten
from singlearn.plot.takes import takes
from singlearn.results.estimate import Estimate
from singlearn.tempering import Run

POINTS = 120


def thermodynamics(run: Run) -> Figure:
    """Free energy F(β), energy E(β) and heat capacity C(β), from the first rung after the prior to
    β_max.

    Energies are shown above a reference E_0, and F above β E_0: n L_n(w_0) where the truth is
    known, else the lowest energy that was reached; population runs need none. Dots are rungs, bands
    one standard error of the replicates. In the panel of C, which tends to λ, stand λ̂ with its
    error and the temperatures it was read at, and d/2, where a regular model would be.

    Returns:
        A figure of three panels.

    Raises:
        ValueError: rounding leaves the energies of the run no digits.
    """
    takes("run", run, Run, "temper")
    betas = np.unique(run.rungs.inverse_temperature)
    betas = betas[
        (betas > 0) & (betas <= run.view.coldest)
    ]  # beyond, rounding has taken the digits
    if len(betas) < 2:
        raise ValueError(
            f"run: rounding leaves its energies digits only up to β = {run.view.coldest:.3g}; "
            f"there is no curve"
        )
    grid = np.unique(
        np.concatenate(
            [
                np.geomspace(betas[0], betas[-1], POINTS),
                betas if len(betas) <= POINTS else betas[[0, -1]],
            ]
        )
    )
    grid = grid[grid <= run.view.coldest]
    reference, reference_name = _reference(run)
    read = _read(run)

    figure = Figure(figsize=(7.2, 8.4), layout="constrained")
    free, energy, heat = figure.subplots(3, 1, sharex=True)
    _draw(free, run.free_energy, grid, betas, lambda beta: reference * beta)
    _draw(energy, run.energy, grid, betas, lambda beta: reference + 0 * beta)
    _draw(heat, run.heat_capacity, grid, betas, lambda beta: 0.0 * beta)

    free.set_ylabel(
        "free energy  $F(β)$  [nats]"
        if not reference_name
        else "free energy  $F(β) - β\\,E_0$  [nats]"
    )
    energy.set_ylabel(
        "energy  $E(β)$  [nats]" if not reference_name else "energy  $E(β) - E_0$  [nats]"
    )
    heat.set_ylabel("heat capacity  $C(β)$")
    heat.set_xlabel("inverse temperature  $β$  [1/nat]")
    heat.set_xscale("log")
    _scale_energies(energy)
    heat.set_ylim(bottom=0)
    heat.yaxis.set_major_locator(MaxNLocator(6))
    for axes in (free, energy, heat):
        quieten(axes)
    heat.set_xlim(grid[0], grid[-1])
    figure.align_ylabels()
    _draw_learning_coefficient(heat, run, read)
    if not run.is_population and run.n >= 3 and grid[0] < 1 / math.log(run.n) < grid[-1]:
        for axes in (free, energy, heat):
            axes.axvline(1 / math.log(run.n), color=QUIET, linestyle=":", linewidth=1, zorder=0)
        free.annotate(
            "$1/\\log n$",
            (1 / math.log(run.n), 1),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=9,
            color=QUIET,
        )
    settings = run.settings
    figure.suptitle(_title(run, reference_name, reference), fontsize=11, x=0.02, ha="left")
    figure.supxlabel(
        f"dots: {len(betas)} rungs; bands: ± 1 standard error of {settings['replicates']} "
        f"replicates "
        f"of {settings['particles']} particles",
        fontsize=8,
        color=QUIET,
    )
    return finished(figure)


def _reference(run: Run) -> tuple[float, str]:
    """E_0 in nats and its name; no name for a population run, whose energies already are above the
    truth's.
    """
    if run.truth_energy is None and run.triple is not None:
        run.find_optimum()
    if run.is_population or run.reference_energy is None:
        return 0.0, ""
    return (
        run.reference_energy,
        "$n L_n(w_0)$" if run.truth_energy is not None else "lowest energy reached",
    )


def _read(run: Run) -> LearningCoefficient | None:
    try:
        return run.learning_coefficient()
    except ValueError:  # the run stops before the temperatures λ is read at
        return None


def _title(run: Run, reference_name: str, reference: float) -> str:
    end = min(1.0, run.view.coldest) if not run.is_population else run.view.coldest
    title = f"{run.name}:  $F({_number(end)})$ = {run.free_energy(end)} nats"
    if reference_name:
        title += f"\n$E_0$ = {reference:.2f} nats, {reference_name}"
    return title


def _number(value: float) -> str:
    if 1e-3 <= value < 1e4:
        return f"{value:g}"
    exponent = math.floor(math.log10(value))
    mantissa = value / 10**exponent
    return (
        f"10^{{{exponent}}}" if math.isclose(mantissa, 1) else f"{mantissa:.3g}·10^{{{exponent}}}"
    )


def _draw(
    axes: Axes,
    curve: Callable[[float], Estimate],
    grid: Float[np.ndarray, " points"],
    rungs: Float[np.ndarray, " rungs"],
    offset: Callable[[Float[np.ndarray, " points"]], Float[np.ndarray, " points"]],
) -> None:
    estimates = [curve(float(beta)) for beta in grid]
    values = np.array([e.value for e in estimates]) - offset(grid)
    errors = np.nan_to_num(np.array([e.standard_error for e in estimates]))
    axes.fill_between(grid, values - errors, values + errors, color=INK, alpha=0.25, linewidth=0)
    axes.plot(grid, values, color=INK, linewidth=1.4)
    # The curve passes through the rungs: they are where its data are, not other data.
    axes.plot(
        rungs,
        np.interp(np.log(rungs), np.log(grid), values),
        "o",
        color=INK,
        markersize=3 if len(rungs) <= 60 else 2,
        clip_on=False,
    )


def _scale_energies(axes: Axes) -> None:
    """Logarithmic; linear about zero where energies fall below the truth's, as fluctuations let
    them.
    """
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    if (drawn > 0).all():
        axes.set_yscale("log")
        if drawn.max() / drawn.min() < 1000:
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(ScalarFormatter())
            axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_yscale("symlog", linthresh=1.0)


def _draw_learning_coefficient(axes: Axes, run: Run, read: LearningCoefficient | None) -> None:
    half = run.dimension / 2
    axes.axhline(half, color=QUIET, linestyle="--", linewidth=1.2)
    labels = [(half, f"$d/2$ = {half:g}", QUIET)]
    if read is not None:
        low, high = min(read.inverse_temperatures), max(read.inverse_temperatures)
        axes.axhline(read.value, color=ACCENT, linewidth=0.8, zorder=1)
        axes.axhspan(
            read.value - read.standard_error,
            read.value + read.standard_error,
            color=ACCENT,
            alpha=0.2,
            linewidth=0,
        )
        axes.plot(
            [low, high],
            [read.value] * 2,
            color=ACCENT,
            linewidth=4,
            solid_capstyle="butt",
            zorder=1,
        )
        labels.append(
            (read.value, f"$\\hat λ$ = {Estimate(read.value, read.standard_error)}", ACCENT)
        )
    top = axes.get_ylim()[1]
    axes.set_ylim(0, max(top, 1.15 * max(level for level, _, _ in labels)))
    label_at_right(axes, labels)
