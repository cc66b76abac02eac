"""The formulas of one Langevin step, in arithmetic that NumPy, JAX and PyTorch arrays share."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float


def kick(noise_before: Any, noise: Any, step: Any) -> Any:
    r"""The noise :math:`\sqrt{ε}\, \frac{z + z'}{2}` of one step, z' used again in the next.

    Args:
        noise_before: z, standard normal, chains × d, the ``noise`` of the step before.
        noise: z', standard normal, new.
        step: ε, chains × 1.

    >>> kick(np.array([[1.0]]), np.array([[2.0]]), 0.25)
    array([[0.75]])
    """
    return 0.5 * step**0.5 * (noise_before + noise)


def advance(position: Any, force: Any, kick: Any, step: Any) -> Any:
    r"""One step :math:`w' = w - \frac{ε}{2} ∇U(w) + \sqrt{ε}\, \frac{z + z'}{2}`.

    With noise that neighbouring steps share, Gaussian directions are sampled without error at any
    step that is stable, where fresh noise would heat a direction of curvature h by a factor 1/(1 -
    εh/4); other errors are O(ε²) (Leimkuhler & Matthews 2013 [leimkuhler2013rational]_).

    Args:
        position: w, chains × d.
        force: ∇U(w), chains × d.
        kick: the noise of the step, chains × d.
        step: ε, chains × 1.

    >>> h, step, rng = 4.0, 0.2, np.random.default_rng(0)
    >>> w, z, squares = np.zeros((1000, 1)), rng.normal(size=(1000, 1)), []
    >>> for _ in range(400):
    ...     new = rng.normal(size=(1000, 1))
    ...     w, z = advance(w, h * w, kick(z, new, step), step), new
    ...     squares.append(np.mean(w**2))
    >>> bool(abs(h * np.mean(squares[50:]) - 1) < 0.01)  # fresh noise: 1/(1 - 0.2) = 1.25
    True
    """
    return position + kick - 0.5 * step * force


LARGEST_DRIFT = 3.0
"""In units of the noise of a step, :math:`\\sqrt ε`, for each coordinate."""


def tamed(force: Any, step: Any) -> Any:
    r"""The force, no coordinate larger than :math:`6/\sqrt ε`, so that no drift :math:`\frac ε2
    F_i` exceeds :math:`3\sqrt ε`.

    A Gaussian direction at a stable step does not reach it within six standard deviations. Where a
    gradient grows faster than linearly, or jumps, a chain comes back instead of being thrown
    further at every step (Hutzenthaler, Jentzen & Kloeden 2012 [hutzenthaler2012tamed]_). Judged
    steps are judged with the drift that they take, so they stay exact.

    Args:
        force: ∇U(w), chains × d, finite or infinite.
        step: ε, chains × 1.

    >>> tamed(np.array([[1.0, -1e9]]), np.array([[0.04]]))
    array([[  1., -30.]])
    """
    largest = 2 * LARGEST_DRIFT / step**0.5
    return force.clip(-largest, largest)


def log_acceptance(
    energy: Any, energy_there: Any, force: Any, force_there: Any, noise: Any, step: Any
) -> Any:
    r"""log of the Metropolis ratio of the step :math:`w' = w - \frac{ε}{2} ∇U(w) + \sqrt ε\, z`,
    one number a chain.

    .. math:: U(w) - U(w') + \frac{\sqrt ε}{2} ⟨z, g + g'⟩ - \frac{ε}{8} |g + g'|^2, \qquad
        g = ∇U(w), \; g' = ∇U(w').

    >>> w, z, step = np.array([[0.3]]), np.array([[0.5]]), 0.1     # U = w²/2, so g = w
    >>> there = w - 0.5 * step * w + step**0.5 * z
    >>> def move(a, b): return -(b - a + 0.5 * step * a) ** 2 / (2 * step)
    >>> direct = 0.5 * w**2 - 0.5 * there**2 + move(there, w) - move(w, there)
    >>> energy, energy_there = 0.5 * w[:, 0] ** 2, 0.5 * there[:, 0] ** 2
    >>> found = log_acceptance(energy, energy_there, w, there, z, step)
    >>> bool(abs(found[0] - direct[0, 0]) < 1e-12)
    True
    """
    both = force + force_there
    return energy - energy_there + (0.5 * step**0.5 * noise * both - 0.125 * step * both**2).sum(1)


def heating(
    step: Float[np.ndarray, " chains"], gradient_noise: Float[np.ndarray, " chains"], dimension: int
) -> Float[np.ndarray, " chains"]:
    r"""Share by which minibatch noise heats the chain: :math:`\frac{ε\, |nβ(g_1 - g_2)|^2}{8 d}`.

    :math:`|nβ(g_1-g_2)|^2 / 2` is the variance S of the force, and a step adds :math:`ε^2 S/4` to
    the :math:`ε d` of its own noise. In units of λ this is ``heating × d/2``.

    Args:
        step: ε.
        gradient_noise: :math:`|nβ (g_1 - g_2)|^2`, of two minibatches.
        dimension: d.

    >>> float(heating(np.array([0.1]), np.array([8.0]), dimension=10)[0])
    0.01
    """
    found: Float[np.ndarray, " chains"] = step * gradient_noise / (8 * dimension)
    return found
