"""Parameters chosen by name or by mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from jaxtyping import Bool

Selection = str | Sequence[str] | Mapping[str, Any] | None
"""A pattern such as ``"layers.3.attn.*"``, several of them, masks by name, or ``None`` for all."""


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
