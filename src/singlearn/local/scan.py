"""``scan``: λ̂ as a function of nβ and γ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float

from singlearn.local.chains import DEFAULT_BATCH, Chains
from singlearn.local.checks.own_function import Reference, reference_of
from singlearn.local.llc import tie
from singlearn.local.measuring.minimum import Below, look_below
from singlearn.local.measuring.variance import variance_reading
from singlearn.local.names import AUTO, Selection
from singlearn.local.network import Network
from singlearn.local.sampling.agreement import diverged, doubts, error
from singlearn.local.sampling.expected_time import watched
from singlearn.local.sampling.mixing import mixing
from singlearn.local.sampling.sample import sample
from singlearn.local.sampling.sampled import Progress, Sampled, Start
from singlearn.local.target import Target, Tempering
from singlearn.local.tokens import Tokens
from singlearn.local.verdict.minimum import is_minimum
from singlearn.local.verdict.shown import number, with_cautions
from singlearn.local.verdict.status import Status
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import aligned_rows, frame
from singlearn.running.arguments import real_number

if TYPE_CHECKING:
    import pandas

Values = Sequence[float | int] | np.ndarray
"""Of nβ or of γ."""
FACTORS_OF_NBETA = tuple(float(10**k) for k in (-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1))
FACTORS_OF_GAMMA = (0.1, 10**-0.5, 1.0, 10**0.5, 10.0)
LEVEL = 0.05
"""By how much of itself λ̂ may change along a plateau."""
KNOWN = 0.1
"""Relative error of λ̂, beyond which it lies on no plateau: everything would."""
FEWEST, WIDEST = 3, 3.0
"""Points of a plateau, and by what factor it extends, at least."""


@dataclass(frozen=True)
class ScanPoint(Answer):
    """λ̂ at one nβ and one γ.

    Attributes:
        nbeta: nβ.
        gamma: γ; where γ was chosen by tensor, times what was chosen.
        value: λ̂; NaN where a chain diverged.
        standard_error: of λ̂.
        status: the verdict.
        variance_reading: λ by the variance of the loss.
        per_chain: λ̂ of every chain.
    """

    nbeta: float
    gamma: float
    value: float
    standard_error: float
    status: Status
    variance_reading: Estimate
    per_chain: tuple[float, ...]

    @property
    def trusted(self) -> bool:
        """Whether its error may be taken at face value."""
        return self.status in (Status.CONVERGED, Status.NOISE_LIMITED)


@dataclass(frozen=True)
class Plateau(Answer):
    """A stretch over which λ̂ is level.

    Attributes:
        along: ``"gamma"`` or ``"nbeta"``: what changes along it.
        at: the value of the other.
        begin: of the stretch.
        end: of the stretch.
        value: mean λ̂ over it.
        standard_error: of the mean; half of the change along the plateau is part of it.
    """

    along: Literal["gamma", "nbeta"]
    at: float
    begin: float
    end: float
    value: float
    standard_error: float

    def __str__(self) -> str:
        names = ("γ", "nβ") if self.along == "gamma" else ("nβ", "γ")
        return (
            f"λ̂ = {Estimate(self.value, self.standard_error)} from {names[0]} = "
            f"{self.begin:.3g} to {self.end:.3g}, at {names[1]} = {self.at:.4g}"
        )


@dataclass(frozen=True)
class Curve(Answer):
    """λ̂ against nβ at one γ.

    Attributes:
        gamma: γ.
        nbeta: nβ, growing.
        values: λ̂ of every chain, by nβ.
        standard_error: of the mean over chains.
    """

    gamma: float
    nbeta: Float[np.ndarray, " points"]
    values: Float[np.ndarray, "points chains"]
    standard_error: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Scan(Answer):
    """λ̂ over a grid of nβ and γ.

    Attributes:
        points: by γ from the strongest tie on, in each from the largest nβ on.
        samples: n.
        half_dimension: d/2.
        gamma_chosen: whether γ was chosen; it is then in units of what was chosen.
        plateaus: where λ̂ is level, the longest first.
        cautions: what may be wrong with it.
    """

    points: tuple[ScanPoint, ...]
    samples: int
    half_dimension: float
    gamma_chosen: bool
    plateaus: tuple[Plateau, ...] = ()
    cautions: tuple[Caution, ...] = ()

    @property
    def nbetas(self) -> tuple[float, ...]:
        """nβ of the grid, growing."""
        return tuple(sorted({point.nbeta for point in self.points}))

    @property
    def gammas(self) -> tuple[float, ...]:
        """γ of the grid, growing."""
        return tuple(sorted({point.gamma for point in self.points}))

    def at(self, nbeta: float, gamma: float) -> ScanPoint:
        """The point of the grid that is nearest, on a logarithmic scale."""
        return min(
            self.points,
            key=lambda p: abs(math.log(p.nbeta / nbeta)) + abs(math.log(p.gamma / gamma)),
        )

    def curve(self, gamma: float | None = None) -> Curve:
        """λ̂ against nβ, of points that can be trusted: what ``sl.limit_of_curve`` takes.

        Args:
            gamma: γ, of which the nearest in the grid is taken; by default the softest.

        Returns:
            The curve.

        Raises:
            ValueError: no point of that γ can be trusted.
        """
        wanted = min(self.gammas) if gamma is None else gamma
        nearest = min(self.gammas, key=lambda g: abs(math.log(g / wanted)))
        own = sorted(
            (p for p in self.points if p.gamma == nearest and p.trusted), key=lambda p: p.nbeta
        )
        if not own:
            raise ValueError(f"gamma: at γ = {nearest:g} no λ̂ can be trusted; take another")
        return Curve(
            nearest,
            np.array([p.nbeta for p in own]),
            np.array([p.per_chain for p in own]),
            np.array([p.standard_error for p in own]),
        )

    def table(self) -> pandas.DataFrame:
        """A row for every point.

        Returns:
            ``learning_coefficient``, ``standard_error``, ``status``, ``variance_reading`` and its
            error by ``nbeta`` and ``gamma``.
        """
        rows = [
            {
                "nbeta": p.nbeta,
                "gamma": p.gamma,
                "learning_coefficient": p.value,
                "standard_error": p.standard_error,
                "status": str(p.status),
                "variance_reading": p.variance_reading.value,
                "variance_reading_error": p.variance_reading.standard_error,
            }
            for p in self.points
        ]
        return frame(rows)

    def plot(self) -> Any:
        """Draw it: :func:`singlearn.plot.scan`."""
        return drawn("scan", self)

    def to_dict(self) -> dict[str, Any]:
        """For machines; what is withheld is ``None``."""
        return {
            "points": [
                {
                    "nbeta": p.nbeta,
                    "gamma": p.gamma,
                    "learning_coefficient": number(p.value),
                    "standard_error": number(p.standard_error),
                    "status": str(p.status),
                    "variance_reading": {
                        k: number(v) for k, v in p.variance_reading.to_dict().items()
                    },
                    "per_chain": [number(v) for v in p.per_chain],
                }
                for p in self.points
            ],
            "samples": self.samples,
            "half_dimension": self.half_dimension,
            "gamma_chosen": self.gamma_chosen,
            "plateaus": [vars(one) for one in self.plateaus],
            "cautions": of_each(self.cautions),
        }

    def __str__(self) -> str:
        unit = " (times what was chosen by the size of the weights)" * self.gamma_chosen
        rows = [("nβ \\ γ", *(f"{g:.3g}" for g in self.gammas))]
        for nbeta in self.nbetas:
            cells = []
            for gamma in self.gammas:
                point = self.at(nbeta, gamma)
                shown = Estimate(point.value, point.standard_error)
                cells.append(f"{shown}{'' if point.trusted else ' ?'}")
            rows.append((f"{nbeta:.4g}", *cells))
        lines = [f"λ̂ by nβ and γ{unit}; n = {self.samples}, d/2 = {self.half_dimension:g}"]
        lines += aligned_rows(rows)
        lines += [f"  level: {one}" for one in self.plateaus[:3]]
        if any(not point.trusted for point in self.points):
            lines.append("  ?: drifting, diverged, or not at a minimum")
        return with_cautions(lines, self.cautions)


def scan(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    *,
    nbeta: Values | None = None,
    gamma: Values | str = AUTO,
    parameters: Any = None,
    only: Selection = None,
    sampler: Literal["auto", "sgld", "hmc"] = "auto",
    chains: int = 8,
    batch_size: int = DEFAULT_BATCH,
    largest_batch: int = 4096,
    tolerance: float = 0.05,
    max_steps: int = 20_000,
    reference: Reference = "loss",
    tokens: Tokens = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> Scan:
    r"""λ̂(nβ, γ) with errors, over a grid: the picture by which these two are chosen.

    The chains of one point begin where those of its neighbour have ended, from the stiffest
    posterior to the softest, so that each point needs a fraction of a run of its own. Where λ̂ is
    level, by less than a twentieth of itself beyond its errors over a factor of three, is said
    (``plateaus``): at large γ it falls, because the tie is stiffer than the loss; at small nβ γ it
    leaves the neighbourhood of w*.

    Args:
        model, loss, data, parameters, only, sampler, chains, batch_size, largest_batch: as for
            ``llc``.
        nbeta: the values of nβ; by default seven over two decades around n / log n.
        gamma: the values of γ, in units of 1/parameter²; ``"auto"``: five over two decades around
            what ``llc`` would choose, and in units of that.
        tolerance: wanted relative standard error of each λ̂.
        max_steps: of each chain at most, at each point.
        reference, tokens, seed: as for ``llc``.
        progress: as for ``llc``.

    Returns:
        λ̂ at every point, its plateaus, and :meth:`Scan.curve` for the limit of large nβ.

    Raises:
        ValueError: no values, or some that are not positive, and as ``llc`` does.

    >>> import torch
    >>> x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    >>> def loss(output, target): return 0.5 * ((output - target) ** 2).sum(-1)
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> quick = dict(chains=4, max_steps=1000, tolerance=0.05, progress=False)
    >>> y = layer(x).detach()
    >>> found = scan(layer, loss, (x, y), nbeta=[30, 90, 270], gamma=[0.5], **quick)
    >>> plateau = found.plateaus[0]
    >>> plateau.along, bool(abs(plateau.value - 1.0) < 4 * plateau.standard_error < 0.5)
    ('nbeta', True)
    """
    asked = Chains(
        sampler=sampler, chains=chains, batch_size=batch_size, largest_batch=largest_batch,
        tolerance=tolerance, max_steps=max_steps, seed=seed,
    )  # fmt: skip
    chosen = isinstance(gamma, str)
    if chosen and gamma != AUTO:
        raise ValueError(f'gamma: got {gamma!r}; it should be several numbers, or "auto"')
    brought = Network(model, loss, data, parameters, only, reference_of(reference), tokens=tokens)
    coldest = None if nbeta is None else max(_positive("nbeta", nbeta))
    target = brought.target(AUTO if chosen else 1.0, coldest)
    asked = asked.of_samples(target.samples)
    own = asked.tempering(target.samples, 1.0).nbeta
    nbetas = [own * f for f in FACTORS_OF_NBETA] if nbeta is None else _positive("nbeta", nbeta)
    scale = tie(target, asked) if chosen else 1.0
    factors = list(FACTORS_OF_GAMMA) if chosen else _positive("gamma", gamma)
    grid = [(b, g) for g in sorted(factors, reverse=True) for b in sorted(nbetas, reverse=True)]
    points: list[ScanPoint] = []
    below: Below | None = None
    cautions: list[Caution] = [*target.notes]
    row: dict[float, Start] = {}
    start: Start | None = None
    with watched(progress, "scan", len(grid)) as watch:
        for b, g in grid:
            tempering = Tempering(b, scale * g)
            if b == max(nbetas):
                start = row.get(b, start)
            run = sample(
                watch.clocked(target, asked.max_steps) if start is None else target,
                tempering,
                asked,
                watch.report,
                start,
            )
            gone = diverged(run.traces, target.dimension, tempering.gamma)
            if below is None and not gone:
                below = replace(look_below(target, tempering, run, run.langevin_step * b, seed))
                found_at = b
            lower = Below(0.0) if below is None else _scaled(below, b / found_at)
            points.append(_point(target, tempering, g, run, gone, lower, asked.tolerance))
            if gone:
                start = None
                continue
            start = Start(target.offset(run.state), run.step, run.started_away)
            if b == max(nbetas):
                row[b] = start
            elif b == min(nbetas):
                start = None
    if any(point.status is Status.NOT_LOCAL_MINIMUM for point in points):
        words = "descent from w* accounts for much of λ̂ at some nβ: w* is not a minimum there"
        cautions.append(Caution(Reason.NOT_A_MINIMUM, words))
    level = plateaus(points)
    if not level:
        words = "λ̂ is level nowhere on this grid: it depends on nβ and γ as well as on w*"
        cautions.append(Caution(Reason.NOT_LEVEL, words))
    return Scan(tuple(points), target.samples, target.dimension / 2, chosen, level, tuple(cautions))


def plateaus(points: Sequence[ScanPoint]) -> tuple[Plateau, ...]:
    """Stretches of at least three points, over a factor of three, whose λ̂ are equal up to a
    twentieth and twice their errors; the longest first, one at most along each line of the grid.

    >>> def point(gamma, value):
    ...     nothing = Estimate(math.nan, math.nan)
    ...     return ScanPoint(100.0, gamma, value, 0.01, Status.CONVERGED, nothing, ())
    >>> seen = [point(g, v) for g, v in ((1.0, 1.0), (3.0, 0.99), (10.0, 0.97), (99.0, 0.5))]
    >>> print(plateaus(seen)[0])
    λ̂ = 0.987 ± 0.018 from γ = 1 to 10, at nβ = 100
    """
    found: list[tuple[float, Plateau]] = []
    for along, at in (("gamma", "nbeta"), ("nbeta", "gamma")):
        for line in sorted({getattr(point, at) for point in points}):
            own = sorted(
                (p for p in points if getattr(p, at) == line), key=lambda p: getattr(p, along)
            )
            best: tuple[float, Plateau] | None = None
            for first in range(len(own)):
                for last in range(first + FEWEST, len(own) + 1):
                    some = own[first:last]
                    reach = getattr(some[-1], along) / getattr(some[0], along)
                    if reach < WIDEST or not _level(some):
                        continue
                    if best is None or reach > best[0]:
                        best = reach, _plateau(some, along, line)  # type: ignore[arg-type]
            if best is not None:
                found.append(best)
    return tuple(plateau for _, plateau in sorted(found, key=lambda one: -one[0]))


def _level(points: Sequence[ScanPoint]) -> bool:
    if not all(p.trusted and 0 <= p.standard_error <= KNOWN * abs(p.value) for p in points):
        return False
    values = np.array([p.value for p in points])
    errors = np.array([p.standard_error for p in points])
    apart = np.abs(values[:, None] - values)
    allowed = LEVEL * np.abs(values).mean() + 2 * np.hypot(errors[:, None], errors)
    return bool((apart <= allowed).all())


def _plateau(points: Sequence[ScanPoint], along: Literal["gamma", "nbeta"], at: float) -> Plateau:
    values = np.array([p.value for p in points])
    errors = np.array([p.standard_error for p in points])
    # Chains of neighbours are not independent: the mean is known no better than a single one.
    spread = math.hypot(float(errors.mean()), 0.5 * float(np.ptp(values)))
    ends = [getattr(points[k], along) for k in (0, -1)]
    return Plateau(along, at, ends[0], ends[1], float(values.mean()), spread)


def _point(
    target: Target,
    tempering: Tempering,
    shown: float,
    run: Sampled,
    gone: tuple[int, ...],
    below: Below,
    tolerance: float,
) -> ScanPoint:
    nothing = Estimate(math.nan, math.nan)
    if gone:
        with np.errstate(invalid="ignore", over="ignore"):
            means = tuple(float(v) for v in run.traces.excess.mean(axis=1))
        return ScanPoint(
            tempering.nbeta, shown, math.nan, math.nan, Status.DIVERGED, nothing, means
        )
    seen = mixing(run.traces.excess, run.started_away)
    spread = error(seen)
    if not is_minimum(below, seen):
        status = Status.NOT_LOCAL_MINIMUM
    elif doubts(seen):
        status = Status.DRIFTING
    else:
        status = Status.CONVERGED if spread <= tolerance * abs(seen.mean) else Status.NOISE_LIMITED
    second = variance_reading(target, tempering, run)
    return ScanPoint(tempering.nbeta, shown, seen.mean, spread, status, second, seen.per_chain)


def _scaled(below: Below, factor: float) -> Below:
    """What was found below w*, in units of λ at another nβ."""
    return replace(
        below,
        from_centre=factor * below.from_centre,
        beside=factor * below.beside,
        from_chains=factor * below.from_chains,
        curvature=factor * below.curvature,
    )


def _positive(name: str, values: Any) -> list[float]:
    wanted = "several positive numbers, such as [10, 30, 100]"
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
        raise ValueError(f"{name}: got {values!r}; it should be {wanted}")
    found = [real_number(name, value, above=0, meaning=wanted) for value in values]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"{name}: got {found}; it should be {wanted}, no one of them twice")
    return found
