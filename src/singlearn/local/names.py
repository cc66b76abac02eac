"""Parameters chosen, and tied to w*, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

Selection = str | Sequence[str] | Mapping[str, Any] | None
"""A pattern such as ``"layers.3.attn.*"``, several of them, masks by name, or ``None`` for all."""

Tie = float | int | str | Mapping[str, Any]
"""γ: one number for all, or by pattern of names a number or an array of the parameter's shape."""


def tie_scales(masks: Mapping[str, Bool[np.ndarray, "..."]], gamma: Tie) -> tuple[float, dict[str, Float[np.ndarray, " chosen"]]]:
    r"""The tie as one number γ on coordinates :math:`u = (w - w^*) / s`, and the scales s of the chosen entries.

    One number leaves the parameters as they are, :math:`s = 1`. With :math:`γ_i` by name, :math:`s_i = γ_i^{-1/2}` and γ = 1: a network
    whose parameters are rescaled by :math:`d_i` with ties :math:`γ_i / d_i^2` then has the same chains in u.

    Args:
        masks: as of :func:`choose`.
        gamma: γ; where patterns overlap the first that a name matches counts.

    Raises:
        ValueError: a chosen parameter that no pattern matches, a shape that does not fit, numbers that are not positive.

    >>> tie_scales({"a.w": np.ones(2, dtype=bool), "b.w": np.ones(1, dtype=bool)}, {"a.*": 4.0, "*": 0.25})
    (1.0, {'a.w': array([0.5, 0.5]), 'b.w': array([2.])})
    """
    if not isinstance(gamma, Mapping):
        return float(gamma), {name: np.ones(int(mask.sum())) for name, mask in masks.items()}
    scales = {}
    for name, mask in masks.items():
        pattern = next((pattern for pattern in gamma if fnmatchcase(name, pattern)), None)
        if pattern is None:
            raise ValueError(f"gamma: no pattern of {', '.join(gamma)} matches the parameter {name}; every sampled one should have a tie")
        given = np.asarray(gamma[pattern], dtype=float)
        if given.ndim and given.shape != mask.shape:
            raise ValueError(f"gamma: for {name} it has shape {given.shape}; it should be a number or have shape {mask.shape}")
        if not bool((given > 0).all() and np.isfinite(given).all()):
            raise ValueError(f"gamma: for {name} it has entries that are not positive; a direction without a tie has no posterior")
        scales[name] = np.broadcast_to(given, mask.shape)[mask] ** -0.5
    return 1.0, scales


def choose(shapes: Mapping[str, tuple[int, ...]], only: Selection) -> dict[str, Bool[np.ndarray, "..."]]:
    """The entries to sample: a mask for every parameter of which some are.

    Args:
        shapes: of all parameters, by name.
        only: patterns as of a shell (``*``, ``?``, ``[…]``), of which a parameter matches at least one; or masks by name.

    Raises:
        ValueError: a pattern that matches nothing, a mask of an unknown name or another shape, nothing chosen.

    >>> {name: int(mask.sum()) for name, mask in choose({"a.w": (2, 3), "a.b": (3,), "c.w": (3, 1)}, "a.*").items()}
    {'a.w': 6, 'a.b': 3}
    >>> {name: int(mask.sum()) for name, mask in choose({"w": (2, 2)}, {"w": np.eye(2, dtype=bool)}).items()}
    {'w': 2}
    """
    known = ", ".join(list(shapes)[:12]) + (", …" if len(shapes) > 12 else "")
    if isinstance(only, Mapping):
        masks = {}
        for name, mask in only.items():
            given = np.asarray(mask, dtype=bool)
            if name not in shapes:
                raise ValueError(f"only: no parameter is called {name!r}; there are {known}")
            if given.shape != tuple(shapes[name]):
                raise ValueError(f"only: the mask of {name} has shape {given.shape}; it should be {tuple(shapes[name])}")
            if given.any():
                masks[name] = given
    else:
        patterns = ["*"] if only is None else [only] if isinstance(only, str) else list(only)
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in shapes):
                raise ValueError(f"only: {pattern!r} matches no parameter; there are {known}")
        masks = {
            name: np.ones(shape, dtype=bool)
            for name, shape in shapes.items()
            if any(fnmatchcase(name, pattern) for pattern in patterns) and int(np.prod(shape)) > 0
        }
    if not masks:
        raise ValueError(f"only: got {only!r}, which chooses no parameter; there are {known}")
    return masks
