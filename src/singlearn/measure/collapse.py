r"""Finite-size scaling: exponents with which curves at several sample sizes fall onto one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits

from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.running.arguments import random_seed, real_number, whole_number

PARAMETERS = ("critical", "x_exponent", "y_exponent", "log_slope")
WIDEST = 3.0
"""Exponents are looked for between minus and plus this number."""

OVERLAP = 0.5
"""At least this share of the points must lie within the range of another size, or anything
collapses.
"""

MOST_PIECES, STARTS, TRIES = 6, 4, 150
POOR, RELATIVE = 2.5, 0.5


@dataclass(frozen=True, eq=False)
class Collapse(Answer):
    r""":math:`y = a \log n + n^{b} f\big((x - x_c)\, n^{c}\big)`, one function f for all n.

    Attributes:
        critical: :math:`x_c`, in the unit of x.
        x_exponent: c.
        y_exponent: b.
        log_slope: a, in the unit of y.
        fitted: names of those that were fitted; the others were given and have no error.
        quality: χ² per degree of freedom; near 1 where one curve explains the data within their
            errors.
        overlap: share of points within the range of another size.
        sizes: n of every curve.
        scaled: by curve, the scaled x, the scaled y and its error.
        cautions: what may be wrong with the exponents.
    """

    critical: Estimate
    x_exponent: Estimate
    y_exponent: Estimate
    log_slope: Estimate
    fitted: tuple[str, ...]
    quality: float
    overlap: float
    sizes: tuple[float, ...]
    scaled: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...] = field(repr=False)
    cautions: tuple[Caution, ...]

    def __str__(self) -> str:
        names = {
            "critical": "x_c", "x_exponent": "c", "y_exponent": "b", "log_slope": "a",
        }  # fmt: skip
        lines = [
            f"y = a log n + n^b f((x - x_c) n^c), {len(self.sizes)} sizes from "
            f"{min(self.sizes):g} to {max(self.sizes):g}"
        ]
        for name, short in names.items():
            value = getattr(self, name)
            if name in self.fitted:
                lines.append(f"  {short} = {value}")
            elif value.value:
                lines.append(f"  {short} = {value.value:g} (given)")
        lines.append(
            f"  χ² per degree of freedom {self.quality:.2g}, {self.overlap:.0%} of the points "
            "overlap"
        )
        return "\n".join([*lines, *(f"  caution: {c}"[:320] for c in self.cautions)])

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            **{name: getattr(self, name).to_dict() for name in PARAMETERS},
            "fitted": list(self.fitted),
            "quality": self.quality,
            "overlap": self.overlap,
            "sizes": list(self.sizes),
            "cautions": of_each(self.cautions),
        }


@dataclass(frozen=True)
class _Data:
    """All points in one row: size, x, y, error, and which curve each is of."""

    log_size: Float[np.ndarray, " points"]
    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]
    error: Float[np.ndarray, " points"]
    curve: np.ndarray


def collapse(
    curves: Mapping[float, Sequence[Any]],
    critical: float | int | None = 0.0,
    x_exponent: float | int | None = None,
    y_exponent: float | int | None = 0.0,
    log_slope: float | int | None = 0.0,
    resamples: int = 16,
    seed: int = 0,
) -> Collapse:
    r"""Find the exponents with which curves at several n fall onto one:
    :math:`y = a\log n + n^b f((x-x_c) n^c)`.

    The scaling function f is a spline, fitted by least squares for given exponents; how many pieces
    it has is decided by BIC.
    The exponents minimise χ². Errors come from refits of resampled data, from other numbers of
    pieces, and from
    leaving out the smallest n, where corrections to scaling are largest; they grow with χ² where it
    is above one. Collapses in
    which the curves have no common range of x explain everything and are not allowed.

    Args:
        curves: by n > 0, a pair (x, y) or a triple (x, y, standard error of y); two sizes at least,
            three to
            say what the smallest does.
        critical: :math:`x_c`; ``None`` to fit it.
        x_exponent: c; ``None``, the default, to fit it.
        y_exponent: b; ``None`` to fit it.
        log_slope: a; ``None`` to fit it. b and a are not fitted together.
        resamples: for the errors, at least 8.
        seed: of the resamples.

    Returns:
        The exponents with errors, the quality of the collapse, and the scaled curves.

    Raises:
        ValueError: nothing to fit, a and b both to be fitted, fewer than two sizes, too few points,
            curves
            that do not match, or numbers that are not finite.

    >>> x = np.linspace(-1.0, 1.0, 9)
    >>> curves = {n: (x / n**0.5, np.tanh(x), 0.01 + 0 * x) for n in (100.0, 1000.0, 10000.0)}
    >>> found = collapse(curves)
    >>> print(found.x_exponent)
    0.500 ± 0.00...
    """
    given = {
        "critical": critical,
        "x_exponent": x_exponent,
        "y_exponent": y_exponent,
        "log_slope": log_slope,
    }
    fixed = {name: real_number(name, value) for name, value in given.items() if value is not None}
    free = tuple(name for name in PARAMETERS if name not in fixed)
    if not free:
        raise ValueError(
            "x_exponent: got numbers for all parameters; at least one should be None, to be fitted"
        )
    if "y_exponent" in free and "log_slope" in free:
        raise ValueError(
            "log_slope: got None as well as y_exponent; only one of the two can be fitted"
        )
    resamples, seed = whole_number("resamples", resamples, at_least=8), random_seed(seed)
    data, sizes, known_errors = _read(curves)
    if len(data.x) < len(free) + 5:
        raise ValueError(
            f"curves: got {len(data.x)} points; for {len(free)} fitted parameters at least "
            f"{len(free) + 5} are needed"
        )
    with threadpool_limits(1, user_api="blas"):
        return _fitted(data, sizes, known_errors, free, fixed, resamples, seed)


def _read(curves: Mapping[float, Sequence[Any]]) -> tuple[_Data, list[float], bool]:
    if not isinstance(curves, Mapping) or len(curves) < 2:
        raise ValueError(
            "curves: it should be a mapping from two or more sizes n to (x, y) or (x, y, error)"
        )
    sizes = sorted(real_number("curves", n, above=0, meaning="a size n > 0") for n in curves)
    by_size = {float(n): own for n, own in curves.items()}
    parts, with_errors = [], []
    for index, n in enumerate(sizes):
        own = [np.asarray(part, float).ravel() for part in by_size[n]]
        if len(own) not in (2, 3) or len({len(part) for part in own}) > 1 or not len(own[0]):
            raise ValueError(
                f"curves: at n = {n:g} it should be (x, y) or (x, y, error), arrays of one length"
            )
        if not all(np.isfinite(part).all() for part in own):
            raise ValueError(f"curves: at n = {n:g} some numbers are not finite")
        if len(own) == 3 and not (own[2] > 0).all():
            raise ValueError(
                f"curves: at n = {n:g} some errors are not positive; leave them out where they "
                "are not known"
            )
        with_errors.append(len(own) == 3)
        error = own[2] if len(own) == 3 else np.ones(len(own[0]))
        parts.append(
            (np.full(len(own[0]), math.log(n)), own[0], own[1], error, np.full(len(own[0]), index))
        )
    if any(with_errors) and not all(with_errors):
        raise ValueError(
            "curves: some sizes have errors and some have none; give them for all or for none"
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return _Data(*columns), sizes, all(with_errors)


def _values(theta: Any, free: tuple[str, ...], fixed: Mapping[str, float]) -> dict[str, float]:
    return {**fixed, **dict(zip(free, theta, strict=True))}


def _scaled_x(data: _Data, p: Mapping[str, float]) -> Float[np.ndarray, " points"]:
    return (data.x - p["critical"]) * np.exp(p["x_exponent"] * data.log_size)


def _overlap(data: _Data, scaled: Float[np.ndarray, " points"]) -> float:
    inside = np.zeros(len(scaled), bool)
    for k in np.unique(data.curve):
        own = scaled[data.curve == k]
        slack = 1e-9 * (np.ptp(own) + abs(own).max())
        inside |= (data.curve != k) & (scaled >= own.min() - slack) & (scaled <= own.max() + slack)
    return float(inside.mean())


def _design(
    scaled: Float[np.ndarray, " points"], pieces: int
) -> Float[np.ndarray, "points functions"]:
    """A cubic spline of so many pieces between quantiles of the scaled x; 0: a straight line, 1:
    a cubic.

    Returns:
        One row per point, one column per function of the spline.
    """
    low, high = scaled.min(), scaled.max()
    u = (scaled - low) / (high - low) if high > low else np.zeros_like(scaled)
    if pieces < 2:
        return np.vander(u, 2 if pieces == 0 else 4, increasing=True)
    inner = np.quantile(u, np.arange(1, pieces) / pieces)
    knots = np.concatenate([[0.0] * 4, inner, [1.0] * 4])
    found: Float[np.ndarray, "points functions"] = BSpline.design_matrix(
        np.clip(u, 0.0, 1.0), knots, 3
    ).toarray()
    return found


def _residuals(
    theta: Any,
    data: _Data,
    free: tuple[str, ...],
    fixed: Mapping[str, float],
    pieces: int,
) -> Float[np.ndarray, " points"]:
    """What the best f leaves, in units of the errors."""
    p = _values(theta, free, fixed)
    out_of_bounds = max(abs(p["x_exponent"]), abs(p["y_exponent"])) - WIDEST
    scaled = _scaled_x(data, p) if out_of_bounds < 0 else data.x
    missing = max(OVERLAP - _overlap(data, scaled), out_of_bounds)
    if missing > 0:
        return np.full(len(data.x), 1e6 * (1 + missing))
    size = np.exp(p["y_exponent"] * (data.log_size - data.log_size.mean()))
    design = _design(scaled, pieces) * (size / data.error)[:, None]
    target = (data.y - p["log_slope"] * data.log_size) / data.error
    found: Float[np.ndarray, " points"] = (
        target - design @ np.linalg.lstsq(design, target, rcond=1e-10)[0]
    )
    return found


def _ranges(data: _Data, free: tuple[str, ...]) -> list[tuple[float, float]]:
    low, high = float(data.x.min()), float(data.x.max())
    slope = float(np.ptp(data.y)) / max(float(np.ptp(data.log_size)), 1e-9)
    every = {
        "critical": (low, high),
        "x_exponent": (-1.5, 1.5),
        "y_exponent": (-1.5, 1.5),
        "log_slope": (-slope, slope),
    }
    return [every[name] for name in free]


def _minimum(
    data: _Data,
    free: tuple[str, ...],
    fixed: Mapping[str, float],
    pieces: int,
    starts: Any,
) -> tuple[np.ndarray, float]:
    widths = np.array([high - low for low, high in _ranges(data, free)])
    best, value = np.asarray(starts[0], float), np.inf
    for start in starts:
        found = least_squares(
            _residuals, start, args=(data, free, fixed, pieces), x_scale=widths, max_nfev=40,
            diff_step=1e-6, xtol=1e-9, ftol=1e-9, gtol=1e-9,
        )  # fmt: skip
        if 2 * found.cost < value:
            best, value = found.x, float(2 * found.cost)
    return best, value


def _fitted(
    data: _Data,
    sizes: list[float],
    known_errors: bool,
    free: tuple[str, ...],
    fixed: Mapping[str, float],
    resamples: int,
    seed: int,
) -> Collapse:
    generator = np.random.default_rng(seed)
    ranges = _ranges(data, free)
    tried = np.array([[generator.uniform(low, high) for low, high in ranges] for _ in range(TRIES)])
    count = len(data.x)
    fits: list[tuple[float, np.ndarray, float, int, int]] = []
    costs = np.array([np.sum(_residuals(theta, data, free, fixed, 1) ** 2) for theta in tried])
    starts = tried[np.argsort(costs)[:STARTS]]
    for pieces in range(MOST_PIECES + 1):
        functions = {0: 2, 1: 4}.get(pieces, pieces + 3)
        if count - functions - len(free) < 1:
            break
        # The first two look from several starts, the others from where these ended.
        theta, chi2 = _minimum(data, free, fixed, pieces, starts)
        if pieces == 1:
            starts = np.array(
                [min([*fits, (0.0, theta, chi2, 0, 0)], key=lambda fit: fit[2])[1], theta]
            )
        many = functions + len(free)
        # Without known errors their size is one more thing that the fit explains.
        score = (
            chi2 + many * math.log(count)
            if known_errors
            else count * math.log(max(chi2, 1e-300) / count) + many * math.log(count)
        )
        fits.append((score, theta, chi2, pieces, count - many))
    score, theta, chi2, pieces, freedom = min(fits, key=lambda fit: fit[0])
    noise = 1.0 if known_errors else math.sqrt(chi2 / freedom)
    quality = chi2 / freedom if known_errors else math.nan
    inflation = math.sqrt(max(1.0, quality)) if known_errors else noise
    refits = _refits(data, free, fixed, pieces, theta, inflation, resamples, generator)
    spread = refits.std(axis=0, ddof=1)
    near = [fit[1] for fit in fits if fit[0] - score < 6.0]
    spread = np.hypot(spread, np.ptp(near, axis=0) / 2)
    cautions: list[Caution] = []
    if len(sizes) > 2:
        rest = _without_smallest(data)
        if len(rest.x) >= len(free) + {0: 2, 1: 4}.get(pieces, pieces + 3) + 1:
            other, _ = _minimum(rest, free, fixed, pieces, [theta])
            moved = np.abs(other - theta)
            if (moved > 5 * spread).any():
                name = free[int(np.argmax(moved / np.maximum(spread, 1e-300)))]
                cautions.append(
                    Caution(
                        Reason.NOT_LEVEL,
                        f"without n = {min(sizes):g} {name} moves from "
                        f"{theta[free.index(name)]:.4g} to {other[free.index(name)]:.4g}: "
                        "the sizes are not yet in the scaling regime; the error counts half of it",
                    )
                )
            spread = np.hypot(spread, moved / 2)
    p = _values(theta, free, fixed)
    cautions += _cautions(data, sizes, p, free, theta, spread, quality, known_errors)
    estimates = {
        name: Estimate(p[name], float(spread[free.index(name)]) if name in free else 0.0)
        for name in PARAMETERS
    }
    scaled = _scaled_x(data, p)
    height = np.exp(-p["y_exponent"] * data.log_size)
    curves = tuple(
        (
            scaled[own],
            ((data.y - p["log_slope"] * data.log_size) * height)[own],
            (noise * data.error * height)[own],
        )
        for own in (data.curve == k for k in range(len(sizes)))
    )
    return Collapse(
        **estimates,
        fitted=free,
        quality=quality,
        overlap=_overlap(data, scaled),
        sizes=tuple(sizes),
        scaled=curves,
        cautions=tuple(cautions),
    )


def _refits(data, free, fixed, pieces, theta, inflation, resamples, generator):  # type: ignore[no-untyped-def]
    """Minima of data drawn round the fitted curve."""
    p = _values(theta, free, fixed)
    size = np.exp(p["y_exponent"] * (data.log_size - data.log_size.mean()))
    design = _design(_scaled_x(data, p), pieces) * (size / data.error)[:, None]
    shift = p["log_slope"] * data.log_size
    coefficients = np.linalg.lstsq(design, (data.y - shift) / data.error, rcond=1e-10)[0]
    curve = (design @ coefficients) * data.error + shift
    found = []
    for _ in range(resamples):
        y = curve + inflation * data.error * generator.normal(size=len(curve))
        drawn = _Data(data.log_size, data.x, y, data.error, data.curve)
        found.append(_minimum(drawn, free, fixed, pieces, [theta])[0])
    return np.array(found)


def _without_smallest(data: _Data) -> _Data:
    kept = data.curve > 0
    return _Data(
        data.log_size[kept], data.x[kept], data.y[kept], data.error[kept], data.curve[kept]
    )


def _cautions(data, sizes, p, free, theta, spread, quality, known_errors):  # type: ignore[no-untyped-def]
    cautions = []
    if not known_errors:
        cautions.append(
            Caution(
                Reason.POOR_COLLAPSE,
                "no errors of y were given: how well the curves collapse cannot be judged, and "
                "the errors of the exponents take "
                "what is left over for noise",
            )
        )
    elif quality > POOR:
        cautions.append(
            Caution(
                Reason.POOR_COLLAPSE,
                f"χ² per degree of freedom is {quality:.2g}: no single curve explains the data "
                "within their errors; the law may not hold, "
                "or the sizes are too small for it",
            )
        )
    if len(sizes) < 3:
        cautions.append(
            Caution(
                Reason.TOO_FEW_DECADES,
                "two sizes collapse under many laws; three or more can contradict one",
            )
        )
    elif sizes[-1] / sizes[0] < 10:
        cautions.append(
            Caution(
                Reason.TOO_FEW_DECADES,
                f"the sizes span a factor {sizes[-1] / sizes[0]:.3g}; a decade at least is better",
            )
        )
    for name, value, error in zip(free, theta, spread, strict=True):
        if name != "critical" and error > RELATIVE * max(abs(value), 0.1):
            cautions.append(
                Caution(
                    Reason.NOT_LEVEL,
                    f"{name} = {value:.3g} ± {error:.2g}: the data hardly constrain it",
                )
            )
        if name in ("x_exponent", "y_exponent") and abs(value) > 0.95 * WIDEST:
            cautions.append(
                Caution(
                    Reason.NOT_LEVEL, f"{name} = {value:.3g} lies at the edge of what is looked for"
                )
            )
    return cautions
