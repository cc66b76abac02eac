"""A run in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from singlearn.measure.estimate import Estimate
from singlearn.measure.learning_coefficient import LearningCoefficient
from singlearn.tempering.run import Run


def _read(run: Run) -> LearningCoefficient | str:
    """λ̂, or why none is read: the run does not reach the temperatures it is read at, say, or rounding has taken their digits."""
    try:
        return run.learning_coefficient()
    except ValueError as error:
        return str(error)


def _or_why(reading: Callable[[], Estimate], unit: str = " nats") -> str:
    """A reading with its unit, or why it is withheld."""
    try:
        return f"{reading()}{unit}"
    except ValueError as error:
        return f"not read: {error}"


def _has_wbic(run: Run) -> bool:
    return run.n >= 3 and run.beta_max * math.log(run.n) >= 1


def _rows(run: Run, read: LearningCoefficient | str) -> list[tuple[str, str]]:
    beta = min(1.0, run.beta_max)
    rows = [
        ("observations n", f"{run.n:g}"),
        ("parameters d", f"{run.dimension}"),
        ("rungs", f"{len(run.rungs)}, β = 0 … {run.beta_max:g}"),
        ("populations", f"{run.settings['replicates']} × {run.settings['particles']} particles"),
        (f"free energy F({beta:g})", _or_why(lambda: run.free_energy(beta))),
    ]
    if run.restricted_to is not None:
        rows.append((f"prior mass, {run.restricted_to}", str(run.prior_mass)))
    if not run.is_population:
        if _has_wbic(run):
            rows.append(("WBIC", _or_why(run.wbic)))
        if run.posterior.log_likelihood is not None and run.posterior.inverse_temperature == 1.0:
            waic = run.waic()
            rows.append(("WAIC", f"{waic.waic} nats, singular fluctuation ν = {waic.singular_fluctuation}"))
        rows.append(("BIC", f"{run.bic():.2f} nats"))
    if isinstance(read, str):
        rows.append(("λ", f"not read: {read}"))
    else:
        for name, reading in read.readings.items():
            rows.append((f"λ from {name.replace('_', ' ')}", str(reading)))
        shown = str(replace(read, warnings=())).removeprefix("λ = ")
        rows.append(("λ", f"{shown} (a regular model: d/2 = {run.dimension / 2:g})"))
    return rows


def summary(run: Run) -> str:
    """A table for people: one quantity a line, errors beside values, warnings in words beneath."""
    read = _read(run)
    rows = _rows(run, read)
    width = max(len(name) for name, _ in rows)
    lines = [run.name, ""] + [f"  {name:<{width}}  {value}" for name, value in rows]
    warnings = tuple(run.warnings) if isinstance(read, str) else read.warnings
    lines += [f"  warning: {warning}" for warning in warnings]
    return "\n".join(lines)


def to_dict(run: Run) -> dict[str, Any]:
    """The same numbers for machines; energies in nats."""
    read = _read(run)
    beta = min(1.0, run.beta_max)
    warnings = run.warnings if isinstance(read, str) else read.warnings
    result: dict[str, Any] = {
        **run.settings,
        "rungs": len(run.rungs),
        "inverse_temperature": beta,
        "truth_energy": run.truth_energy,
        "best_energy": None if run.is_population or run.optimum is None else run.optimum.energy,
        "half_dimension": run.dimension / 2,
        "infinite_energies": int(run.rungs.is_infinite[0].sum()),
        "warnings": [{"reason": str(w.reason), "message": w.message} for w in warnings],
    }
    withheld: dict[str, str] = {}
    readings: dict[str, Callable[[], Estimate]] = {
        "free_energy": lambda: run.free_energy(beta),
        "energy": lambda: run.energy(beta),
        "heat_capacity": lambda: run.heat_capacity(beta),
    }
    if not run.is_population and _has_wbic(run):
        readings["wbic"] = run.wbic
    for name, reading in readings.items():
        try:
            result[name] = reading().to_dict()
        except ValueError as error:
            result[name], withheld[name] = None, str(error)
    if isinstance(read, str):
        withheld["learning_coefficient"] = read
    else:
        result["learning_coefficient"] = {k: v for k, v in read.to_dict().items() if k != "warnings"}
    if withheld:
        result["withheld"] = withheld
    if not run.is_population:
        result["bic"] = run.bic()
        if run.posterior.log_likelihood is not None and run.posterior.inverse_temperature == 1.0:
            waic = run.waic()
            result["waic"] = waic.waic.to_dict()
            result["singular_fluctuation"] = waic.singular_fluctuation.to_dict()
    return result
