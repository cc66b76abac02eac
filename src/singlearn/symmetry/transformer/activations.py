"""The functions between the two layers of an MLP, and what commutes with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import erf, expit

TANH_FACTOR = float(np.sqrt(2 / np.pi))
CUBIC = 0.044715


def _relu(u: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.maximum(u, 0.0)
    return found


def _gelu(u: np.ndarray) -> np.ndarray:
    found: np.ndarray = u * 0.5 * (1 + erf(u / np.sqrt(2.0)))
    return found


def _gelu_new(u: np.ndarray) -> np.ndarray:
    found: np.ndarray = 0.5 * u * (1 + np.tanh(TANH_FACTOR * (u + CUBIC * u**3)))
    return found


def _silu(u: np.ndarray) -> np.ndarray:
    found: np.ndarray = u * expit(u)
    return found


def _quick_gelu(u: np.ndarray) -> np.ndarray:
    found: np.ndarray = u * expit(1.702 * u)
    return found


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": _relu,
    "gelu": _gelu,
    "gelu_new": _gelu_new,
    "silu": _silu,
    "quick_gelu": _quick_gelu,
}
r"""By name: :math:`\max(u, 0)`; :math:`u Φ(u)`; its approximation by a hyperbolic tangent, which
differs from it by
up to 5e-4; :math:`u σ(u)`; :math:`u σ(1.702 u)`. Only the first commutes with positive factors. All
are 0 at 0.
"""

LIBRARY_NAMES = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "gelu_python_tanh": "gelu_new",
    "silu": "silu",
    "swish": "silu",
    "quick_gelu": "quick_gelu",
}
"""What Hugging Face's configurations call them."""
