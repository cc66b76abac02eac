"""V(t) from a tempered population run that already exists."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from singlearn.measure.ladder_view import LadderView
from singlearn.measure.reweight import Reweighting, add_to_band, solve_banded
from singlearn.results.caution import Caution, Reason
from singlearn.volume.by_nested_sampling import NEGLIGIBLE, PRIOR_SHARE, ROUNDING_MARGIN
from singlearn.volume.curve import VolumeCurve, threshold_grid

# Below the median of the coldest rung the particles get few.
COLDEST_SHARE = 0.5


def volume_by_tempering(
    view: LadderView,
    n: float | int,
    dimension: int,
    name: str = "population",
    cautions: tuple[Caution, ...] = (),
) -> VolumeCurve:
    r"""Read :math:`V(t) = ∫_{K<t} φ\,dw` off a population ladder: every particle of every rung,
    reweighted to β = 0.

    With the weights :math:`w_0(x) ∝ e^{-D(x)}` of ``measure.reweight``, :math:`V(t) = Σ_x
    w_0(x)\,1[K(x) < t]`; cold rungs supply the particles at small t, hot ones their weight. t runs
    from nine tenths of the prior down to the median K of the coldest rung, about
    :math:`λ/(nβ_{\max})`.

    Args:
        view: the ladder of a population run, whose energies are n K.
        n: its sample size.
        dimension: d.
        name: of the triple.
        cautions: of the run, to be handed on.

    Returns:
        V at thresholds t, with errors over replicates.

    Raises:
        ValueError: the ladder is too short, or K is negative.
    """
    divergences = view.energies / n
    noise = max(0.0, -float(divergences.min()))
    top = float(np.quantile(divergences[0][np.isfinite(divergences[0])], PRIOR_SHARE))
    if noise > NEGLIGIBLE * top:
        raise ValueError(
            f"{name}: K is {-noise:.3g} somewhere; a Kullback–Leibler divergence should be ≥ 0"
        )
    reached = float(np.quantile(divergences[-1], COLDEST_SHARE))
    bottom = max(reached, ROUNDING_MARGIN * noise)
    found = list(cautions)
    if bottom > reached:
        sentence = (
            f"K was negative, down to {-noise:.1e}: V(t) is given for t ≥ {bottom:.1e} only; write "
            "K as a sum of squares"
        )
        found.append(Caution(Reason.ROUNDING, sentence))
    if reached <= 0:
        raise ValueError(
            f"{name}: K is exactly 0 for half of the coldest particles: V(t) has a positive limit, "
            f"or K is rounded to 0"
        )
    if not bottom < top < math.inf:
        raise ValueError(
            f"{name}: half of the coldest particles have K < {bottom:.3g} and nine tenths of the "
            f"prior have K < {top:.3g}; "
            "V(t) is read in between: raise beta_max"
        )
    thresholds = threshold_grid(bottom, top)
    each = [_log_volumes(r, n * thresholds) for r in view.replicates]
    return VolumeCurve(
        thresholds=thresholds,
        log_volumes=np.array([log_volumes for log_volumes, _ in each]),
        covariance=np.mean([covariance for _, covariance in each], axis=0),
        dimension=dimension,
        method="tempering",
        name=name,
        seen=tuple(found),
    )


def _log_volumes(
    reweighting: Reweighting, energies: Float[np.ndarray, " thresholds"]
) -> tuple[Float[np.ndarray, " thresholds"], Float[np.ndarray, "thresholds thresholds"]]:
    r"""log of the prior's share with U < each threshold, and its covariance had the particles been
    independent.

    The influence of a particle has two parts: its own weight below t, :math:`w_t(x)`, and its pull
        on the free energies f that all weights
    are made with. Both are counted from their mean over the particle's own rung. With :math:`p_k(x)
    = N_k e^{f_k - β_k U - D}`, :math:`H = \mathrm{diag}(Σ_x p) - Σ_x p p^T` and :math:`q_t = Σ_x
    w_t(x) p(x)` it is :math:`(w_t(x) - \bar w_t) + q_t^T H^{-1}(p(x) - \bar p)`, rung 0, whose f is
    fixed, left out of p and q.

    Returns:
        log V(t), and its covariance.
    """
    rungs, particles = reweighting.energies.shape
    everything = slice(0, reweighting.order.size)
    weights = reweighting.weights_within(0.0, everything)
    in_order = reweighting.energies_within(everything)
    counts = np.searchsorted(in_order, energies)
    shares = np.concatenate([[0.0], np.cumsum(weights)])[counts]
    pull = np.zeros((rungs, len(energies)))
    band = np.zeros((1, rungs))
    belonging = np.zeros(rungs)
    with threadpool_limits(1, user_api="blas"):
        for members in reweighting.members():
            pull[members.rungs] += members.shares @ _below(
                members.particles, counts, weights, shares
            )
            band = add_to_band(band, members.rungs.start, -members.shares @ members.shares.T)
            belonging[members.rungs] += members.shares.sum(axis=1)
        band[0] += belonging + 1e-12 * particles
        response = np.zeros_like(pull)
        response[1:] = solve_banded(band[:, 1:], pull[1:], particles)
        covariance = np.zeros((len(energies), len(energies)))
        sums = np.zeros((rungs, len(energies)))
        rung_of = reweighting.order // particles
        for members in reweighting.members():
            influence = (
                _below(members.particles, counts, weights, shares)
                + members.shares.T @ response[members.rungs]
            )
            covariance += influence.T @ influence
            np.add.at(sums, rung_of[members.particles], influence)
    return np.log(shares), covariance - sums.T @ sums / particles


def _below(
    particles: slice,
    counts: Int[np.ndarray, " thresholds"],
    weights: Float[np.ndarray, " samples"],
    shares: Float[np.ndarray, " thresholds"],
) -> Float[np.ndarray, "particles thresholds"]:
    """Of some particles in the order of energies: their own weight in V(t), as a share of it."""
    positions = np.arange(particles.start, particles.stop)[:, None]
    return np.where(positions < counts, weights[particles, None] / shares, 0.0)
