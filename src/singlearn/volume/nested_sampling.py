"""Nested sampling of the sublevel sets of K: prior draws held below thresholds that fall, stage by
stage.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from blackjax.ns import adaptive, base, nss
from jaxtyping import Array, Bool, Float, Key

from singlearn.measure.ranks import ranks
from singlearn.results.prompt import Shown
from singlearn.triple import Model, Triple

# A bracket that starts at the width of the live points and shrinks by about a half each time
# reaches 1e-30 of it.
LARGEST_SHRINKAGE = 100
LARGEST_EXPANSION = 6
# A threshold that falls by less than this over so many halvings of the volume belongs to a K whose
# infimum is not 0.
STALLED_FALL = 0.02
STALLED_STAGES = 16
# Live points with the very K of the threshold, as a share: more are a plateau of K (or its
# rounding), where V jumps.
LARGEST_TIE = 0.02


@dataclass(frozen=True)
class NestedSample(Shown):
    """One replicate: the thresholds at which prior volume was lost, and how the points that
    replaced it were made.

    Attributes:
        deaths: K of the points that were dropped, falling, in nats.
        live: how many points were alive when each was dropped.
        bottom: the smallest t at which V(t) is known, in nats.
        rank_correlation: of K between the new points of each stage and the points their chains
            started from.
        unmoved: share of new points, of each stage, that are where their chain started.
        shrunk: share of slices, of each stage, that found a point before the bracket was given up.
        most_negative: the least K that was met, 0 if none was below; rounding makes expanded
            squares negative.
        zero_share: of the last live points, those with K = 0 exactly.
        stop: ``"reached"``, ``"plateau"`` (V jumps: many live points share one K) or ``"stalled"``
            (t does not tend to 0).
    """

    deaths: Float[np.ndarray, " deaths"]
    live: Float[np.ndarray, " deaths"]
    bottom: float
    rank_correlation: Float[np.ndarray, " stages"]
    unmoved: Float[np.ndarray, " stages"]
    shrunk: Float[np.ndarray, " stages"]
    most_negative: float
    zero_share: float
    stop: Literal["reached", "plateau", "stalled"]

    def sums_above(
        self, thresholds: Float[np.ndarray, " thresholds"], power: int
    ) -> Float[np.ndarray, " thresholds"]:
        """Sums of 1/n^power over the deaths at K ≥ t, n the points then alive: -log V(t) for power
        1, its variance for power 2.

        Returns:
            One sum per threshold.
        """
        total = np.concatenate([[0.0], np.cumsum(self.live ** -float(power))])
        return total[np.searchsorted(-self.deaths, -thresholds, side="right")]

    def quantile(self, share: float) -> float:
        """The t below which K lies on ``share`` of the prior, or on less where K is infinite on the
        rest; 0 where that is nowhere.

        Returns:
            t, in nats.
        """
        finite = (
            self.deaths[max(int((1 - share) * self.live[0]), int(np.isinf(self.deaths).sum())) :]
            if len(self.deaths)
            else self.deaths
        )
        return float(finite[0]) if len(finite) else 0.0


class _Replaced(NamedTuple):
    """What a stage reports of its new points."""

    start: Float[Array, " new"]
    end: Float[Array, " new"]
    unmoved: Bool[Array, " new"]
    shrunk: Float[Array, " new"]


def nested_samples(
    triple: Triple,
    live: int,
    replicates: int,
    smallest: float,
    slices: int,
    seed: int,
    report: Callable[[float, float], None],
) -> list[NestedSample]:
    r"""Independent nested-sampling runs down to K < ``smallest``, with BlackJAX's nested slice
    sampler.

    Each stage drops the half of the live points with the largest K, :math:`K ≥ t`, and replaces it
    by points drawn from the prior on :math:`K < t` (Skilling 2006 [skilling2006nested]_): every
    survivor starts one chain of ``slices`` univariate slice moves (Yallup, Kroupa & Handley 2026
    [yallup2026nested]_), along a coordinate axis or along the difference of two live points, at
    even odds. Axes run along the arms of normal crossings, differences have the shape and all the
    scales of the live points. The moves leave the prior on :math:`K < t` invariant, so chains that
    mix badly cost precision, which the spread between replicates shows; they do not shift the mean
    of V.

    ``report`` is called with the share of the way (in log t) that a replicate has come, and the
    share at its last call.

    Returns:
        One run per replicate.
    """
    with jax.enable_x64(True):
        # Its K at one setting is compiled in, unlike that of the moves of a tempered run.
        start, step = _compile(Model((triple.kl, triple.coordinates), triple), live, slices)
        keys = jax.random.split(jax.random.key(seed), replicates)
        workers = min(replicates, os.cpu_count() or 1)

        def one(index: int) -> NestedSample:
            with jax.enable_x64(True):
                return _descend(start, step, keys[index], smallest, report)

        first = one(0)  # alone, so that one thread compiles for all
        with ThreadPoolExecutor(max_workers=workers) as pool:
            return [first, *pool.map(one, range(1, replicates))]


def _descend(
    start: Callable[..., Any],
    step: Callable[..., Any],
    key: Key[Array, ""],
    smallest: float,
    report: Callable[[float, float], None],
) -> NestedSample:
    key_start, key_stages = jax.random.split(key)
    state = start(key_start)
    deaths: list[np.ndarray] = []
    thresholds: list[float] = []
    mixing: list[tuple[float, float, float]] = []
    negative, come, stop, bottom = 0.0, 0.0, "reached", smallest
    while True:
        energies = np.sort(-np.asarray(state.particles.loglikelihood))[::-1]
        half = len(energies) // 2
        negative, threshold = min(negative, float(energies[-1])), float(energies[half - 1])
        if threshold < smallest:
            deaths.append(energies[energies >= smallest])
            break
        if np.mean(energies == threshold) > LARGEST_TIE:
            stop, bottom = "plateau", threshold
            deaths.append(energies[energies > threshold])
            break
        deaths.append(energies[:half])
        thresholds.append(threshold)
        if (
            len(thresholds) > STALLED_STAGES
            and threshold > (1 - STALLED_FALL) * thresholds[-1 - STALLED_STAGES]
        ):
            stop, bottom = "stalled", threshold
            break
        way = math.log(thresholds[0] / threshold) / math.log(thresholds[0] / smallest)
        report(way, come)
        come = way
        state, info = step(jax.random.fold_in(key_stages, len(mixing)), state)
        made = info.update_info
        mixing.append(
            (
                _rank_correlation(np.asarray(made.start), np.asarray(made.end)),
                float(np.mean(made.unmoved)),
                float(np.mean(made.shrunk)),
            )
        )
    report(1.0, come)
    correlation, unmoved, shrunk = np.array(mixing).reshape(-1, 3).T
    return NestedSample(
        deaths=np.concatenate(deaths),
        live=np.concatenate([len(energies) - np.arange(len(own), dtype=float) for own in deaths]),
        bottom=bottom,
        rank_correlation=correlation,
        unmoved=unmoved,
        shrunk=shrunk,
        most_negative=negative,
        zero_share=float(np.mean(energies == 0)),
        stop=stop,  # type: ignore[arg-type]
    )


def _rank_correlation(before: Float[np.ndarray, " new"], after: Float[np.ndarray, " new"]) -> float:
    a, b = ranks(before), ranks(after)
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 0 else 1.0


@lru_cache(maxsize=8)
def _compile(model: Model, live: int, slices: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Drawing the live points, and one stage."""
    triple = model.triple
    coordinates = triple.coordinates

    def state_of(
        u: Float[Array, " d"], loglikelihood_birth: Any = jnp.nan
    ) -> base.StateWithLogLikelihood:
        return base.init_state_strategy(
            u,
            coordinates.log_prob,
            lambda z: -triple.energy(z, triple.data) / triple.n,
            loglikelihood_birth,
        )

    kernel = nss.build_kernel(
        state_of,
        num_inner_steps=slices,
        num_delete=live // 2,
        max_steps=LARGEST_EXPANSION,
        max_shrinkage=LARGEST_SHRINKAGE,
        proposal=_line_through_live_points,
        inner_kernel_params=_live_points,
        update_strategy=_one_chain_from_each_survivor,
    )

    def start(key: Key[Array, ""]) -> adaptive.AdaptiveNSState:
        positions = jax.vmap(coordinates.sample)(jax.random.split(key, live))
        return adaptive.init(
            positions, jax.vmap(state_of), update_inner_kernel_params_fn=_live_points
        )

    return jax.jit(start), jax.jit(kernel)


def _live_points(
    key: Any, state: base.NSState | adaptive.AdaptiveNSState, info: Any, params: Any
) -> dict[str, Array]:
    positions = state.particles.position
    return {"live": positions, "widths": jnp.std(positions, axis=0)}


def _line_through_live_points(
    state_of: Callable[..., base.StateWithLogLikelihood],
    loglikelihood_0: Float[Array, ""],
    live: Float[Array, "live d"],
    widths: Float[Array, " d"],
) -> Callable[..., Any]:
    """Slices along an axis, or along the difference of two live points, as long as twice the spread
    of the live points.

    Returns:
        The function that BlackJAX asks for a slice.
    """

    def propose(
        key: Key[Array, ""], position: Float[Array, " d"], log_density: Any
    ) -> Callable[..., Any]:
        key_kind, key_axis, key_pair = jax.random.split(key, 3)
        axis = jax.random.randint(key_axis, (), 0, len(widths))
        along_axis = jnp.zeros_like(widths).at[axis].set(2 * widths[axis])
        # Two different points: the second is a step of 1 … N-1 further.
        first, further = jax.random.randint(key_pair, (2,), jnp.array([0, 1]), len(live))
        difference = live[first] - live[(first + further) % len(live)]
        direction = jnp.where(jax.random.bernoulli(key_kind), along_axis, difference)

        def on_line(s: Float[Array, ""]) -> tuple[base.StateWithLogLikelihood, Bool[Array, ""]]:
            candidate = state_of(position + s * direction, loglikelihood_0)
            return candidate, candidate.loglikelihood > loglikelihood_0

        return on_line

    return propose


def _one_chain_from_each_survivor(
    slice_step: Callable[..., Any], slices: int, new: int
) -> Callable[..., Any]:
    """BlackJAX draws starting points from the survivors with replacement; one for each keeps the
    population wider.

    Returns:
        The function that BlackJAX asks for starting points.
    """

    def replace(
        key: Key[Array, ""],
        state: adaptive.AdaptiveNSState,
        loglikelihood_0: Float[Array, ""],
        **params: Array,
    ) -> tuple[base.StateWithLogLikelihood, _Replaced]:
        _, survivors = jax.lax.top_k(state.particles.loglikelihood, new)
        begin = jax.tree.map(lambda leaf: leaf[survivors], state.particles)

        def chain(
            key: Key[Array, ""], own: base.StateWithLogLikelihood
        ) -> tuple[base.StateWithLogLikelihood, Any]:
            return jax.lax.scan(
                lambda now, k: slice_step(k, now, loglikelihood_0=loglikelihood_0, **params),
                own,
                jax.random.split(key, slices),
            )

        end, infos = jax.vmap(chain)(jax.random.split(key, new), begin)
        end = end._replace(loglikelihood_birth=jnp.full_like(end.loglikelihood, loglikelihood_0))
        return end, _Replaced(
            -begin.loglikelihood,
            -end.loglikelihood,
            jnp.all(begin.position == end.position, axis=1),
            jnp.mean(infos.is_accepted.astype(end.loglikelihood.dtype), axis=1),
        )

    return replace
