"""A run in words and numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from singlearn.measure.learning_coefficient import LearningCoefficient
from singlearn.measure.warning import Warning_
from singlearn.tempering.coordinate_mixing import coordinate_warnings
from singlearn.tempering.run import Run


def _read(run: Run) -> LearningCoefficient | None:
    """λ̂, or ``None`` where the run does not reach the temperatures it is read at."""
    try:
        return run.learning_coefficient()
    except ValueError:
        return None


def _rows(run: Run, read: LearningCoefficient | None) -> list[tuple[str, str]]:
    beta = min(1.0, run.beta_max)
    rows = [
        ("observations n", f"{run.n:g}"),
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
            rows.append(("WAIC", f"{waic.waic} nats, singular fluctuation ν = {waic.singular_fluctuation}"))
        rows.append(("BIC", f"{run.bic():.2f} nats"))
    if read is not None:
        for name, reading in read.readings.items():
            rows.append((f"λ from {name.replace('_', ' ')}", str(reading)))
        shown = str(replace(read, warnings=())).removeprefix("λ = ")
        rows.append(("λ", f"{shown} (a regular model: d/2 = {run.dimension / 2:g})"))
    return rows


def _warnings(run: Run, read: LearningCoefficient | None) -> list[Warning_]:
    """Of the reading, which holds those of the energies, and of the draws."""
    if read is None:
        return run.warnings
    return [*read.warnings, *coordinate_warnings(run.coordinate_mixing)]


def summary(run: Run) -> str:
    """A table for people: one quantity a line, errors beside values, warnings in words beneath."""
    read = _read(run)
    rows = _rows(run, read)
    width = max(len(name) for name, _ in rows)
    lines = [run.name, ""] + [f"  {name:<{width}}  {value}" for name, value in rows]
    warnings = _warnings(run, read)
    lines += [f"  warning: {warning}" for warning in warnings]
    return "\n".join(lines)


def to_dict(run: Run) -> dict[str, Any]:
    """The same numbers for machines; energies in nats."""
    read = _read(run)
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
        "warnings": [{"reason": str(w.reason), "message": w.message} for w in _warnings(run, read)],
    }
    if read is not None:
        result["learning_coefficient"] = {k: v for k, v in read.to_dict().items() if k != "warnings"}
    if not run.is_population:
        result["bic"] = run.bic()
        if run.n >= 3 and run.beta_max * math.log(run.n) >= 1:
            result["wbic"] = run.wbic().to_dict()
        if run.posterior.log_likelihood is not None and run.posterior.inverse_temperature == 1.0:
            waic = run.waic()
            result["waic"] = waic.waic.to_dict()
            result["singular_fluctuation"] = waic.singular_fluctuation.to_dict()
    return result
