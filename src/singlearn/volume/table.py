"""A volume curve in words and numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.results.estimate import Estimate
from singlearn.volume.curve import POINTS_PER_DECADE, VolumeCurve
from singlearn.volume.fit import VolumeFit

METHODS = {"nested_sampling": "nested sampling", "tempering": "tempered run"}
HEADER = ("t", "V(t)", "codimension 2λ(t)", "flat directions d − 2λ(t)", "entropy", "of it flat")
UNITS = ("nats", "share of prior", "", "", "nats", "nats")


def _decades(curve: VolumeCurve) -> Float[np.ndarray, " decades"]:
    """Powers of ten from the largest threshold down; codimensions need a further decade above."""
    powers = np.arange(
        math.ceil(math.log10(curve.smallest) - 1 / (2 * POINTS_PER_DECADE)),
        math.floor(math.log10(curve.largest) + 1e-9),
    )
    return 10.0 ** powers[::-1].astype(float)


def _volume(estimate: Estimate) -> str:
    exponent = math.floor(math.log10(estimate.value))
    if exponent >= -2:
        return str(estimate)
    scaled = Estimate(estimate.value / 10.0**exponent, estimate.standard_error / 10.0**exponent)
    return f"({scaled})·10^{exponent}"


def _fit(curve: VolumeCurve) -> VolumeFit | str:
    """λ̂, or why there is none: the curve is too short, say."""
    try:
        return curve.learning_coefficient()
    except ValueError as error:
        return str(error)


def summary(curve: VolumeCurve) -> str:
    """A table for people."""
    rows: list[tuple[str, ...]] = [HEADER, UNITS]
    for t in map(float, _decades(curve)):
        readings = (
            curve.codimension(t),
            curve.flat_directions(t),
            curve.entropy(t),
            curve.flat_entropy(t),
        )
        rows.append((f"1e{round(math.log10(t)):+d}", _volume(curve.volume(t)), *map(str, readings)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        f"{curve.name}  V(t) by {METHODS[curve.method]}, {len(curve.log_volumes)} replicates, d = "
        f"{curve.dimension}",
        "",
    ]
    lines += [
        "  "
        + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    fit = _fit(curve)
    lines += ["", f"  λ is not read: {fit}" if isinstance(fit, str) else f"  {fit.plain()}"]
    warnings = curve.all_warnings if isinstance(fit, str) else fit.warnings
    lines += [f"  warning: {warning}" for warning in warnings]
    return "\n".join(lines)


def to_dict(curve: VolumeCurve) -> dict[str, Any]:
    """The same numbers for machines."""
    fit = _fit(curve)
    warnings = curve.all_warnings if isinstance(fit, str) else fit.warnings
    estimates = [curve.log_volume(float(t)) for t in curve.thresholds]
    return {
        "name": curve.name,
        "method": curve.method,
        "dimension": curve.dimension,
        "thresholds": [float(t) for t in curve.thresholds],
        "log_volume": [e.value for e in estimates],
        "standard_error": [e.standard_error for e in estimates],
        "decades": [
            {
                "t": float(t),
                "codimension": curve.codimension(float(t)).to_dict(),
                "entropy": curve.entropy(float(t)).to_dict(),
            }
            for t in _decades(curve)
        ],
        "learning_coefficient": None
        if isinstance(fit, str)
        else {k: v for k, v in fit.to_dict().items() if k != "warnings"},
        **({"withheld": {"learning_coefficient": fit}} if isinstance(fit, str) else {}),
        "warnings": [{"reason": str(w.reason), "message": w.message} for w in warnings],
    }
