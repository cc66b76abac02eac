"""V(t) of a population triple by nested sampling."""

from __future__ import annotations

import math
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from singlearn.results.caution import Caution, Reason
from singlearn.running.arguments import random_seed, real_number, whole_number
from singlearn.running.progress import Progress, ProgressBar
from singlearn.triple import Triple
from singlearn.triple.prior_agreement import check_prior, is_numpyro_prior
from singlearn.volume.curve import VolumeCurve, threshold_grid

if TYPE_CHECKING:
    from singlearn.volume.nested_sampling import NestedSample

POOR_CORRELATION = 0.6
POOR_UNMOVED_SHARE = 0.1
FEWEST_SHRUNK = 0.9
# Share of the last live points with K = 0 that is more than an accident of rounding.
SOME_ZEROS = 0.02
# V is trusted where t exceeds the rounding error of K, seen where K is negative, by this factor: λ
# then moves by a hundredth.
ROUNDING_MARGIN = 100.0
# A K more negative than this share of its size over the prior is no rounding error.
NEGLIGIBLE = 1e-6
PRIOR_SHARE = 0.9
# V(t) jumps at a plateau; this is above it.
BEYOND_PLATEAU = 1.01


def volume_by_nested_sampling(
    triple: Triple,
    live: int = 2000,
    replicates: int = 8,
    smallest: float = 1e-12,
    slices: int | None = None,
    seed: int = 0,
    progress: Progress = None,
) -> VolumeCurve:
    r"""Measure :math:`V(t) = ∫_{K<t} φ\,dw` down to t = ``smallest`` by nested sampling.

    Each stage halves the volume that is left; with N live points, dropping one of n costs 1/n of
    log V, so that one replicate knows log V(t) to about :math:`\sqrt{1.4\,|\log V|/N}`. Only prior
    draws and values of K are used: no gradients, no temperatures, nothing in common with a tempered
    run but K. What has so small a share of the prior that all live points of all replicates miss
    it, the curve misses too.

    Args:
        triple: a population triple.
        live: points of each replicate, even, at least 50.
        replicates: independent runs, at least 2; errors are their spread.
        smallest: t > 0 in nats, where to stop; K is computed in double precision.
        slices: slice moves of each new point; by default 8, or 2d if that is more.
        seed: same seed, same numbers (on one machine).
        progress: ``True`` or ``False``, or a function ``progress(share, words)``; default: a bar
            where standard error is a terminal or a notebook, else a line per minute.

    Returns:
        V at thresholds t, from one down to ``smallest``, with errors over replicates.

    Raises:
        ValueError: a triple with data (its K is unknown), an argument out of range, or a K whose
            live points are all equal at once.

    >>> import numpyro.distributions as dist
    >>> triple = Triple.population(lambda w: w**2, dist.Normal(0.0, 1.0), n=1)  # V(t) = erf √(t/2)
    >>> curve = volume_by_nested_sampling(triple, live=500, replicates=4, smallest=1e-6)
    >>> error = curve.log_volume(1e-4).value - math.log(math.erf(math.sqrt(1e-4 / 2)))
    >>> bool(abs(error) < 4 * curve.log_volume(1e-4).standard_error < 0.6)
    True
    """
    # Late, for it loads all of BlackJAX.
    from singlearn.volume.nested_sampling import nested_samples

    if not triple.is_population:
        raise ValueError(
            f"{triple.name}: V(t) needs K(w), which only a population triple has; this one has "
            f"data: Triple.population(K, …)"
        )
    live = whole_number("live", live, at_least=50, why="an even number of points")
    if live % 2:
        raise ValueError(f"live: got {live}; it should be an even number of at least 50 points")
    replicates = whole_number(
        "replicates", replicates, at_least=2, why="for an error that was seen"
    )
    smallest = real_number("smallest", smallest, above=0, meaning="a positive threshold in nats")
    seed = random_seed(seed)
    chains = max(8, 2 * triple.dimension) if slices is None else whole_number("slices", slices)
    with ProgressBar(triple.name, "log t, all replicates", progress) as bar:
        lock, done = Lock(), [0.0]

        def report(share: float, before: float) -> None:
            with lock:
                done[0] += share - before
                bar.show(done[0] / replicates, "log t, all replicates")

        samples = nested_samples(triple, live, replicates, smallest, chains, seed, report)
    curve = _curve(triple, samples, smallest)
    # Live points are drawn from the prior and moved by its density.
    findings = () if is_numpyro_prior(triple) else check_prior(triple.coordinates)
    doubts = [
        Caution(Reason.SATURATED_CHART if f.is_saturated else Reason.PRIOR_MISMATCH, f.message)
        for f in findings
    ]
    return replace(curve, seen=(*curve.seen, *doubts))


def _curve(triple: Triple, samples: list[NestedSample], smallest: float) -> VolumeCurve:
    noise = -min(s.most_negative for s in samples)
    # A plateau at K = 0 hides nothing: V(t) is known down to any t.
    bottom = max(
        [
            smallest,
            ROUNDING_MARGIN * noise,
            *(BEYOND_PLATEAU * s.bottom if s.stop == "plateau" else s.bottom for s in samples),
        ]
    )
    top = min(s.quantile(PRIOR_SHARE) for s in samples)
    if noise > NEGLIGIBLE * top:
        raise ValueError(
            f"{triple.name}: K is {-noise:.3g} somewhere; a Kullback–Leibler divergence should be "
            f"≥ 0"
        )
    if not bottom < top < math.inf:
        level = max(s.bottom for s in samples)
        what = (
            f"constant, {level:.4g},"
            if math.isfinite(level) and level > 0
            else "infinite"
            if level > 0
            else f"below {bottom:.3g}"
        )
        raise ValueError(
            f"{triple.name}: K is {what} on a tenth of the prior or more, and V(t) cannot be "
            f"followed there; change the prior"
        )
    thresholds = threshold_grid(bottom, top)
    # log V at t is minus the sum of 1/n over the deaths at K ≥ t, and its variance the sum of 1/n².
    steps = [s.sums_above(thresholds, 1) for s in samples]
    variance = np.mean([s.sums_above(thresholds, 2) for s in samples], axis=0)
    return VolumeCurve(
        thresholds=thresholds,
        log_volumes=-np.array(steps),
        # Where t is smaller more deaths are summed: those of the larger t are common to both.
        covariance=np.minimum.outer(variance, variance),
        dimension=triple.dimension,
        method="nested_sampling",
        name=triple.name,
        seen=tuple(_cautions(samples, smallest, bottom, noise)),
    )


def _cautions(
    samples: list[NestedSample], smallest: float, bottom: float, noise: float
) -> list[Caution]:
    found = []
    correlation = np.array([s.rank_correlation.max(initial=0.0) for s in samples])
    unmoved = np.array([s.unmoved.max(initial=0.0) for s in samples])
    shrunk = np.array([s.shrunk.min(initial=1.0) for s in samples])
    if (
        correlation.max() > POOR_CORRELATION
        or unmoved.max() > POOR_UNMOVED_SHARE
        or shrunk.min() < FEWEST_SHRUNK
    ):
        found.append(
            Caution(
                Reason.POOR_MIXING,
                f"chains kept up to {correlation.max():.2f} of their rank correlation, left up to "
                f"{unmoved.max():.0%} of new points where "
                f"they started, and found a point on {shrunk.min():.0%} of slices at worst: raise "
                f"slices=",
            )
        )
    zero = float(np.mean([s.zero_share for s in samples]))
    if zero > SOME_ZEROS:
        sentence = (
            f"K is exactly 0 at {zero:.0%} of the last live points: V(t) has a positive limit and "
            "λ is 0, or K is rounded to 0"
        )
        found.append(Caution(Reason.PLATEAU, sentence))
    levels = [s.bottom for s in samples if s.stop == "plateau" and s.bottom > 0]
    if levels:
        sentence = (
            f"many live points share K = {max(levels):.4g}: V jumps there, or K is rounded, and V "
            "was followed no further"
        )
        found.append(Caution(Reason.PLATEAU, sentence))
    stalled = [s for s in samples if s.stop == "stalled"]
    if stalled:
        level = min(s.bottom for s in stalled)
        sentence = (
            f"V goes on falling but t does not, below t = {level:.4g}: K seems to have no zero "
            "where the prior is, and λ no meaning"
        )
        found.append(Caution(Reason.NO_ZERO, sentence))
    if ROUNDING_MARGIN * noise > smallest:
        found.append(
            Caution(
                Reason.ROUNDING,
                f"K was negative, down to {-noise:.1e}: either rounding, or no Kullback–Leibler "
                f"divergence. "
                f"V(t) is given for t ≥ {bottom:.1e} only; write K as a sum of squares",
            )
        )
    return found
