r"""How much posterior lies in a mode: its widths on the scale of thermal fluctuations, and its mass
from draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import chdtri, gammaln, logsumexp

from singlearn.tempering.landscape import Landscape

# Steps of the line scans, in units of the prior's width: a well of relative width 1e-14 is one
# rounding error wide.
STEPS = np.geomspace(1e-14, 2.0, 21)
RISE = 0.5
LOPSIDED = 0.5
# The second scan, in units of the width that the curvature promises.
AROUND = np.array([0.1, 0.3, 0.6, 1.0, 1.5, 3.0, 10.0, 100.0])
DRAWS = 256
# Draws are added until they are worth so many independent ones, and at most so many times.
ENOUGH, MOST_ROUNDS = 30.0, 16
# What of a Gaussian mode its ellipsoid leaves out, and how much wider than that it is made.
LEFT_OUT = 1e-6
MARGIN = 1.25


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    r"""The set :math:`|A^{-1}(u - c)| ≤ r` of flat coordinates, with which a mode is set apart from
    everything else.

    Attributes:
        centre: c.
        axes: A, d × d: its columns are one standard deviation long.
        radius: r, in standard deviations.
    """

    centre: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "d d"]
    radius: float

    def distance(self, points: Float[np.ndarray, "*batch d"]) -> Float[np.ndarray, "*batch"]:
        """|A⁻¹(u - c)|, in standard deviations."""
        flat = (points - self.centre).reshape(-1, len(self.centre))
        whitened = np.linalg.solve(self.axes, flat.T).T
        found: Float[np.ndarray, "*batch"] = np.linalg.norm(whitened, axis=1).reshape(
            points.shape[:-1]
        )
        return found

    def holds(self, points: Float[np.ndarray, "*batch d"]) -> Bool[np.ndarray, "*batch"]:
        """Which points lie inside."""
        return self.distance(points) <= self.radius

    @property
    def log_volume(self) -> float:
        """Log of the volume, in flat coordinates."""
        d = len(self.centre)
        return float(
            np.linalg.slogdet(self.axes)[1]
            + d * math.log(self.radius)
            + d / 2 * math.log(math.pi)
            - gammaln(d / 2 + 1)
        )


def radius_of(d: int) -> float:
    """The radius that leaves out ``LEFT_OUT`` of a Gaussian of d dimensions, and a margin."""
    return MARGIN * math.sqrt(float(chdtri(d, LEFT_OUT)))


@dataclass(frozen=True, eq=False)
class Mode:
    r"""A minimum of :math:`βnL_n - \log φ` and what its neighbourhood weighs.

    Attributes:
        ellipsoid: around it.
        energy: n L_n at the minimum, in nats.
        draws: around it, from the Gaussian with the axes of the ellipsoid.
        log_weights: of the draws, in nats; -inf outside the ellipsoid.
    """

    ellipsoid: Ellipsoid
    energy: float
    draws: Float[np.ndarray, "draws d"] = field(repr=False)
    log_weights: Float[np.ndarray, " draws"] = field(repr=False)

    @property
    def free_energy(self) -> float:
        r""":math:`-\log ∫ e^{-βnL_n} φ\,dw` over the ellipsoid, in nats, from its draws."""
        return math.log(len(self.log_weights)) - float(logsumexp(self.log_weights))

    @property
    def free_energy_at_most(self) -> float:
        """The same without the heaviest draw: a mass that no single draw decides, in nats."""
        order = np.sort(self.log_weights)
        return math.log(len(order)) - float(logsumexp(order[:-1]))

    @property
    def effective(self) -> float:
        """How many independent draws the weighted ones are worth (Kish)."""
        return math.exp(
            2 * float(logsumexp(self.log_weights)) - float(logsumexp(2 * self.log_weights))
        )

    def with_more_draws(
        self, landscape: Landscape, beta: float, generator: np.random.Generator
    ) -> Mode:
        """The same mode with as many draws as its mass needs, within reason."""
        found = self
        for _ in range(MOST_ROUNDS - 1):
            if found.effective >= ENOUGH:
                break
            drawn, log_weights = weighted_draws(landscape, found.ellipsoid, beta, generator)
            draws = np.concatenate([found.draws, drawn])
            found = replace(
                found, draws=draws, log_weights=np.concatenate([found.log_weights, log_weights])
            )
        return found


def evaluations_of_mode(d: int) -> int:
    """How many points :func:`measure_mode` looks at."""
    return 2 * d * (len(STEPS) + len(AROUND) + 1) + DRAWS


def measure_mode(
    landscape: Landscape,
    centre: Float[np.ndarray, " d"],
    scales: Float[np.ndarray, " d"],
    beta: float,
    generator: np.random.Generator,
) -> Mode | None:
    r"""The widths and the mass of the mode at ``centre``.

    The widths are those over which :math:`βnL_n - \log φ` rises by about half a nat, not those of
    an infinitesimal Hessian: first along each coordinate, then, from gradients half a width apart,
    along the principal axes of the curvature, where they are scanned again. So a box, a cusp and a
    quartic have widths too, and a direction without curvature is as wide as the prior. The mass is

    .. math:: \frac{1}{S} Σ_s \frac{e^{-βnL_n(u_s)} φ(u_s)}{q(u_s)} 1[u_s ∈ \text{ellipsoid}],
        \quad u_s ∼ q = N(c, AA^T),

    which is Laplace's where the mode is Gaussian, and otherwise counts what is there and not what a
    parabola promises.

    Args:
        landscape: of the triple.
        centre: flat coordinates.
        scales: the prior's standard deviations in flat coordinates.
        beta: > 0, in 1/nats.
        generator: for the draws.

    Returns:
        The mode, or ``None`` where the energy at the centre is infinite.
    """
    d = len(centre)
    lowest = float(landscape.costs(centre[None], beta)[0])
    if not math.isfinite(lowest):
        return None
    steps = np.broadcast_to(STEPS, (d, len(STEPS)))
    sides = _widths(landscape, centre, np.diag(scales), steps, beta, lowest)
    # From the edge of a plateau, or down a one-sided slope, its middle is the better centre.
    middle = centre + scales * (sides[:, 0] - sides[:, 1]) / 2
    there = float(landscape.costs(middle[None], beta)[0])
    if np.any(np.abs(np.log(sides[:, 0] / sides[:, 1])) > LOPSIDED) and there < lowest + RISE:
        centre, lowest = middle, there
        sides = _widths(landscape, centre, np.diag(scales), steps, beta, lowest)
    widths = scales * sides.mean(axis=1)
    tips = np.concatenate([centre + 0.5 * np.diag(widths), centre - 0.5 * np.diag(widths)])
    _, gradients, _ = landscape.look(tips, beta)
    hessian = np.nan_to_num((gradients[:d] - gradients[d:]) * widths)
    hessian = (hessian + hessian.T) / 2
    curvatures, vectors = np.linalg.eigh(hessian)
    frame = widths[:, None] * vectors
    # Axes scanned up to two of the prior's widths, whichever coordinate reaches them first.
    longest = 1 / np.maximum(np.abs(frame) / scales[:, None], 1e-300).max(axis=0)
    axes = frame * longest
    promised = 1 / (np.sqrt(np.maximum(curvatures, 1e-12)) * longest)
    # Without curvature, from the widths along the coordinates on, in units of the longest axis,
    # which is 1.
    unpromised = np.stack(
        [
            np.concatenate([[0.3, 1, 3] / own, np.geomspace(10 / own, 2.0, len(AROUND) - 3)])
            for own in longest
        ]
    )
    steps = np.where(
        curvatures[:, None] > 0.01, promised[:, None] * AROUND, np.sort(unpromised, axis=1)
    )
    steps = np.minimum(steps, 2.0)
    axes = axes * _widths(landscape, centre, axes.T, steps, beta, lowest).mean(axis=1)
    ellipsoid = Ellipsoid(centre, axes, radius_of(d))
    draws, log_weights = weighted_draws(landscape, ellipsoid, beta, generator)
    if not np.isfinite(log_weights).any():
        return None
    return Mode(ellipsoid, float(landscape.look(centre[None], beta)[2][0]), draws, log_weights)


def weighted_draws(
    landscape: Landscape, ellipsoid: Ellipsoid, beta: float, generator: np.random.Generator
) -> tuple[Float[np.ndarray, "draws d"], Float[np.ndarray, " draws"]]:
    """Gaussian draws around a mode, and the log of what each weighs, in nats."""
    d = len(ellipsoid.centre)
    z = generator.normal(size=(DRAWS, d))
    drawn = ellipsoid.centre + z @ ellipsoid.axes.T
    log_density = (
        -0.5 * np.sum(z**2, axis=1)
        - 0.5 * d * math.log(2 * math.pi)
        - float(np.linalg.slogdet(ellipsoid.axes)[1])
    )
    log_weights = -landscape.costs(drawn, beta) - log_density
    return drawn, np.where(np.linalg.norm(z, axis=1) <= ellipsoid.radius, log_weights, -np.inf)


def _widths(
    landscape: Landscape,
    centre: Float[np.ndarray, " d"],
    directions: Float[np.ndarray, "d d"],
    steps: Float[np.ndarray, "d steps"],
    beta: float,
    lowest: float,
) -> Float[np.ndarray, "d 2"]:
    """How far along each direction (row) one has to go, to either side, for a rise of ``RISE``
    nats; at most 1.
    """
    d = len(centre)
    offsets = np.stack([steps, -steps], axis=1)
    points = centre + offsets[..., None] * directions[:, None, None, :]
    rises = landscape.costs(points.reshape(-1, d), beta).reshape(offsets.shape) - lowest
    found = np.ones((d, 2))
    for axis in range(d):
        for side in range(2):
            high = np.flatnonzero(~(rises[axis, side] < RISE))
            if not high.size:
                continue
            first = high[0]
            above, step = rises[axis, side, first], steps[axis, first]
            below, shorter = (
                (rises[axis, side, first - 1], steps[axis, first - 1]) if first else (0.0, step / 3)
            )
            # A parabola through the step that rises enough, where that is one; a wall stands
            # between two steps.
            found[axis, side] = (
                step * math.sqrt(RISE / above) if above < 16 * RISE else max(shorter, step * 0.25)
            )
            if 0.02 < below < RISE:
                found[axis, side] = shorter * math.sqrt(RISE / below)
    return np.minimum(found, 1.0)
