"""A run in words and numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from singlearn.measure.learning_coefficient import LearningCoefficient
from singlearn.measure.warning import Warning_
from singlearn.tempering.coordinate_mixing import coordinate_warnings
from singlearn.tempering.run import Run


def _read(run: Run) -> LearningCoefficient | str:
    """λ̂, or in words why it is not read: the run does not reach the temperatures it is read at, say."""
    try:
        return run.learning_coefficient()
    except ValueError as error:
        return str(error)


def _has_optimum(run: Run) -> bool:
    """Whether the best energy is known, so that nothing has to be optimised for BIC and for the check of λ̂."""
    return run.is_population or run.stored_optimum is not None or "optimum" in run.__dict__


def _rows(run: Run, read: LearningCoefficient | str | None) -> list[tuple[str, str]]:
    beta = min(1.0, run.beta_max)
    rows = [
        ("no data, n of n·K(w)" if run.is_population else "observations n", f"{run.n:g}"),
        ("parameters d", f"{run.dimension}"),
        ("rungs", f"{len(run.rungs)}, β = 0 … {run.beta_max:g}"),
        ("populations", f"{run.settings['replicates']} × {run.settings['particles']} particles"),
        (f"free energy F({beta:g})", f"{run.free_energy(beta)} nats"),
    ]
    if run.restricted_to is not None:
        rows.append((f"prior mass, {run.restricted_to}", str(run.prior_mass)))
    if not run.is_population:
        if run.n >= 3 and run.beta_max * math.log(run.n) >= 1:
            rows.append(("WBIC", f"{run.wbic()} nats"))
        if run.posterior.log_likelihood is not None and run.posterior.inverse_temperature == 1.0:
            waic = run.waic()
            over_data = f"± {waic.standard_error_over_data:.2g} over data"
            rows.append(("WAIC", f"{waic.waic} nats ({over_data}), singular fluctuation ν = {waic.singular_fluctuation}"))
        if _has_optimum(run):
            rows.append(("BIC", f"{run.bic():.2f} nats"))
    if isinstance(read, str):
        rows.append(("λ", f"not read: {read}"))
    elif read is not None:
        for name, reading in read.readings.items():
            rows.append((f"λ from {name.replace('_', ' ')}", str(reading)))
        shown = str(replace(read, warnings=())).removeprefix("λ = ")
        rows.append(("λ", f"{shown} (a regular model: d/2 = {run.dimension / 2:g})"))
    return rows


def _warnings(run: Run, read: LearningCoefficient | str | None) -> list[Warning_]:
    """Of the reading, which holds those of the energies, and of the draws."""
    if not isinstance(read, LearningCoefficient):
        return run.warnings
    return [*read.warnings, *coordinate_warnings(run.coordinate_mixing)]


def summary(run: Run, computed_only: bool = False) -> str:
    """A table for people: one quantity a line, errors beside values, warnings in words beneath.

    Args:
        run: any run; of one that was loaded without its triple, what needs the optimum is left out.
        computed_only: leave out BIC and λ̂ where they need an optimum that has not been looked for yet.
    """
    skip = not _has_optimum(run) and (computed_only or run.triple is None)
    read = None if skip else _read(run)
    rows = _rows(run, read)
    if skip:
        how = "Run.load(path, triple=…) and " if run.triple is None else ""
        rows.append(("λ, BIC", f"not looked for yet: {how}summary()"))
    width = max(len(name) for name, _ in rows)
    lines = [run.name, ""] + [f"  {name:<{width}}  {value}" for name, value in rows]
    warnings = _warnings(run, read)
    lines += [f"  warning: {warning}" for warning in warnings]
    return "\n".join(lines)


def to_dict(run: Run) -> dict[str, Any]:
    """The same numbers for machines; energies in nats."""
    read = _read(run)
    found = read if isinstance(read, LearningCoefficient) else None
    beta = min(1.0, run.beta_max)
    result: dict[str, Any] = {
        **run.settings,
        "rungs": len(run.rungs),
        "inverse_temperature": beta,
        "free_energy": run.free_energy(beta).to_dict(),
        "energy": run.energy(beta).to_dict(),
        "heat_capacity": run.heat_capacity(beta).to_dict(),
        "truth_energy": run.truth_energy,
        "best_energy": None if run.is_population or run.optimum is None else run.optimum.energy,
        "half_dimension": run.dimension / 2,
        "infinite_energies": int(run.rungs.is_infinite[0].sum()),
        "warnings": [{"reason": str(w.reason), "message": w.message} for w in _warnings(run, found)],
    }
    if isinstance(read, str):
        result["learning_coefficient_is_not_read"] = read
    else:
        result["learning_coefficient"] = {k: v for k, v in read.to_dict().items() if k != "warnings"}
    if not run.is_population:
        result["bic"] = run.bic()
        if run.n >= 3 and run.beta_max * math.log(run.n) >= 1:
            result["wbic"] = run.wbic().to_dict()
        if run.posterior.log_likelihood is not None and run.posterior.inverse_temperature == 1.0:
            waic = run.waic()
            result["waic"] = waic.to_dict()
            result["singular_fluctuation"] = waic.singular_fluctuation.to_dict()
    return result
