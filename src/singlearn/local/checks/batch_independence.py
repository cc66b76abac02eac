"""Whether the loss of a sample is its own: the same in every batch and at every call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float, Integer

DISPLACEMENTS = (0.0, 0.1, 1.0)
"""Where losses are compared: at w*, and near and far from it, in units of the tie
:math:`γ^{-1/2}`. At w* a loss may vanish, and with it all that depends on the batch."""
WATCHED = 24
"""Samples whose losses are compared."""
CROWD = 64
"""Samples of the largest batch."""
PIECES = (1, 2, 3, 5)
"""Sizes of batches that the watched samples are cut into; what is left is one more."""
RELATIVE = 1e-3
OF_SCALE = 1e-5
"""Differences that rounding may make: relative to the loss, and to the largest loss nearby."""
LEAST = 1e-5
"""Smaller differences, in nats, need a proof in double precision that they are no rounding."""
KEPT = 1e-3
"""Share of a difference that double precision must keep: of rounding it keeps 1e-8 or so."""
REPEATED = 1e-5
"""By how much, relative to the largest loss, one batch may differ from itself at another call."""

Losses = Callable[[float, Integer[np.ndarray, " m"]], Float[np.ndarray, " m"]]
"""From a displacement in units of the tie, in a direction that stays the same, and the numbers of
samples, all in one batch, to their losses."""


class Dependence(StrEnum):
    """What the loss of a sample depends on besides the sample and the parameters."""

    CALL = "call"
    ORDER = "order"
    SIZE = "size"
    COMPANY = "company"


@dataclass(frozen=True)
class Found:
    """One sample with two losses.

    Attributes:
        dependence: what was changed between the two.
        sample: its number.
        losses: in nats: in the first batch and in the second.
        sizes: of the two batches.
        displacement: where, in units of the tie.
    """

    dependence: Dependence
    sample: int
    losses: tuple[float, float]
    sizes: tuple[int, int]
    displacement: float

    def __str__(self) -> str:
        one, other = (f"{loss:.6g}" for loss in self.losses)
        where = "at w*" if self.displacement == 0 else "near w*"
        if self.dependence is Dependence.CALL:
            return (
                f"{where} sample {self.sample} has the loss {one} at one call and {other} at the "
                "next, in the same batch"
            )
        size = f"in a batch of {self.sizes[0]}"
        how = {
            Dependence.ORDER: f"{size} and {other} in the same batch in another order",
            Dependence.SIZE: f"{size} and {other} in a batch of {self.sizes[1]}",
            Dependence.COMPANY: f"{size} and {other} in another batch of as many samples",
        }[self.dependence]
        return f"{where} sample {self.sample} has the loss {one} {how}"


def find_dependence(
    losses: Losses,
    samples: int,
    seed: int,
    at_centre: Float[np.ndarray, " samples"] | None = None,
    exact: Losses | None = None,
    at_once: int = CROWD,
) -> Found | None:
    """Look for a loss that depends on the batch or on the call.

    Some samples, among them those of the largest and the smallest losses, are put into random
    batches of several sizes and orders, with and without others, at w* and at two displaced
    points. It costs about nine batches, of 24 samples at most and one of 64, at each of the three
    points.

    Args:
        losses: see :data:`Losses`.
        samples: how many there are.
        seed: of the choice.
        at_centre: losses of all samples at w*, if known.
        exact: the same in double precision, asked where ``losses`` differ: rounding depends on the
            size of a batch too, in which a product of matrices is summed in another order. Where it
            fails, or without it, differences below :data:`LEAST` count as rounding.
        at_once: samples that may be in one batch, at most.

    Returns:
        The worst example that was found first, or ``None``.

    >>> x = np.linspace(-1, 1, 100)
    >>> def squared(displacement, index): return (displacement * x[index]) ** 2
    >>> def shared(displacement, index): return squared(displacement, index) / len(index)
    >>> find_dependence(squared, 100, 0) is None, find_dependence(shared, 100, 0).dependence
    (True, <Dependence.SIZE: 'size'>)
    """
    rng = np.random.default_rng([seed, 3])
    watched = _watched(samples, min(WATCHED, at_once), rng, at_centre)
    others = (
        np.setdiff1d(np.arange(samples), watched)
        if samples <= 100 * CROWD
        else rng.integers(samples, size=2 * CROWD)
    )
    # Repeated samples in a batch are a sample's twins, and no strangers.
    others = np.setdiff1d(others, watched)
    crowd = rng.choice(
        others, min(len(others), max(0, min(CROWD, at_once) - len(watched))), replace=False
    )
    shuffled = rng.permutation(len(watched))
    batches = _batches(watched, shuffled, crowd, rng)
    first: dict[float, np.ndarray] = {}
    scale = 0.0
    for displacement in DISPLACEMENTS[:2]:
        with np.errstate(all="ignore"):
            first[displacement] = np.asarray(losses(displacement, watched), dtype=np.float64)
        seen = np.abs(first[displacement][np.isfinite(first[displacement])])
        scale = max(scale, float(seen.max(initial=0.0)))
    for displacement in DISPLACEMENTS:
        mine = (
            first[displacement]
            if displacement in first
            else np.asarray(losses(displacement, watched), dtype=np.float64)
        )
        finite = np.abs(mine[np.isfinite(mine)])
        here = max(scale, float(finite.max(initial=0.0)))
        again = np.asarray(losses(displacement, watched), dtype=np.float64)
        worst = _worst(mine, again, np.full(len(mine), REPEATED * here))
        if worst is not None:
            return _found(
                Dependence.CALL, watched, worst, mine, again, (len(watched),) * 2, displacement
            )
        for batch, places, dependence in batches:
            theirs = np.asarray(losses(displacement, batch), dtype=np.float64)[: len(places)]
            ours = mine[places]
            allowed = RELATIVE * np.maximum(np.abs(ours), np.abs(theirs)) + OF_SCALE * here
            worst = _worst(ours, theirs, allowed)
            if worst is not None and _is_real(
                exact, displacement, watched, batch, places, abs(theirs[worst] - ours[worst])
            ):
                return _found(
                    dependence,
                    watched[places],
                    worst,
                    ours,
                    theirs,
                    (len(watched), len(batch)),
                    displacement,
                )
    return None


def _watched(
    samples: int,
    most: int,
    rng: np.random.Generator,
    at_centre: Float[np.ndarray, " samples"] | None,
) -> Integer[np.ndarray, " m"]:
    """Which samples: extreme ones, for what is clipped at the mean of a batch is one of these, and
    random ones.
    """
    count = min(samples, most)
    chosen = rng.choice(samples, count, replace=False)
    if at_centre is not None and samples > count:
        order = np.argsort(at_centre, kind="stable")
        extremes = np.concatenate([order[:2], order[-6:]])
        chosen = np.concatenate([extremes, np.setdiff1d(chosen, extremes)])[:count]
        chosen = rng.permutation(chosen)
    return np.asarray(chosen, dtype=np.int64)


def _batches(
    watched: Integer[np.ndarray, " m"],
    shuffled: Integer[np.ndarray, " m"],
    crowd: Integer[np.ndarray, " k"],
    rng: np.random.Generator,
) -> list[tuple[np.ndarray, np.ndarray, Dependence]]:
    """Batches, the places of their first members among ``watched``, and what is other than in
    ``watched`` itself.
    """
    found = [(watched[shuffled], shuffled, Dependence.ORDER)]
    begun = 0
    for size in (*PIECES, len(watched)):
        places = shuffled[begun : begun + size]
        begun += size
        if 0 < len(places) < len(watched):
            found.append((watched[places], places, Dependence.SIZE))
    if len(crowd):
        everybody = np.arange(len(watched))
        found.append((np.concatenate([watched, crowd]), everybody, Dependence.SIZE))
        half = rng.permutation(len(watched))[: max(1, len(watched) // 2)]
        strangers = crowd[: len(watched) - len(half)]
        kind = Dependence.COMPANY if len(half) + len(strangers) == len(watched) else Dependence.SIZE
        found.append((np.concatenate([watched[half], strangers]), half, kind))
    return found


def _worst(ours: np.ndarray, theirs: np.ndarray, allowed: np.ndarray) -> int | None:
    """Where both are finite and differ most by more than is allowed; first, a loss that is finite
    in one batch only.
    """
    one_sided = np.isfinite(ours) != np.isfinite(theirs)
    if one_sided.any():
        return int(np.argmax(one_sided))
    with np.errstate(invalid="ignore"):
        beyond = np.abs(ours - theirs) - allowed
    beyond = np.where(np.isfinite(beyond), beyond, -np.inf)
    place = int(np.argmax(beyond))
    return place if beyond[place] > 0 else None


def _is_real(
    exact: Losses | None,
    displacement: float,
    watched: Integer[np.ndarray, " m"],
    batch: Integer[np.ndarray, " k"],
    places: Integer[np.ndarray, " p"],
    difference: float,
) -> bool:
    """Whether a difference is there in double precision too.

    A loss may be nothing but rounding, as a divergence from w* at w* of a network that is sure of
    its answers: then the losses in double precision differ as well, relative to themselves.
    """
    if exact is None:
        return not difference < LEAST
    try:
        ours = np.asarray(exact(displacement, watched), dtype=np.float64)[places]
        theirs = np.asarray(exact(displacement, batch), dtype=np.float64)[: len(places)]
    except Exception:  # a network may have float32 written into it
        return not difference < LEAST
    scale = float(np.abs(ours[np.isfinite(ours)]).max(initial=0.0))
    worst = _worst(ours, theirs, RELATIVE * np.abs(ours) + OF_SCALE * scale)
    return worst is not None and not abs(theirs[worst] - ours[worst]) < KEPT * difference


def _found(
    dependence: Dependence,
    numbers: Integer[np.ndarray, " m"],
    place: int,
    ours: Float[np.ndarray, " m"],
    theirs: Float[np.ndarray, " m"],
    sizes: tuple[int, int],
    displacement: float,
) -> Found:
    both = float(ours[place]), float(theirs[place])
    return Found(dependence, int(numbers[place]), both, sizes, displacement)
