"""Very deep narrow networks, many at a time: how they start, what they compute, and how balancing
moves them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import brentq

from singlearn.flow.balance_scales import Edges, ScaleProgram, minimise

WIDTH, INPUTS = 16, 2
INITIALISATIONS = ("He", "orthogonal", "looks-linear", "imbalanced")
TREATMENTS = (
    "nothing",
    "gradients balanced once",
    "gradients balanced every 20",
    "weights balanced once",
    "LayerNorm",
    "residual",
    "tailored (TAT)",
)
EVERY = 20
"""Steps between two balancings."""
SPREAD = 1.0
"""Standard deviation of log node scales of the imbalanced start."""
SHAPED = 0.9
"""Correlation of two outputs whose inputs are orthogonal, to which the tailored rectifier is set.
"""


class Weights(NamedTuple):
    """Of B networks of the same depth, biases included.

    Attributes:
        first, first_bias: B × width × inputs and B × width.
        hidden, hidden_bias: B × (depth - 2) × width × width and B × (depth - 2) × width.
        last, last_bias: B × 1 × width and B × 1.
    """

    first: torch.Tensor
    first_bias: torch.Tensor
    hidden: torch.Tensor
    hidden_bias: torch.Tensor
    last: torch.Tensor
    last_bias: torch.Tensor


@dataclass(frozen=True)
class LayeredArchitecture:
    """What stands between two layers.

    Attributes:
        treatment: one of ``TREATMENTS``.
        depth: number of layers with weights.
    """

    treatment: str
    depth: int

    @property
    def slope(self) -> float:
        """Of the rectifier for negative inputs."""
        return tailored_slope(self.depth) if self.treatment == "tailored (TAT)" else 0.0

    @property
    def gain(self) -> float:
        """Standard deviation of a weight times √(its inputs) that keeps the size of activations."""
        return math.sqrt(2 / (1 + self.slope**2))

    def forward(
        self, weights: Weights, x: Float[torch.Tensor, "inputs n"]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs (B × n) and activations of the last hidden layer (B × width × n)."""
        size = weights.first.shape[0]
        h = self._activated(
            torch.baddbmm(weights.first_bias[..., None], weights.first, x.expand(size, -1, -1))
        )
        for w, b in zip(weights.hidden.unbind(1), weights.hidden_bias.unbind(1), strict=True):
            z = self._activated(torch.baddbmm(b[..., None], w, h))
            h = h + z if self.treatment == "residual" else z
        return torch.baddbmm(weights.last_bias[..., None], weights.last, h)[:, 0], h

    def _activated(self, z: torch.Tensor) -> torch.Tensor:
        if self.treatment == "LayerNorm":
            z = z - z.mean(1, keepdim=True)
            z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-5)
        return torch.nn.functional.leaky_relu(z, self.slope) if self.slope else torch.relu(z)


@cache
def tailored_slope(depth: int) -> float:
    r"""Slope of a leaky rectifier for which depth layers map orthogonal inputs to correlation 0.9.

    One layer maps a correlation c to

    .. math:: c + \frac{(1 - a)^2}{π (1 + a^2)} \left(\sqrt{1 - c^2} - c \arccos c\right)

    for slope a and Gaussian weights that keep the size (Zhang, Botev & Martens 2022, tailored
    activation transformations).

    Args:
        depth: number of layers with weights.

    >>> [round(tailored_slope(depth), 3) for depth in (10, 30, 200)]
    [0.0, 0.293, 0.679]
    """

    def end(slope: float) -> float:
        factor, c = (1 - slope) ** 2 / (math.pi * (1 + slope**2)), 0.0
        for _ in range(depth - 1):
            c = min(c + factor * (math.sqrt(1 - c * c) - c * math.acos(c)), 1.0)
        return c

    return 0.0 if end(0.0) < SHAPED else float(brentq(lambda slope: end(slope) - SHAPED, 0.0, 1.0))


def start(architecture: LayeredArchitecture, initialisation: str, seeds: list[int]) -> Weights:
    """One network for each seed. He and imbalanced ones of one seed are the same function.

    Args:
        architecture: for the gain, and for residual branches, whose weights are divided by √depth.
        initialisation: one of ``INITIALISATIONS``.
        seeds: of NumPy's generator.
    """
    drawn = [
        _one(architecture, initialisation, np.random.default_rng([seed, architecture.depth]))
        for seed in seeds
    ]
    return Weights(
        *(torch.tensor(np.stack(parts), dtype=torch.float32) for parts in zip(*drawn, strict=True))
    )


def _one(
    architecture: LayeredArchitecture, initialisation: str, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    depth, gain = architecture.depth, architecture.gain
    draw: Callable[[int, int], np.ndarray]
    if initialisation in ("He", "imbalanced"):

        def draw(rows: int, columns: int) -> np.ndarray:
            return rng.normal(size=(rows, columns)) * gain / math.sqrt(columns)

    elif initialisation == "orthogonal":

        def draw(rows: int, columns: int) -> np.ndarray:
            return gain * _orthogonal(rows, columns, rng)

    else:

        def draw(rows: int, columns: int) -> np.ndarray:
            # [z, -z] goes through rectifiers as φ(z) - φ(-z) = (1 + slope) z: the network starts
            # linear.
            return _mirrored(rows, columns, rng) / (1 + architecture.slope)

    first = (
        draw(WIDTH, INPUTS) / gain
        if initialisation != "looks-linear"
        else _mirrored(WIDTH, 2 * INPUTS, rng)[:, :INPUTS]
    )
    hidden = (
        np.stack([draw(WIDTH, WIDTH) for _ in range(depth - 2)])
        if depth > 2
        else np.zeros((0, WIDTH, WIDTH))
    )
    if architecture.treatment == "residual":
        hidden = hidden / math.sqrt(depth)
    last = rng.normal(size=(1, WIDTH)) / math.sqrt(WIDTH)
    if initialisation == "looks-linear":
        last[:, WIDTH // 2 :] = -last[:, : WIDTH // 2]
    if initialisation == "imbalanced" and architecture.treatment not in ("residual",):
        s = np.exp(SPREAD * rng.normal(size=(depth - 1, WIDTH)))
        first, hidden, last = (
            s[0][:, None] * first,
            s[1:, :, None] * hidden / s[:-1, None, :],
            last / s[-1],
        )
    elif initialisation == "imbalanced":
        # The stream of a residual network cannot be rescaled node by node; its branches are read
        # and written unevenly instead.
        s = np.exp(SPREAD * rng.normal(size=(depth - 2, WIDTH)))
        hidden = s[:, :, None] * hidden
    return first, np.zeros(WIDTH), hidden, np.zeros((depth - 2, WIDTH)), last, np.zeros(1)


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T


def _mirrored(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    w = _orthogonal(rows // 2, columns // 2, rng)
    return np.block([[w, -w], [-w, w]])


def balance(
    weights: Weights, what: str, covectors: list[Weights], squares: list[Weights], tolerance: float
) -> float:
    """Move all networks to the representative of least total norm of gradients or of weights, in
    place.

    Args:
        weights: of the networks; their ``grad`` is moved along.
        what: "gradients" or "weights".
        covectors: what changes as gradients do: momentum.
        squares: what changes as their squares do.
        tolerance: of |in - out| / (in + out) at every node.

    Returns:
        The largest |in - out| / (in + out) that is left.
    """
    grads = [w.grad for w in weights if w.grad is not None]
    first, first_bias, hidden, hidden_bias, last, _ = (
        part.detach().double().numpy() for part in (grads if what == "gradients" else weights)
    )
    layers = [first, *np.moveaxis(hidden, 1, 0), last]
    biases = [first_bias, *np.moveaxis(hidden_bias, 1, 0)]
    nodes, edges = len(biases), []
    for k, layer in enumerate(layers):
        edges.append(Edges(k - 1 if k else None, k if k < nodes else None, layer**2))
        if k < nodes:
            edges.append(Edges(None, k, biases[k][..., None] ** 2))
    found = minimise(
        ScaleProgram(
            (WIDTH,) * nodes, (1.0,) * nodes, tuple(edges), 1 if what == "gradients" else -1
        ),
        tolerance,
    )
    s = torch.tensor(np.exp(np.stack(found.log_scales, axis=1)), dtype=torch.float32)
    scales = Weights(
        s[:, 0, :, None].expand_as(weights.first),
        s[:, 0],
        s[:, 1:, :, None] / s[:, :-1, None, :],
        s[:, 1:],
        1 / s[:, -1:, :],
        torch.ones_like(weights.last_bias),
    )
    with torch.no_grad():
        for k, scale in enumerate(scales):
            weights[k].mul_(scale)
            grads[k].div_(scale)
            for part in covectors:
                part[k].div_(scale)
            for part in squares:
                part[k].div_(scale**2)
    return float(np.max(found.residual))


def cosine(h: Float[torch.Tensor, "b w n"]) -> Float[np.ndarray, " b"]:
    """Mean cosine between the activations of two different inputs."""
    unit = h / h.norm(dim=1, keepdim=True).clamp_min(1e-30)
    whole = torch.einsum("bwn,bwm->bnm", unit, unit)
    count = h.shape[-1]
    return ((whole.sum((1, 2)) - count) / (count * (count - 1))).numpy()
