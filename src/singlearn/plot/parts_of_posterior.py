"""A posterior in parts: what the run from the prior holds, and the modes that were added to it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.measure.joined import JoinedView
from singlearn.measure.ladder_view import LadderView
from singlearn.plot.figure import Figure
from singlearn.plot.panels import finished
from singlearn.plot.style import QUIET, SERIES, quieten
from singlearn.plot.takes import takes
from singlearn.tempering import Run

POINTS = 60
BAND = (0.05, 0.95)


def modes(run: Run) -> Figure:
    r"""Energy, free energy and share of the posterior of every part of a run to which modes were
    added, against β.

    Bands hold nine tenths of the energies of the posterior restricted to a part. Where the share of
    a mode crosses one half the posterior changes places, at a temperature at which no particle of
    the other part can follow.

    Args:
        run: to which ``temper`` added a mode; see ``Run.cautions``.

    Returns:
        The figure.

    Raises:
        ValueError: no mode was added.
    """
    takes("run", run, Run, "temper")
    if not isinstance(run.view, JoinedView):
        raise ValueError(f"run: no mode was added to {run.name!r}; its posterior has one part")
    parts = run.view.parts
    names = ["from the prior"] + [
        f"mode {k}" if len(parts) > 2 else "mode, from inside" for k in range(1, len(parts))
    ]
    rungs = np.unique(run.view.inverse_temperatures)
    grid = np.geomspace(max(rungs[1], 1e-4 * rungs[-1]), rungs[-1], POINTS).clip(None, rungs[-1])
    whole = np.array([run.free_energy(float(beta)).value for beta in grid])
    figure = Figure(figsize=(7.2, 8.4), layout="constrained")
    energy, free, share = figure.subplots(3, 1, sharex=True)
    for part, name, (colour, line) in zip(parts, names, SERIES, strict=False):
        low, middle, high = np.array([_quantiles(part, float(beta)) for beta in grid]).T
        energy.fill_between(grid, low, high, color=colour, alpha=0.25, linewidth=0)
        energy.plot(grid, middle, color=colour, linestyle=line, label=name)
        own = np.array([part.free_energy(float(beta)).value for beta in grid])
        free.plot(grid, own, color=colour, linestyle=line, label=name)
        share.plot(
            grid, np.exp(np.minimum(whole - own, 0.0)), color=colour, linestyle=line, label=name
        )
    free.plot(grid, whole, color=QUIET, linewidth=4, alpha=0.5, label="together", zorder=0)
    energy.set_ylabel("energy $n L_n$ [nats]")
    energy.set_yscale("symlog", linthresh=100)
    free.set_ylabel("free energy F(β) [nats]")
    free.set_yscale("symlog", linthresh=100)
    share.set_ylabel("share of the posterior")
    share.set_xlabel("β [1/nat]")
    share.set_xscale("log")
    for axes in (energy, free, share):
        quieten(axes)
    free.legend(frameon=False, fontsize=9)
    figure.suptitle(f"{run.name}: the parts of its posterior", fontsize=11)
    return finished(figure)


def _quantiles(part: LadderView, beta: float) -> Float[np.ndarray, "3"]:
    energies = np.concatenate([own.energies.ravel() for own in part.replicates])
    weights = np.concatenate([own.weights(beta).ravel() for own in part.replicates])
    order = np.argsort(energies)
    edges = np.cumsum(weights[order])
    places = np.searchsorted(edges, np.array([BAND[0], 0.5, BAND[1]]) * edges[-1])
    found: Float[np.ndarray, "3"] = energies[order][np.minimum(places, len(order) - 1)]
    return found
