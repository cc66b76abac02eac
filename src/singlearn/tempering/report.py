"""A run in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from singlearn.measure.criteria import Waic
from singlearn.measure.learning_coefficient import LearningCoefficient
from singlearn.results.caution import Caution, said
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.table import frame, pairs
from singlearn.tempering.coordinate_mixing import CoordinateMixing, coordinate_warnings
from singlearn.tempering.optimum import Optimum
from singlearn.tempering.posterior import Posterior
from singlearn.tempering.rungs import Rungs
from singlearn.triple import Triple

if TYPE_CHECKING:
    import pandas

    class Reported(Protocol):
        """What a report needs of a run; :class:`singlearn.tempering.run.Run` has it."""

        @property
        def name(self) -> str: ...

        @property
        def n(self) -> float: ...

        @property
        def dimension(self) -> int: ...

        @property
        def settings(self) -> dict[str, Any]: ...

        @property
        def rungs(self) -> Rungs: ...

        @property
        def posterior(self) -> Posterior: ...

        @property
        def triple(self) -> Triple | None: ...

        @property
        def is_population(self) -> bool: ...

        @property
        def restricted_to(self) -> str | None: ...

        @property
        def prior_mass(self) -> Estimate: ...

        @property
        def beta_max(self) -> float: ...

        @property
        def optimum(self) -> Optimum | None: ...

        @property
        def truth_energy(self) -> float | None: ...

        @property
        def cautions(self) -> tuple[Caution, ...]: ...

        @property
        def coordinate_mixing(self) -> CoordinateMixing: ...

        def find_optimum(self) -> Optimum | None: ...

        def free_energy(self, beta: float | int = 1.0) -> Estimate: ...

        def energy(self, beta: float | int) -> Estimate: ...

        def heat_capacity(self, beta: float | int) -> Estimate: ...

        def learning_coefficient(self) -> LearningCoefficient: ...

        def wbic(self) -> Estimate: ...

        def waic(self) -> Waic: ...

        def bic(self) -> float: ...

else:
    # A run that is only half made, as a debugger shows it, is reported on too.
    Reported = Any


def _read(run: Reported) -> LearningCoefficient | str:
    """λ̂, or why none is read: the run does not reach the temperatures it is read at, say, or
    rounding has taken their digits.
    """
    try:
        return run.learning_coefficient()
    except ValueError as error:
        return str(error)


def _has_optimum(run: Reported) -> bool:
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


def _has_wbic(run: Reported) -> bool:
    return run.n >= 3 and run.beta_max * math.log(run.n) >= 1


def _rows(run: Reported, read: LearningCoefficient | str | None) -> list[tuple[str, str]]:
    beta = min(1.0, run.beta_max)
    rows = [
        ("no data, n of n·K(w)" if run.is_population else "observations n", f"{run.n:g}"),
        ("parameters d", f"{run.dimension}"),
        ("rungs", f"{len(run.rungs)}, β = 0 … {run.beta_max:g}"),
        ("replicates", f"{run.settings['replicates']} × {run.settings['particles']} particles"),
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
        shown = str(replace(read, cautions=())).removeprefix("λ = ")
        rows.append(("λ", f"{shown} (a regular model: d/2 = {run.dimension / 2:g})"))
    return rows


def _cautions(run: Reported, read: LearningCoefficient | str | None) -> tuple[Caution, ...]:
    """Of the reading, which holds those of the energies, and of the draws."""
    if not isinstance(read, LearningCoefficient):
        return run.cautions
    return (*read.cautions, *coordinate_warnings(run.coordinate_mixing))


def summary(run: Reported, computed_only: bool = False) -> str:
    """A table for people: one quantity a line, errors beside values, cautions in words beneath.

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
    return "\n".join([run.name, "", *pairs(rows), *said(_cautions(run, read))])


def table(run: Reported) -> pandas.DataFrame:
    """See ``Run.table``."""
    rungs = run.rungs

    def read(reading: Callable[[float], Estimate], beta: float) -> Estimate | None:
        try:
            return reading(beta)
        except ValueError:  # rounding has taken its digits
            return None

    return frame(
        {
            "β": float(beta),
            "energy": read(run.energy, float(beta)),
            "heat capacity": read(run.heat_capacity, float(beta)),
            "effective sample size": float(rungs.effective_sample_size[k].mean()),
            "acceptance": float(rungs.acceptance[k]),
            "moves": int(rungs.moves[k]),
            "rank correlation": float(rungs.rank_correlation[k]),
            "unmoved share": float(rungs.stuck_share[k]),
            "seconds": float(rungs.seconds[k]),
        }
        for k, beta in enumerate(rungs.inverse_temperature)
    )


def to_dict(run: Reported) -> dict[str, Any]:
    """The same numbers for machines; energies in nats. On a run loaded without its triple, what
    needs an optimum that was not looked for is left out.
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
        "cautions": of_each(_cautions(run, read)),
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
            k: v for k, v in read.to_dict().items() if k != "cautions"
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
