"""A run in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from singlearn.measure.learning_coefficient import LearningCoefficient
from singlearn.results.caution import Caution
from singlearn.results.estimate import Estimate
from singlearn.tempering.coordinate_mixing import coordinate_warnings
from singlearn.tempering.run import Run


def _read(run: Run) -> LearningCoefficient | str:
    """λ̂, or why none is read: the run does not reach the temperatures it is read at, say, or
    rounding has taken their digits.
    """
    try:
        return run.learning_coefficient()
    except ValueError as error:
        return str(error)


def _has_optimum(run: Run) -> bool:
    """Whether the best energy is known, so that nothing has to be optimised for BIC and for the
    check of λ̂.
    """
    return run.is_population or run.optimum is not None


def _or_why(reading: Callable[[], Estimate], unit: str = " nats") -> str:
    """A reading with its unit, or why it is withheld."""
    try:
        return f"{reading()}{unit}"
    except ValueError as error:
        return f"not read: {error}"


def _has_wbic(run: Run) -> bool:
    return run.n >= 3 and run.beta_max * math.log(run.n) >= 1


def _rows(run: Run, read: LearningCoefficient | str | None) -> list[tuple[str, str]]:
    beta = min(1.0, run.beta_max)
    rows = [
        ("no data, n of n·K(w)" if run.is_population else "observations n", f"{run.n:g}"),
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
            over_data = f"± {waic.standard_error_over_data:.2g} over data"
            rows.append(
                (
                    "WAIC",
                    f"{waic.waic} nats ({over_data}), singular fluctuation ν = "
                    f"{waic.singular_fluctuation}",
                )
            )
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


def _warnings(run: Run, read: LearningCoefficient | str | None) -> list[Caution]:
    """Of the reading, which holds those of the energies, and of the draws."""
    if not isinstance(read, LearningCoefficient):
        return run.warnings
    return [*read.warnings, *coordinate_warnings(run.coordinate_mixing)]


def summary(run: Run, computed_only: bool = False) -> str:
    """A table for people: one quantity a line, errors beside values, warnings in words beneath.

    Args:
        run: any run; of one that was loaded without its triple, what needs the optimum is left out.
        computed_only: leave out BIC and λ̂ where they need an optimum that has not been looked for
            yet.
    """
    skip = not _has_optimum(run) and (computed_only or run.triple is None)
    if not skip:
        run.find_optimum()
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
    """The same numbers for machines; energies in nats. On a run loaded without its triple, what
    needs an optimum that nobody looked for is left out.
    """
    optimum = run.optimum if run.triple is None else run.find_optimum()
    read = _read(run)
    beta = min(1.0, run.beta_max)
    result: dict[str, Any] = {
        **run.settings,
        "rungs": len(run.rungs),
        "inverse_temperature": beta,
        "truth_energy": run.truth_energy,
        "best_energy": None if optimum is None else optimum.energy,
        "half_dimension": run.dimension / 2,
        "infinite_energies": int(run.rungs.is_infinite[0].sum()),
        "warnings": [{"reason": str(w.reason), "message": w.message} for w in _warnings(run, read)],
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
        result["learning_coefficient_is_not_read"] = read
    else:
        result["learning_coefficient"] = {
            k: v for k, v in read.to_dict().items() if k != "warnings"
        }
    if withheld:
        result["withheld"] = withheld
    if not run.is_population:
        if optimum is not None:
            result["bic"] = run.bic()
        if run.posterior.log_likelihood is not None and run.posterior.inverse_temperature == 1.0:
            waic = run.waic()
            result["waic"] = waic.to_dict()
            result["singular_fluctuation"] = waic.singular_fluctuation.to_dict()
    return result
