"""Modes of a run: looked for, added up or warned of, and recorded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import jax
import numpy as np

from singlearn.measure.joined import joined_view
from singlearn.measure.ladder_view import LadderView
from singlearn.phases.restriction import PhaseTooSmallError
from singlearn.results.caution import Caution, Reason
from singlearn.running.progress import Progress
from singlearn.tempering.add_modes import ModeRun, run_mode, run_outside
from singlearn.tempering.anneal import NoFiniteEnergyError
from singlearn.tempering.markov_moves import compile_moves
from singlearn.tempering.path import Path
from singlearn.tempering.rungs import Rungs
from singlearn.tempering.settings import Settings
from singlearn.tempering.unseen_modes import (
    ModeSearch,
    UnseenMode,
    is_found_by_luck,
    is_missing,
    search,
)
from singlearn.triple import Triple

CHOICES = ("auto", "warn", None)
# Nats by which K has to stay above 0, at the temperature that is looked at, before it counts as not
# reaching it.
ABOVE_ZERO = 5.0
# As a share of what K is on the prior: below it is rounding that keeps K from 0, which is another
# matter.
ROUNDED = 1e-10
# Nats of an energy, at the temperature that is looked at, that may be lost to rounding.
RESOLVED = 0.05
# Nats by which the truth may lie below every particle beyond the (d/2) log n that a singular
# posterior may keep away from it.
BELOW_TRUTH = 5.0


@dataclass(frozen=True, eq=False)
class WithModes:
    """A run with the modes that its particles had not seen.

    Attributes:
        rungs: of the run outside the modes, then those of every mode that was added.
        view: of all of them together.
        settings: what the run has to remember: the ladders, and the warnings.
    """

    rungs: Rungs
    view: LadderView
    settings: dict[str, Any]


def with_modes(
    triple: Triple,
    settings: Settings,
    rungs: Rungs,
    restriction: dict[str, Any],
    modes: str | None,
    progress: Progress,
) -> WithModes:
    """Look for modes that hold mass and no particles; temper them from inside and add them, or say
    that they are there.

    Args:
        triple: that was tempered.
        settings: of the run.
        rungs: of the run.
        restriction: the settings of a restricted run: the prior mass of its phase.
        modes: ``"auto"``: added up; ``"warn"``: named; ``None``: not looked for.
        progress: as for ``temper``.
    """
    start = restriction.get("prior_free_energies", [0.0] * settings.replicates)
    resolved = float(restriction.get("resolved_beta", math.inf))
    view = _view(rungs, np.array(start), float(restriction.get("prior_floor", 0.0)), resolved)
    if (
        modes is None
        or len(rungs) < 2
        or math.isfinite(resolved)
        or _is_rounded_away(rungs, settings.precision)
    ):
        return WithModes(rungs, view, {})
    with jax.enable_x64(settings.precision == "float64"):
        found = search(
            triple,
            compile_moves(Path.of(triple), settings.particles * settings.replicates),
            rungs,
            view,
            settings.seed,
        )
    recorded: dict[str, Any] = {
        "inverse_temperature": found.inverse_temperature,
        "descents": found.descents,
        "switches": found.switches,
        "prior_draws": found.prior_draws,
    }
    sentences: list[str] = []
    whole = WithModes(rungs, view, {})
    if found.missing and modes == "auto":
        whole, sentences = _added(triple, settings, whole, found, progress)
    elif found.missing:
        sentences = [_named(own, view, found.inverse_temperature, rungs) for own in found.missing]
    lowest = min(found.lowest_energy, float(whole.rungs.energies.min()))
    sentences += _never_zero(
        triple, rungs, found, lowest, "restricted_to" in restriction
    ) + _truth_below(triple, whole.rungs, found)
    if sentences:
        recorded["warnings"] = sentences
    return WithModes(whole.rungs, whole.view, {"modes": recorded, **whole.settings})


def warnings_of_modes(settings: dict[str, Any]) -> list[Caution]:
    """What a run has recorded of modes that its particles had not seen."""
    return [
        Caution(Reason.UNSEEN_MODE, sentence)
        for sentence in settings.get("modes", {}).get("warnings", [])
    ]


def view_of_ladders(rungs: Rungs, settings: dict[str, Any]) -> LadderView:
    """The view of rungs that may be those of several ladders, as the settings of the run record."""
    ladders = settings.get("ladders")
    if ladders is None:
        start = settings.get("prior_free_energies", [0.0] * rungs.replicates)
        resolved = float(settings.get("resolved_beta", math.inf))
        return _view(rungs, np.array(start), float(settings.get("prior_floor", 0.0)), resolved)
    ends = np.cumsum([ladder["rungs"] for ladder in ladders]).tolist()
    return joined_view(
        [
            _view(
                _some(rungs, end - ladder["rungs"], end),
                np.array(ladder["prior_free_energies"]),
                ladder["prior_floor"],
                float(settings.get("resolved_beta", math.inf)),
            )
            for ladder, end in zip(ladders, ends, strict=True)
        ]
    )


def _view(rungs: Rungs, start: np.ndarray, floor: float, resolved: float = math.inf) -> LadderView:
    return LadderView(
        rungs.inverse_temperature,
        rungs.energies,
        rungs.ancestor,
        start,
        floor,
        resolved,
    )


def _some(rungs: Rungs, begin: int, end: int) -> Rungs:
    return Rungs(*(getattr(rungs, f.name)[begin:end] for f in fields(Rungs)))


def _added(
    triple: Triple, settings: Settings, main: WithModes, found: ModeSearch, progress: Progress
) -> tuple[WithModes, list[str]]:
    """Every missing mode tempered from inside, the rest without them, and what is to be said about
    it.
    """
    beta = found.inverse_temperature
    before = main.view.free_energy(beta)
    runs: list[ModeRun] = []
    kept: list[UnseenMode] = []
    sentences: list[str] = []
    last = int(np.argmin(np.abs(main.rungs.inverse_temperature - beta)))
    here = main.rungs.particles[last].astype(float)
    for index, own in enumerate(found.missing):
        if any(run.ellipsoid.holds(own.mode.ellipsoid.centre[None])[0] for run in runs):
            continue
        try:
            run = run_mode(
                triple, settings, own.mode.ellipsoid, [r.ellipsoid for r in runs], beta, index
            )
        except (PhaseTooSmallError, NoFiniteEnergyError, RuntimeError) as error:
            sentences.append(
                f"{_named(own, main.view, beta, main.rungs)}; it could not be added: {error}"
            )
            continue
        shares = np.maximum(run.ellipsoid.holds(here).mean(axis=1), own.share_of_particles)
        measured = run.view.free_energy(beta)
        # Judged again by what the run says: importance draws promise too much now and then.
        if own.by_luck:
            confirmed = is_found_by_luck(measured.value, shares, before.replicates)
        else:
            confirmed = is_missing(
                measured.value, shares, before.replicates, measured.standard_error
            )
        if confirmed:
            runs.append(run)
            kept.append(own)
    if not runs:
        return main, sentences
    ellipsoids = [run.ellipsoid for run in runs]
    rungs = main.rungs
    start, floor = main.view._prior_free_energies, main.view.prior_floor
    masses = np.sum([np.exp(-run.prior_free_energies) for run in runs], axis=0)
    if any(own.holds(rungs.particles.astype(float)).any() for own in ellipsoids):
        # Particles that got in by themselves are counted there: the rest is tempered without them.
        rungs, start, floor = run_outside(triple, settings, ellipsoids, progress)
    else:
        start = start - np.log1p(-np.minimum(masses * np.exp(start), 0.5))
    ladders = [
        (rungs, start, floor),
        *((run.rungs, run.prior_free_energies, run.prior_floor) for run in runs),
    ]
    joined = Rungs(
        *(np.concatenate([getattr(own, f.name) for own, _, _ in ladders]) for f in fields(Rungs))
    )
    view = joined_view([_view(*own, main.view.resolved) for own in ladders])
    recorded = [
        {
            "rungs": len(own),
            "prior_free_energies": [float(f) for f in begin],
            "prior_floor": float(error),
        }
        for own, begin, error in ladders
    ]
    after = view.free_energy(beta)
    for own, run in zip(kept, runs, strict=True):
        share = math.exp(min(0.0, after.value - run.view.free_energy(beta).value))
        held = (
            "no particle had seen" if max(own.share_of_particles) == 0 else "few particles had seen"
        )
        text = (
            f"a mode of energy {own.mode.energy:.4g} nats that {held} holds {_percent(share)} of "
            f"the posterior at β = {beta:.3g}; it was "
            f"tempered from inside and added: F = {after}, without it {before}"
        )
        if not run.is_whole:
            text += (
                f"; {_percent(run.at_the_edge)} of it lie at the edge of what was tempered: F is "
                "at most this"
            )
        sentences.append(text)
    return WithModes(joined, view, {"ladders": recorded}), sentences


def _named(own: UnseenMode, view: LadderView, beta: float, rungs: Rungs) -> str:
    """What is to be said of a mode that was not added."""
    free = view.free_energy(beta)
    share = 1 / (1 + math.exp(min(700.0, own.mode.free_energy - free.value)))
    inside = float(np.mean(own.share_of_particles))
    held = "none of them is there" if inside == 0 else f"{_percent(inside)} of them are there"
    return (
        f"a mode of energy {own.mode.energy:.4g} nats, F about {own.mode.free_energy:.4g}, would "
        f"hold {_percent(share)} of the "
        f"posterior at β = {beta:.3g} beside what {rungs.energies[0].size} particles hold (F = "
        f"{free}), and {held}; modes='auto' "
        "tempers it from inside and adds it"
    )


def _is_rounded_away(rungs: Rungs, precision: str) -> bool:
    """Whether energies have too few digits left for masses to be compared."""
    energies = rungs.energies[-1][np.isfinite(rungs.energies[-1])]
    if not energies.size:
        return True
    scale = float(np.abs(energies).max()) * min(1.0, float(rungs.inverse_temperature[-1]))
    return scale * float(np.finfo(np.dtype(precision)).eps) > RESOLVED


def _never_zero(
    triple: Triple, rungs: Rungs, found: ModeSearch, lowest: float, restricted: bool
) -> list[str]:
    if (
        not triple.is_population
        or restricted
        or not lowest * found.inverse_temperature > ABOVE_ZERO
    ):
        return []
    if not lowest > ROUNDED * float(np.median(rungs.energies[0])):
        return []
    return [
        f"K, which is 0 at the truth, stays above {lowest / triple.n:.4g} on all particles, "
        f"{found.prior_draws} draws of the prior and "
        f"{found.descents} descents: where it is 0 has not been seen, and what lies there is "
        f"missing from F"
    ]


def _truth_below(triple: Triple, rungs: Rungs, found: ModeSearch) -> list[str]:
    if not triple.truth_is_parameter or triple.truth_energy is None or triple.is_population:
        return []
    lowest = float(rungs.energies.min())
    allowed = (
        triple.dimension / 2 * (math.log(max(triple.n, 3)) + 1 / found.inverse_temperature)
        + BELOW_TRUTH
    )
    if not lowest - triple.truth_energy > allowed:
        return []
    return [
        f"the energy of the truth, {triple.truth_energy:.5g} nats, lies "
        f"{lowest - triple.truth_energy:.4g} nats below that of every "
        f"particle, more than the {allowed:.3g} that (d/2) log n allows: no particle has seen its "
        f"neighbourhood, whose mass may be missing "
        "from F"
    ]


def _percent(share: float) -> str:
    return f"{share:.3%}" if share < 0.01 or share > 0.99 else f"{share:.1%}"


def names(choices: Sequence[str | None] = CHOICES) -> str:
    """The choices of ``modes=`` in words."""
    return ", ".join(map(repr, choices))
